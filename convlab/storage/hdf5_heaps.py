"""Refuse what makes libhdf5 itself run for ever: a damaged global heap.

HDF5 keeps strings of variable length in heaps that begin with GCOL: a chain of objects, each of which says where
the next begins (HDF5 File Format Specification 3.0, III.E). libhdf5 follows the chain without asking whether it
gets anywhere; a few zero bytes in the wrong place are a piece of free space that is followed to itself.
"""

import mmap
import os
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path

import numpy as np

from convlab.errors import WeightsError
from convlab.storage.pieces import in_pieces

__all__ = ["check_heaps"]

START = b"GCOL\x01"  # and three bytes that are zero, which libhdf5 does not look at
HEADER = 16  # bytes before the first object, and before the data of each object


def check_heaps(path: str | os.PathLike[str]) -> int:
    """Return the bytes of the longest text in a file's global heaps.

    Any text of the file may be in any heap, or in what looks like one: references to it say so.

    Raises
    ------
    WeightsError
        If the chain of objects of a heap does not lead to its end, or if there is another heap inside it.
    """
    status = Path(path).stat()
    return _check_heaps(os.fspath(path), (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(16)
def _check_heaps(path: str, _: tuple[int, ...]) -> int:
    """Do what `check_heaps` says, once for a file that stays as it is: all of it is searched."""
    longest = end = 0
    with Path(path).open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # closed with the last array that looks into it
    for start in chain.from_iterable(in_pieces(partial(_starts, data), len(data))):
        size = _number(data, start + 8, 8)
        chance = any(data[start + 5 : start + 8]) and not HEADER <= size <= len(data) - start
        if not chance:  # five bytes of numbers can be like these; libhdf5 reads no heap that is too large
            text = -1 if start < end else _longest(data, start + HEADER, start + size)
            if text < 0:
                raise WeightsError(f"{path}: file is damaged (its text at byte {start:,} leads nowhere)")
            longest, end = max(longest, text), start + size
    return longest


def _starts(data: mmap.mmap, first: int, last: int) -> list[int]:
    """Return where START stands, letter by letter among the places that are left: twice as fast as `data.find`."""
    found = np.frombuffer(data, np.uint8)[first : last + len(START) - 1]
    (places,) = (found[: max(0, len(found) - len(START) + 1)] == START[0]).nonzero()
    for letter in range(1, len(START)):
        places = places[found[places + letter] == START[letter]]
    starts: list[int] = (first + places).tolist()
    return starts


def _longest(data: mmap.mmap, here: int, end: int) -> int:
    """Follow the objects as libhdf5 does: number (2 bytes), references (2), reserved (4), size (8), data.

    Returns
    -------
    The size of the largest, or -1 where the chain does not lead to the end.
    """
    if not here <= end <= len(data):
        return -1
    longest = 0
    while end - here >= HEADER:  # less is left as it is
        number, size = _number(data, here, 2), _number(data, here + 8, 8)
        step = HEADER + -(-size // 8) * 8 if number else size  # free space, number 0, counts its own header
        if not HEADER <= step <= end - here:
            return -1
        longest = max(longest, size if number else 0)
        here += step
    return longest


def _number(data: mmap.mmap, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "little")
