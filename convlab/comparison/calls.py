"""The calls of another framework's layers, and what each returned."""

from typing import Any

from convlab.runtime.arrays import Array


class Calls:
    """The calls of one run, in order; a layer that is called again is kept as `name/2`, `name/3`, ...

    Attributes
    ----------
    arrays : dict of str to array
        Name of the call -> what it returned, as NumPy.
    kinds : dict of str to str
        Name of the call -> class of the layer.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self.kinds: dict[str, str] = {}
        self._tensors: dict[str, Any] = {}

    def keep(self, name: str, kind: str, tensor: Any, array: Array) -> None:
        """Keep what a call returned: the framework's tensor, and its numbers."""
        numbered, call = name, 1
        while numbered in self.arrays:
            call += 1
            numbered = f"{name}/{call}"
        self.arrays[numbered], self.kinds[numbered], self._tensors[numbered] = array, kind, tensor

    def made(self, tensor: Any) -> str | None:
        """Return the name of the last call that returned this very tensor; None if none did."""
        return next((name for name in reversed(self._tensors) if self._tensors[name] is tensor), None)
