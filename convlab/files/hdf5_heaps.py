"""Refuse what makes libhdf5 itself run for ever: a damaged global heap.

HDF5 keeps strings of variable length in heaps that begin with GCOL: a chain of objects, each of which says where
the next begins (HDF5 File Format Specification 3.0, III.E). libhdf5 follows the chain without asking whether it
gets anywhere; a few zero bytes in the wrong place are a piece of free space that is followed to itself.
"""

import mmap
import os
from pathlib import Path

from convlab.errors import WeightsError

__all__ = ["check_heaps"]

START = b"GCOL\x01\x00\x00\x00"
HEADER = 16  # bytes before the first object, and before the data of each object


def check_heaps(path: str | os.PathLike[str]) -> None:
    """Refuse a file with a global heap whose chain of objects does not lead to its end."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(START)
        while start >= 0:
            end = start + _number(data, start + 8, 8)
            if not _leads_to(data, start + HEADER, end):
                raise WeightsError(f"{path}: file is damaged (its text at byte {start:,} leads nowhere)")
            start = data.find(START, end)


def _leads_to(data: mmap.mmap, here: int, end: int) -> bool:
    """Follow the objects as libhdf5 does: number (2 bytes), references (2), reserved (4), size (8), data."""
    if not here <= end <= len(data):
        return False
    while end - here >= HEADER:  # less is left as it is
        number, size = _number(data, here, 2), _number(data, here + 8, 8)
        step = HEADER + -(-size // 8) * 8 if number else size  # free space, number 0, counts its own header
        if not HEADER <= step <= end - here:
            return False
        here += step
    return True


def _number(data: mmap.mmap, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "little")
