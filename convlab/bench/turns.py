"""Time several things in one run so that none disturbs another: in turns, with a pause before each."""

from collections.abc import Callable, Mapping
from time import perf_counter, sleep
from typing import Any

PAUSE = 0.2
"""Seconds before a turn: the threads of a BLAS or of OpenMP spin for up to 0.15 s after a call."""
TURN, MOST_CALLS = 0.05, 50
"""About how many seconds of calls make a turn, and how many calls at most."""


def in_turns(timers: Mapping[str, Callable[[int], list[float]]], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of the calls of each: a timer takes a number of calls and returns their seconds."""
    times: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(repeats):
        for name, timer in timers.items():
            sleep(PAUSE)
            known = min(times[name], default=TURN)  # the first turn, of one call, tells how many fit into the next
            times[name] += timer(max(1, round(TURN / max(known, TURN / MOST_CALLS))))  # a clock may have been stopped
    return times


def nothing(*_: Any) -> None:
    """Do nothing."""


def warm_seconds(
    call: Callable[[], Any],
    calls: int,
    before: Callable[[], None] = nothing,
    after: Callable[[Any], None] = nothing,
) -> list[float]:
    """Return the seconds of so many calls, after one that is not counted: it wakes threads and warms the caches.

    What is done before and after a call, the latter with what it returned, is not timed.
    """
    call()
    times = []
    for _ in range(calls):
        before()
        start = perf_counter()
        returned = call()
        times.append(perf_counter() - start)
        after(returned)
    return times


def seconds(call: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = perf_counter()
    call()
    return perf_counter() - start
