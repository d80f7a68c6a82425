"""A pool of buffers, each used again: it comes back by itself when the last array in it is gone.

What a network computes is wanted until its last reader has run, and no longer. The network lets go of each value
there, so counting references plans the arena: two values share memory exactly where no step needs both, in graphs of
any shape and batches of any size.
"""

from bisect import bisect
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    pool: "ReferenceType[BufferPool]"  # weak: what somebody keeps is not to keep all other blocks too
    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment]

    @classmethod
    def of(cls, size: int, pool: "BufferPool") -> "_Block":
        block = aligned(size).view(cls)
        block.pool = ref(pool)
        return block


class _PooledBuffer(np.ndarray[Any, np.dtype[np.uint8]]):
    """A view of a block that is the base of the array in it, and of all views of that, so that it ends last."""

    block: _Block

    def __del__(self) -> None:
        if (pool := self.block.pool()) is not None:
            pool.take_back(self.block)


class BufferPool:
    """Blocks of memory, each lent to one array at a time.

    Several threads may use it at once without a lock, which a fork could leave locked: taking a block out of a list
    is one step of the interpreter.

    Attributes
    ----------
    sizes : dict of int to list
        The free blocks of each size.
    lasting : bool
        Whether arrays are handed out for good, as in a recording: each then has a block of its very size.
    keep : float
        Bytes of free blocks beyond which a block that comes back goes back to the system.
    """

    def __init__(self, lasting: bool = False, keep: float = inf) -> None:
        self.sizes: dict[int, list[_Block]] = {}
        self.lasting, self.keep = lasting, keep
        self._bytes = 0  # of free blocks; where threads get it wrong, until the next call ends

    @classmethod
    def for_recordings(cls) -> "BufferPool":
        """Return a pool for what is handed out: memory of what is gone is taken again, since fresh memory is slow."""
        return cls(lasting=True, keep=256 << 20)

    @property
    def free(self) -> list[_Block]:
        """The free blocks."""
        return [block for blocks in list(self.sizes.values()) for block in blocks]

    def take(self, size: int) -> _Block | None:
        """Take a free block of that very size, if there is one."""
        try:
            block = self.sizes[size].pop()
        except (KeyError, IndexError):  # another thread may have been first
            return None
        self._bytes -= size
        return block

    def take_back(self, block: _Block) -> None:
        """Keep a block for the next array."""
        size = len(block)
        if self._bytes + size <= self.keep:
            self.sizes.setdefault(size, []).append(block)
            self._bytes += size

    def give_back(self, began: int, largest: int) -> None:
        """Give back to the system what was not lent since a time, and what is larger than that."""
        for size, blocks in self.sizes.copy().items():  # garbage found meanwhile may bring blocks back
            for block in blocks[:]:
                if block.lent < began or size > largest:
                    with suppress(ValueError):  # another thread was first
                        blocks.remove(block)
            if not blocks:
                self.sizes.pop(size, None)
        self._bytes = sum(map(len, self.free))

    @contextmanager
    def scope(self) -> Iterator["PoolScope"]:
        """Lend to what is computed in the block; when it ends, give back to the system what it had no need of."""
        scope = PoolScope(self)
        try:
            yield scope
        finally:
            self.give_back(scope.began, scope.largest)


class PoolScope:
    """The pool for one call: from it come the arrays that the call makes."""

    def __init__(self, pool: BufferPool) -> None:
        self.pool, self.began, self.largest = pool, perf_counter_ns(), 0

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return an array, its numbers not yet set, in the smallest free block that is large enough, or a new one."""
        size = prod(shape) * dtype.itemsize
        if size < SMALL:
            return np.empty(shape, dtype)
        self.largest = max(self.largest, size)
        block = self.pool.take(size)
        if block is None:
            block = None if self.pool.lasting else self._take_larger(size)
        if block is None:
            block = _Block.of(size, self.pool)
        block.lent = perf_counter_ns()
        buffer = block.view(_PooledBuffer)
        buffer.block = block
        return np.ndarray(shape, dtype, buffer)

    def _take_larger(self, size: int) -> _Block | None:
        """Take the smallest free block that is larger; if all are too small, the largest gives way to a new one."""
        sizes = sorted(self.pool.sizes)
        for other in sizes[bisect(sizes, size) :]:
            if (block := self.pool.take(other)) is not None:
                return block
        for other in reversed(sizes):
            if self.pool.take(other) is not None:
                break
        return None
