"""Copies on the host of what lies on a GPU, made when they are asked for."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from convlab.runtime.arrays import Array
from convlab.runtime.once import once


class HostCopies(MutableMapping[str, Array]):
    """Arrays of a GPU by name, each copied to the host when it is first asked for.

    Attributes
    ----------
    on_device : mapping of str to cupy.ndarray
        Where they lie.
    """

    def __init__(self) -> None:
        self.on_device: dict[str, Any] = {}
        self._computed: dict[str, Any] = {}  # the event after which an array is there
        self._copies: dict[str, Array] = {}

    def __setitem__(self, name: str, array: Any) -> None:
        """Add an array that the current stream computes."""
        import cupy

        self.on_device[name], self._computed[name] = array, cupy.cuda.get_current_stream().record()

    def __getitem__(self, name: str) -> Array:
        """Return an array as NumPy's."""
        return once(self._copies, name, lambda: self._copied(name))

    def _copied(self, name: str) -> Array:
        import cupy

        cupy.cuda.get_current_stream().wait_event(self._computed[name])  # maybe on another stream
        copy: Array = self.on_device[name].get()
        return copy

    def __delitem__(self, name: str) -> None:
        """Forget an array."""
        for arrays in (self.on_device, self._computed, self._copies):
            arrays.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self.on_device  # Mapping's own would copy the array

    def __iter__(self) -> Iterator[str]:
        return iter(self.on_device)

    def __len__(self) -> int:
        return len(self.on_device)

    def all(self) -> dict[str, Array]:
        """Return all of them as NumPy's arrays: each is copied as soon as it is there, while others are computed.

        The memory is page-locked: only to such can a GPU write by itself, and at the full speed of the bus. To lock
        it takes time, but what is let go of is used again. (And what lies there a GPU also reads by itself: who gives
        it to a network must not write to it before the network has answered.)
        """
        import cupy
        import cupyx

        stream, copies = cupy.cuda.Stream(non_blocking=True), {}
        for name, array in self.on_device.items():
            if name not in self._copies:
                stream.wait_event(self._computed[name])
                copy = cupyx.empty_pinned(array.shape, array.dtype)
                copies[name] = array.get(stream=stream, out=copy, blocking=False)
        stream.synchronize()
        self._copies.update(copies)
        return dict(self)


def arrays_on(device: str) -> MutableMapping[str, Array]:
    """Return what is to hold arrays by name that are computed on a device."""
    return HostCopies() if device == "cuda" else {}


def all_on_host(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """Return arrays by name, all of them on the host."""
    return arrays.all() if isinstance(arrays, HostCopies) else arrays


def where_computed(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """Return arrays by name where they were computed: those of a GPU on it."""
    return arrays.on_device if isinstance(arrays, HostCopies) else arrays
