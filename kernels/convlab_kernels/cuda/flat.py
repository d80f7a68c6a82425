"""A thread for each number of a result, in the order in which the numbers lie: neighbours read and write neighbours.

What belongs to a number, its channel or its pixel, a thread finds by division. Divisions are of uint32: of an int64
they take five times as many instructions.
"""

from typing import Any

from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.compiler.language import inlined, int32, uint32
from convlab_kernels.cuda.convolution import check_float32

THREADS = 256
"""Threads of a block."""


@inlined
def divided(number, by):
    """Return how often a number of at least 0 contains another of at least 1, and what is left of it."""
    times = int32(uint32(number) // uint32(by))
    return times, int32(number - times * by)


def readable(name: str, *arrays: Any) -> list[Any]:
    """Return arrays as kernels read them, copied where they are not contiguous; UnsupportedError unless float32."""
    for array in arrays:
        check_float32(name, array)
    return [module_of(array).ascontiguousarray(array) for array in arrays]


def blocks(size: int, each: int = 1) -> tuple[int]:
    """Return the grid for so many numbers, `each` of them a thread's."""
    return (-(-size // (THREADS * each)),)
