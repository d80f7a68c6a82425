"""The arrays in an .npz file as a mapping: names and shapes at once, numbers only when asked for."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from convlab.arrays import Array
from convlab.errors import WeightsError
from convlab.files.npz import open_npz
from convlab.layers import Shape

NUMBERS = ("float", "int", "uint", "bool")


class NpzArrays(Mapping[str, Array]):
    """Name -> array of an .npz file, read one at a time.

    A zip file may declare far more than it holds: ask for the `shape`, and for the numbers only where that is the
    expected one. The file is opened anew for each, so nothing is held open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_npz(path) as state:
            self._shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in state.tensors.items()}
        if not self._shapes:
            raise WeightsError(f"{path}: a zip file without arrays (.npy); expected what numpy.savez writes")

    def shape(self, name: str) -> Shape:
        """Return an array's shape without reading its numbers."""
        shape, dtype = self._shapes[name]
        if not dtype.startswith(NUMBERS):
            raise WeightsError(f"{self.path}: array {name!r}: holds {dtype}; expected real numbers")
        return shape

    def __getitem__(self, name: str) -> Array:
        """Return an array, read-only."""
        self.shape(name)
        with open_npz(self.path) as state:
            return state.tensors[name].fetch()

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)
