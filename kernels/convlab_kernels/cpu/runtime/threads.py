"""Work shared among threads: the caller and as many workers as there are cores beside it.

Compiled kernels release the interpreter's lock, so Python threads are enough, and unlike OpenMP's they do not die
with a fork. `parallel_for.py` has how they share a loop. A worker with nothing to do waits awake for a millisecond,
from one layer to the next, and then sleeps: to wake a core takes longer than a small layer, above all on a virtual
machine, whose cores the host gives to others meanwhile. How work is cut into parts depends on the number of threads
alone, never on who comes first: results are the same from run to run.
"""

import os
from collections import deque
from contextlib import suppress
from math import inf
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.cpu.runtime.aligned import aligned
from convlab_kernels.cpu.runtime.noting import notes
from convlab_kernels.errors import ShapeError

SHARING = 4
"""Microseconds of work that are not worth sharing with a worker who is awake."""

WAKING = 80
"""Microseconds of work that are not worth waking a worker for."""

LOOKS = 1_000_000
"""How often a worker looks for work before it goes to sleep: about a millisecond."""

_LONG = 1e6  # microseconds, for what has no known cost


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""How many cores the process may use."""


def _asked() -> int:
    """Return how many threads the environment variable CONVLAB_THREADS asks for, or one for each core."""
    asked = os.environ.get("CONVLAB_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else CORES


class _Pool:
    """Workers who wait at a task slot; they end with the process."""

    def __init__(self) -> None:
        from convlab_kernels.cpu.runtime.parallel_for import SLOT

        self.slot = aligned(SLOT).view(np.int64)
        self.slot[:] = 0
        self.workers = 0
        self.asleep: deque[None] = deque()
        self.wakeups: SimpleQueue[None] = SimpleQueue()

    def grow(self, workers: int) -> None:
        while self.workers < workers:
            Thread(target=self._serve, name=f"convlab-{self.workers + 1}", daemon=True).start()
            self.workers += 1

    def wake(self) -> None:
        while self.asleep:
            with suppress(IndexError):  # another thread was first
                self.asleep.pop()
                self.wakeups.put(None)

    def _serve(self) -> None:
        from convlab_kernels.cpu.runtime.parallel_for import OPEN, serve

        while True:
            serve(self.slot, LOOKS if _threads <= CORES else 1)
            self.asleep.append(None)
            if self.slot[OPEN // 8]:  # a task that came meanwhile, and found nobody asleep
                self.wake()
            self.wakeups.get()


_threads = _asked()
_pool: _Pool | None = None


def _forget_pool() -> None:
    """Start afresh in a forked child, which has none of its parent's threads."""
    global _pool  # noqa: PLW0603
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def threads() -> int:
    """Return the number of threads that kernels are split among."""
    return _threads


def set_threads(n: int) -> None:
    """Split kernels among threads: at first as many as the process may use cores, or CONVLAB_THREADS.

    Parameters
    ----------
    n : int
        How many.

    Raises
    ------
    ShapeError
        For less than 1.
    """
    global _threads  # noqa: PLW0603
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ShapeError(f"set_threads: {n!r} threads, expected a whole number of at least 1")
    _threads = n


def parallel_for(
    kernel: Any,
    args: tuple[Any, ...],
    size: int,
    grain: int = 1,
    cost: float = inf,
    pieces: int = 8,
    most: int | None = None,
) -> None:
    """Do kernel(worker, first, last, *args) for parts of range(size), on as many threads as there are.

    Parts begin at multiples of `grain`, and there are at most `pieces` for each thread, which takes the next when it
    has done one: cores are seldom equally fast, and a worker may wake when all is done. `cost` is about how many
    microseconds one thread would take. `kernel` is one of `parallel_for.shared`; its workers are counted from 0 and
    are fewer than `most`, if that is given. Raises MemoryError where a part finds no memory.
    """
    if not size:
        return
    grains = -(-size // grain)
    worth = max(1, int(min(cost, _LONG) / SHARING))  # as many parts
    workers = min(most or _threads, _threads, grains, worth)
    parts = min(workers * pieces, grains, worth) if workers > 1 else 1
    sharing = (parts, size, grain, workers)
    if (noted := notes()) is None or not noted.note(kernel, args, sharing, cost):
        _with_team(workers, cost, kernel, *sharing, *args)


def carry_out(tasks: NDArray[np.int64], workers: int, cost: float) -> None:
    """Do tasks that were noted, (n, 6) as `parallel_for.carry_out` takes them, which cost one thread so much.

    Raises MemoryError where one finds no memory.
    """
    from convlab_kernels.cpu.runtime import parallel_for

    _with_team(workers, cost, parallel_for.carry_out, tasks)


def _with_team(workers: int, cost: float, compiled: Any, *args: Any) -> None:
    """Call compiled code with the task slot, at which others wait if there is work for them."""
    global _pool  # noqa: PLW0603
    pool = _pool = _pool or _Pool()
    if workers > 1:
        pool.grow(workers - 1)
        if cost >= WAKING:
            pool.wake()
    if compiled(pool.slot, *args):
        raise MemoryError("no memory for what a kernel keeps while it computes")
