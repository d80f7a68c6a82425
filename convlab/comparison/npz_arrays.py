"""The arrays in an .npz file as a mapping: names and shapes at once, numbers only when asked for."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from convlab.errors import WeightsError
from convlab.runtime.arrays import Array, Shape
from convlab.storage.npz import open_npz, zip_errors

NUMBERS = ("float", "int", "uint", "bool")
"""How the names of the dtypes that can be compared begin."""


class NpzArrays(Mapping[str, Array]):
    """Name -> array of an .npz file, read one at a time.

    A zip file may declare far more than it holds: ask for the `shape`, and for the numbers only where that is the
    expected one. The file stays open as long as this mapping lives: to open it is to read the names of all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_npz(path)
        self._tensors = self._file.__enter__().tensors
        if not self._tensors:
            raise WeightsError(f"{path}: a zip file without arrays (.npy); expected what numpy.savez writes")

    def shape(self, name: str) -> Shape:
        """Return an array's shape without reading its numbers."""
        tensor = self._tensors[name]
        if not tensor.dtype.startswith(NUMBERS):
            raise WeightsError(f"{self.path}: array {name!r}: holds {tensor.dtype}; expected real numbers")
        return tensor.shape

    def __getitem__(self, name: str) -> Array:
        """Return an array, read-only."""
        self.shape(name)
        with zip_errors(self.path):
            return self._tensors[name].fetch()

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)
