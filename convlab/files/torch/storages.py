"""The storages in a file of PyTorch's: a member of a zip archive for each, or all behind pickles.

The first is what torch.save writes since version 1.6; both are described in torch/serialization.py alone.
"""

import io
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from convlab.files.torch.pickles import Made, read_pickle
from convlab.storage.damage import damage
from convlab.storage.tensors import refuse
from convlab.storage.zips import SIGNATURE, opened, shown

__all__ = ["Contents", "Storage", "open_storages"]

PICKLE_LIMIT = 1 << 24  # bytes; a thousand tensors take 100 kB, and each byte may become a hundred
SUFFIX, PREFIX = "Storage", "torch."
KINDS = {  # what storages of numbers are called, and the bytes of a number
    "Float": ("float32", 4), "Half": ("float16", 2), "Double": ("float64", 8), "BFloat16": ("bfloat16", 2),
    "Long": ("int64", 8), "Int": ("int32", 4), "Short": ("int16", 2), "Char": ("int8", 1), "Byte": ("uint8", 1),
    "Bool": ("bool", 1), "ComplexFloat": ("complex64", 8), "ComplexDouble": ("complex128", 16),
    "Untyped": ("bytes", 1),
}  # fmt: skip
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


@dataclass(frozen=True)
class Storage:
    """A row of numbers: what they are, how many, and what reads them."""

    dtype: str
    size: int
    """Bytes of a number."""
    count: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Contents:
    """What was pickled, how its storages are found, and whether their numbers begin with the low byte."""

    value: Any
    find: Callable[[Made], Storage]
    little: bool = True


@contextmanager
def open_storages(path: Path) -> Iterator[Contents]:
    """Open a file; numbers are read while it is open."""
    with path.open("rb") as file:
        zipped = file.read(len(SIGNATURE)) == SIGNATURE
    with _open_zip(path) if zipped else _open_old(path) as contents:
        yield contents


@contextmanager
def _open_zip(path: Path) -> Iterator[Contents]:
    with opened(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if any("/code/" in name for name in members):
            refuse(path, "is a program of TorchScript, which is never run; save model.state_dict() with torch.save")
        for member in members.values():  # torch.save compresses none: a bomb would
            if member.compress_type != zipfile.ZIP_STORED:
                refuse(path, f"its member {shown(member.filename)} is compressed, which torch.save never does")
        pickle = next(member for name, member in members.items() if name.endswith("data.pkl"))
        folder = pickle.filename.removesuffix("data.pkl")
        if pickle.file_size > PICKLE_LIMIT:
            refuse(path, f"{pickle.filename} has {pickle.file_size:,} bytes, expected at most {PICKLE_LIMIT:,}")
        with damage(path, "PyTorch"):
            value, _ = read_pickle(io.BytesIO(archive.read(pickle)))
        order = members.get(f"{folder}byteorder")
        little = order is None or archive.open(order).read(8) != b"big"
        read = lru_cache(maxsize=1)(archive.read)  # many tensors may lie in one storage, one after the other

        def find(made: Made) -> Storage:
            dtype, size, key, count = _described(made.given)
            member = members.get(f"{folder}data/{key}")
            if member is None or member.file_size != count * size:
                refuse(path, f"its storage {shown(key)} is missing, or has not the {count:,} numbers it should have")
            return Storage(dtype, size, count, partial(read, member))

        yield Contents(value, find, little)


def _described(given: Any) -> tuple[str, int, str, int]:
    """Return what numbers a storage holds, the bytes of one, its key, and how many there are."""
    _, kind, key, _, count, *view = given
    name = kind.given.removeprefix(PREFIX).removesuffix(SUFFIX)
    if not isinstance(key, str) or not 0 <= count <= 1 << 60 or view not in ([], [None]):
        raise ValueError("a storage is not described as it should be")
    return (*KINDS[name], key, int(count))


@contextmanager
def _open_old(path: Path) -> Iterator[Contents]:
    """Open what torch.save wrote before version 1.6: five pickles, then each storage: how many numbers, numbers."""
    with path.open("rb") as file, damage(path, "PyTorch"):
        pickles = io.BytesIO(file.read(PICKLE_LIMIT))
        if read_pickle(pickles)[0] != MAGIC or read_pickle(pickles)[0] != VERSION:
            refuse(
                path, "this is a pickle, but none of torch.save's, and is not run; save model.state_dict() with it"
            )
        system, _ = read_pickle(pickles)
        value, stored = read_pickle(pickles)
        keys, _ = read_pickle(pickles)
        little = ("little_endian", False) not in system.items
        storages = _laid_out(path, file, pickles.tell(), keys.items, {given[2]: given for given in stored}, little)
        yield Contents(value, lambda made: storages[made.given[2]], little)


def _laid_out(
    path: Path, file: BinaryIO, start: int, keys: list[str], stored: Mapping[str, Any], little: bool
) -> dict[str, Storage]:
    """Return the storages that follow one another in a file, by key."""
    storages, end = {}, os.fstat(file.fileno()).st_size
    for key in keys:
        dtype, size, _, count = _described(stored[key])
        file.seek(start)
        found = int.from_bytes(file.read(8), "little" if little else "big")
        start += 8
        if found != count or count * size > end - start:
            refuse(
                path, f"file is damaged (PyTorch: storage {shown(key)} has not the {count:,} numbers it should have)"
            )
        storages[key] = Storage(dtype, size, count, partial(_read, path, file, start, count * size))
        start += count * size
    return storages


def _read(path: Path, file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    data = file.read(count)
    if len(data) != count:
        refuse(path, "file is damaged (PyTorch: it was cut while it was read)")
    return data
