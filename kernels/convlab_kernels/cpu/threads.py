"""Work shared among threads: the caller and as many helpers as there are cores beside it.

Compiled kernels release the interpreter's lock, so Python threads are enough, and unlike OpenMP's they do not die
with a fork. Who has nothing to do waits awake for about a millisecond, from one layer to the next, and then sleeps.
How work is cut into parts depends on the number of threads alone, never on who comes first: results are the same from
run to run.
"""

import os
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import inf
from queue import SimpleQueue
from threading import Thread, local

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.errors import ShapeError

Work = Callable[[int, int], None]

WAKING = 80
"""Microseconds of work that are not worth waking another thread for."""

_LONG = 1e6  # microseconds, for what has no known cost


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""How many cores the process may use."""


def _asked() -> int:
    """Return how many threads the environment variable CONVLAB_THREADS asks for, or one for each core."""
    asked = os.environ.get("CONVLAB_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else CORES


class _Pool:
    """Threads that wait for work; they end with the process."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.put = np.zeros(1, np.int64)  # how many tasks there were
        self.helpers = 0

    def grow(self, helpers: int) -> None:
        while self.helpers < helpers:
            Thread(target=self._serve, name=f"convlab-{self.helpers + 1}", daemon=True).start()
            self.helpers += 1

    def add(self, task: Callable[[], None]) -> None:
        self.tasks.put(task)
        self.put[0] += 1

    def _serve(self) -> None:
        while True:
            _linger(self.put, self.tasks.empty)
            self.tasks.get()()


_threads = _asked()
_inside = local()  # whether this thread is within a part: helpers that wait for helpers would wait for ever
_pool = _Pool()


def _linger(number: NDArray[np.int64], still: Callable[[], bool]) -> None:
    """Wait for a number to change, but for a moment only, and only while there are cores for all who do so."""
    from convlab_kernels.cpu.lingering import linger

    seen = int(number[0])
    if _threads <= CORES and still():  # asked after the number was read: a change since then is seen
        linger(number, seen)


def _forget_pool() -> None:
    """Start afresh in a forked child, which has none of its parent's threads."""
    global _pool  # noqa: PLW0603
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def threads() -> int:
    """Return the number of threads that kernels are split among."""
    return _threads


def set_threads(n: int) -> None:
    """Split kernels among n threads; at first as many as the process may use cores, or CONVLAB_THREADS."""
    global _threads  # noqa: PLW0603
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ShapeError(f"set_threads: {n!r} threads, expected a whole number of at least 1")
    _threads = n


def spread(work: Work, size: int, grain: int = 1, cost: float = inf, pieces: int = 4) -> None:
    """Call work(first, last) on parts of range(size), as many at the same time as there are threads.

    Parts begin at multiples of `grain`, and there are at most `pieces` for each thread, which takes the next when it
    has done one: cores are seldom equally fast, and a helper may wake when all is done. `cost` is about how many
    microseconds one thread would take. Returns when all parts have ended, or raises the first error: parts that have
    not begun by then are left out. Called from within a part, it calls work once: a helper that
    waits for others may be the one that they wait for.
    """
    grains = -(-size // grain)
    runners = 1 if cost < WAKING or getattr(_inside, "yes", False) else min(_threads, grains)
    if runners < 2:
        if size:
            work(0, size)
        return
    parts = min(grains, runners * max(1, min(pieces, int(min(cost, _LONG) / runners / WAKING))))
    bounds = [min(size, -(-grains * part // parts) * grain) for part in range(parts + 1)]
    # shared: to take the next is one step of the interpreter; and it lets go of `work` with the last
    todo = iter([partial(work, *part) for part in pairwise(bounds)])
    begun: list[None] = []
    ended: list[BaseException | None] = []
    count, bell = np.zeros(1, np.int64), SimpleQueue[None]()

    def run() -> None:
        error = None
        try:
            begun.append(None)
            _inside.yes = True
            for part in todo:
                part()
        except BaseException as raised:
            error = raised
            deque(todo, 0)  # nobody begins another part
        finally:
            _inside.yes = False
            ended.append(error)
            count[0] += 1
            bell.put(None)

    _pool.grow(runners - 1)
    for _ in range(runners - 1):
        _pool.add(run)
    run()
    interrupt = _wait(lambda: len(ended) == len(begun), count, bell)  # who begins now finds nothing to do
    for error in (interrupt, *ended):
        if error is not None:
            raise error


def _wait(done: Callable[[], bool], count: NDArray[np.int64], bell: "SimpleQueue[None]") -> KeyboardInterrupt | None:
    """Wait until all runners have ended, through interrupts too: they write where the caller would free memory."""
    interrupt = None
    while not done():
        try:
            _linger(count, lambda: not done() and _pool.tasks.empty())
            if not done():
                bell.get()
        except KeyboardInterrupt as error:
            interrupt = error
    return interrupt
