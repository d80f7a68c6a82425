"""The features of a layer over all shards, as one array that is read where it is asked for."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convlab.errors import ShapeError
from convlab.runtime.arrays import Array
from convlab.scanning.shard import DATA, feature_file
from convlab.storage.hdf5 import get_dataset, reading, refuse, reopen_hdf5
from convlab.storage.hdf5_arrays import check_floats
from convlab.storage.hdf5_writing import new_file


@dataclass(frozen=True, eq=False)
class Features:
    """An array (pictures, ...) of float32: `features[5]`, `features[10:20]`, `features[[3, 1]]`, `numpy.asarray`.

    The row of a picture that could not be read, or was not reached yet, is NaN.

    Attributes
    ----------
    out : Path
        The folder of the scan.
    folder : str
        The layer's in it.
    shape : tuple of int
    shard : int
        How many rows a file has.
    done : frozenset of int
        Which shards are done.
    """

    out: Path
    folder: str
    shape: tuple[int, ...]
    shard: int
    done: frozenset[int]

    dtype = np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<Features {self.shape} float32 in {self.out}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return all of it, in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def __iter__(self) -> Iterator[Array]:
        for first in range(0, len(self), self.shard):
            yield from self[first : first + self.shard]

    def __getitem__(self, key: Any) -> Array:
        """Return rows: one, a slice, or those that numbers or truths name; and parts of them."""
        rows, *rest = key if isinstance(key, tuple) else (key,)
        one = isinstance(rows, int | np.integer)
        numbers = self._numbers([rows] if one else rows)
        found = self._read(numbers)
        found = found[(slice(None), *rest)] if rest else found
        return found[0] if one else found

    def _numbers(self, rows: Any) -> Array:
        try:
            return np.arange(len(self))[rows]
        except IndexError:
            raise ShapeError(f"features {self.shape}: no row {rows!r}") from None

    def _read(self, numbers: Array) -> Array:
        """Return rows by their numbers, file by file."""
        found = np.full((len(numbers), *self.shape[1:]), np.nan, np.float32)
        shards = numbers // self.shard
        for index in np.unique(shards):
            if int(index) in self.done:
                here = np.flatnonzero(shards == index)
                self._read_shard(int(index), numbers[here] - index * self.shard, found, here)
        return found

    def _read_shard(self, index: int, rows: Array, found: Array, places: Array) -> None:
        with reopen_hdf5(self.out / feature_file(self.folder, index)) as file:
            data = get_dataset(file, DATA)
            if data is None:
                refuse(file, f"{DATA} is missing from it")
            count = min(self.shard, len(self) - index * self.shard)
            check_floats(data, (count, *self.shape[1:]), DATA)
            low, high = int(rows.min()), int(rows.max()) + 1
            with reading(data):
                if high - low > 4 * len(rows):  # far apart: each by itself
                    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
                        found[place] = data[row]
                else:
                    found[places] = data[low:high][rows - low]

    def copy_to(self, target: Any) -> None:
        """Write all rows into an array of this shape, some at a time."""
        for first in range(0, len(self), self.shard):
            target[first : first + self.shard] = self[first : first + self.shard]

    def write_view(self, shards: Sequence[int]) -> None:
        """Write an HDF5 file in which other programs find all shards as one array, "features"."""
        layout = h5py.VirtualLayout(self.shape, self.dtype)
        with suppress(AttributeError):  # of another h5py; then the file differs in the time at which it was made
            layout.dcpl.set_obj_track_times(False)
        for index in shards:
            first = index * self.shard
            rows = min(self.shard, len(self) - first)
            name = Path(feature_file(self.folder, index)).relative_to("features").as_posix()
            layout[first : first + rows] = h5py.VirtualSource(name, DATA, (rows, *self.shape[1:]))
        with new_file(
            self.out / "features" / f"{self.folder}.h5", "the features", lasting=True, libver="latest"
        ) as file:
            file.create_virtual_dataset(DATA, layout, fillvalue=np.nan)
