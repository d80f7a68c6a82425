"""Room for intermediate results, one of each thread: it is used again, and nobody else can write to it."""

import threading
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.cpu.runtime.aligned import aligned
from convlab_kernels.cpu.runtime.noting import notes

_room = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array, its numbers not set; it is lost with the next one of that name asked for in this thread."""
    if (noted := notes()) is not None:
        return noted.empty(shape, dtype)
    size = prod(shape) * dtype.itemsize
    room: NDArray[np.uint8] | None = getattr(_room, name, None)
    if room is None or len(room) < size:
        room = aligned(size)
        setattr(_room, name, room)
    return room[:size].view(dtype).reshape(shape)
