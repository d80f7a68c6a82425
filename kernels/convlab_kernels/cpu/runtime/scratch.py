"""Room for intermediate results, one of each thread: it is used again, and nobody else can write to it."""

import threading
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE = 64
"""Bytes of a cache line: arrays begin at one, so that no vector lies across two."""

_room = threading.local()


def aligned(size: int) -> NDArray[np.uint8]:
    """Return so many bytes, not set, that begin at a cache line."""
    whole = np.empty(size + LINE, np.uint8)
    return whole[-whole.ctypes.data % LINE :][:size]


def scratch(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array, its numbers not set; it is lost with the next one of that name asked for in this thread."""
    size = prod(shape) * dtype.itemsize
    room: NDArray[np.uint8] | None = getattr(_room, name, None)
    if room is None or len(room) < size:
        room = aligned(size)
        setattr(_room, name, room)
    return room[:size].view(dtype).reshape(shape)
