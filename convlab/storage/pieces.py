"""Work on many bytes, some at a time, by several threads."""

from collections.abc import Callable
from typing import TypeVar

from convlab_kernels.cpu.runtime.threads import threads

T = TypeVar("T")

PIECE = 4 << 20
"""Bytes that one thread works on before it takes the next."""


def in_pieces(work: Callable[[int, int], T], size: int) -> list[T]:
    """Return what work(first, last) returns for each piece of so many bytes: it lets others have the interpreter."""
    starts = range(0, size, PIECE)
    ends = (min(size, start + PIECE) for start in starts)
    if len(starts) < 2:
        return list(map(work, starts, ends))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(work, starts, ends))
