"""The arrays in an .npz file: names and shapes from the headers, numbers only when asked for, nothing executed."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, NoReturn

import numpy as np
from numpy.lib import format as npy

from convlab.arrays import Array
from convlab.errors import WeightsError

Header = tuple[tuple[int, ...], np.dtype]
NUMBERS = "fiub"
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    MemoryError,
)


class NpzArrays(Mapping[str, Array]):
    """Name -> array of an .npz file, read one at a time.

    A zip file may declare far more than it holds. So an array's header is read first (`shape`); `[name]` reads the
    numbers, and is for those whose shape is the expected one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reading() as file:
            members = [name.removesuffix(".npy") for name in file.namelist() if name.endswith(".npy")]
        if not members:
            raise WeightsError(f"{path}: a zip file without arrays (.npy); expected what numpy.savez writes")
        self._headers = {name: self._header(name) for name in members}

    def shape(self, name: str) -> tuple[int, ...]:
        """Return an array's shape without reading its numbers."""
        shape, dtype = self._headers[name]
        if dtype.kind not in NUMBERS:
            kind = "Python objects, a pickle, which is never loaded" if dtype.hasobject else str(dtype)
            self._refuse(name, f"holds {kind}; expected real numbers")
        return shape

    def __getitem__(self, name: str) -> Array:
        self.shape(name)
        with self._reading(name) as file, file.open(f"{name}.npy") as member:
            array: Array = npy.read_array(member, allow_pickle=False)
        return array

    def __contains__(self, name: object) -> bool:
        return name in self._headers

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def _header(self, name: str) -> Header:
        with self._reading(name) as file, file.open(f"{name}.npy") as member:
            shape, dtype = _read_header(member)
            declared, stored = prod(shape) * dtype.itemsize, file.getinfo(f"{name}.npy").file_size - member.tell()
        if dtype.kind in NUMBERS and declared != stored:
            self._refuse(name, f"shape {shape} of {dtype} takes {declared:,} bytes, but {stored:,} are stored")
        return shape, dtype

    @contextmanager
    def _reading(self, name: str = "") -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self.path) as file:
                yield file
        except DAMAGE as error:
            self._refuse(name, f"cannot be read, is the file damaged? ({error})", error)

    def _refuse(self, name: str, reason: str, cause: Exception | None = None) -> NoReturn:
        array = f" array {name!r}:" if name else ""
        raise WeightsError(f"{self.path}:{array} {' '.join(reason.split())}") from cause


def _read_header(member: IO[bytes]) -> Header:
    version = npy.read_magic(member)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(member)
    else:
        shape, _, dtype = npy.read_array_header_2_0(member)
    return shape, dtype
