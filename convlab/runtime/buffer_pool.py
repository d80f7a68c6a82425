"""A pool of buffers, each used again: it comes back by itself when the last array in it is gone.

What a network computes is wanted until its last reader has run, and no longer. The network lets go of each value
there, so counting references plans the arena: two values share memory exactly where no step needs both, in graphs of
any shape and batches of any size.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, prod
from time import perf_counter_ns
from typing import Any
from weakref import ReferenceType, ref

import numpy as np

from convlab.runtime.arrays import Array
from convlab_kernels.cpu.runtime.aligned import aligned

SMALL = 64 << 10
"""Bytes below which an array is not worth lending: it is as quickly made anew."""


class _Block(np.ndarray[Any, np.dtype[np.uint8]]):
    """Bytes that begin at a cache line; two are equal only where they are the same."""

    lent = 0  # when it was lent last
    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment]

    @classmethod
    def of(cls, size: int) -> "_Block":
        return aligned(size).view(cls)


class _PooledBuffer(np.ndarray[Any, np.dtype[np.uint8]]):
    """A view of a block that is the base of the array in it, and of all views of that, so that it ends last."""

    block: _Block
    pool: "ReferenceType[BufferPool]"  # weak: what somebody keeps is not to keep all other blocks too

    def __del__(self) -> None:
        if (pool := self.pool()) is not None:
            pool.take_back(self.block)


class BufferPool:
    """Blocks of memory, each lent to one array at a time.

    Several threads may use it at once without a lock, which a fork could leave locked: taking a block out of a list
    is one step of the interpreter.

    Attributes
    ----------
    lasting : bool
        Whether arrays are handed out for good, as in a recording: each then has a block of its very size.
    keep : float
        Bytes of free blocks beyond which a block that comes back goes back to the system.
    """

    def __init__(self, lasting: bool = False, keep: float = inf) -> None:
        self.free: list[_Block] = []
        self.lasting, self.keep = lasting, keep

    @classmethod
    def for_recordings(cls) -> "BufferPool":
        """Return a pool for what is handed out: memory of what is gone is taken again, since fresh memory is slow."""
        return cls(lasting=True, keep=256 << 20)

    def take_back(self, block: _Block) -> None:
        """Keep a block for the next array."""
        if len(block) + sum(map(len, self.free)) <= self.keep:
            self.free.append(block)

    @contextmanager
    def scope(self) -> Iterator["PoolScope"]:
        """Lend to what is computed in the block; when it ends, give back to the system what it had no need of."""
        scope = PoolScope(self)
        try:
            yield scope
        finally:
            scope.settle()


class PoolScope:
    """The pool for one call: from it come the arrays that the call makes."""

    def __init__(self, pool: BufferPool) -> None:
        self.pool, self.free, self.began, self.largest = pool, pool.free, perf_counter_ns(), 0

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return an array, its numbers not yet set, in the smallest free block that is large enough, or a new one."""
        size = prod(shape) * dtype.itemsize
        if size < SMALL:
            return np.empty(shape, dtype)
        self.largest = max(self.largest, size)
        block = self._take(size)
        block.lent = perf_counter_ns()
        buffer = block.view(_PooledBuffer)
        buffer.block, buffer.pool = block, ref(self.pool)
        return np.ndarray(shape, dtype, buffer)

    def _take(self, size: int) -> _Block:
        """Take a block out of the free ones; where all are too small, the largest gives way to a new one."""
        free = sorted(self.free, key=len)
        for block in free:
            fits = len(block) == size if self.pool.lasting else len(block) >= size
            if fits and self._remove(block):
                return block
        if free and not self.pool.lasting:
            self._remove(free[-1])
        return _Block.of(size)

    def _remove(self, block: _Block) -> bool:
        try:
            self.free.remove(block)
        except ValueError:  # another thread was first
            return False
        return True

    def settle(self) -> None:
        """Give back the blocks that nobody borrowed since the call began, and those larger than it needs."""
        for block in list(self.free):
            if block.lent < self.began or len(block) > self.largest:
                self._remove(block)
