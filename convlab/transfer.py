"""What lies on a GPU, as the host sees it."""

from collections.abc import Iterator, Mapping
from typing import Any

from convlab.arrays import Array
from convlab.layers.once import once


class HostCopies(Mapping[str, Array]):
    """Arrays of a GPU by name, each copied to the host when it is first asked for.

    Attributes
    ----------
    on_device : mapping of str to cupy.ndarray
        Where they lie.
    """

    def __init__(self, on_device: Mapping[str, Any]) -> None:
        self.on_device = on_device
        self._copies: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        """Return an array as NumPy's."""
        return once(self._copies, name, self.on_device[name].get)

    def __contains__(self, name: object) -> bool:
        return name in self.on_device  # Mapping's own would copy the array

    def __iter__(self) -> Iterator[str]:
        return iter(self.on_device)

    def __len__(self) -> int:
        return len(self.on_device)

    def all(self) -> dict[str, Array]:
        """Return all of them as NumPy's arrays, copied one behind the other without a wait in between.

        The memory is page-locked: only that can a GPU write to by itself, at the full speed of the bus.
        """
        import cupy
        import cupyx

        stream = cupy.cuda.Stream(non_blocking=True)
        stream.wait_event(cupy.cuda.get_current_stream().record())
        for name, array in self.on_device.items():
            if name not in self._copies:
                copy = cupyx.empty_pinned(array.shape, array.dtype)
                self._copies[name] = array.get(stream=stream, out=copy, blocking=False)
        stream.synchronize()
        return {name: self._copies[name] for name in self.on_device}


def on_host(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """Return arrays by name, all of them on the host."""
    return arrays.all() if isinstance(arrays, HostCopies) else arrays
