"""A thread for each number of a result, in the order in which the numbers lie: neighbours read and write neighbours.

What belongs to a number, its channel or its pixel, a thread finds by division (`divmod_uint32`).
"""

from typing import Any

from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.convolution import check_float32

THREADS = 256
"""Threads of a block."""


def readable(name: str, *arrays: Any) -> list[Any]:
    """Return arrays as kernels read them, copied where they are not contiguous; UnsupportedError unless float32."""
    for array in arrays:
        check_float32(name, array)
    return [module_of(array).ascontiguousarray(array) for array in arrays]


def blocks(size: int, each: int = 1) -> tuple[int]:
    """Return the grid for so many numbers, `each` of them a thread's."""
    return (-(-size // (THREADS * each)),)
