"""Work shared among threads: every number once, errors after all parts, nested, at once, after a fork."""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from importlib import import_module
from itertools import pairwise, product
from math import inf

import numpy as np
import pytest

from convlab_kernels.cpu import set_threads, threads
from convlab_kernels.cpu.threads import spread
from convlab_kernels.errors import ShapeError

module = import_module("convlab_kernels.cpu.threads")  # `cpu.threads` is the function


@pytest.fixture(autouse=True)
def _same_threads_afterwards():
    before = threads()
    yield
    set_threads(before)


def parts_of(size, grain, n, pieces=1, cost=inf):
    set_threads(n)
    parts = []
    spread(lambda first, last: parts.append((first, last)), size, grain, cost, pieces)
    return sorted(parts)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_parts_cover_the_range_once(n):
    for size, grain, pieces in product([1, 2, 3, 4, 7, 14, 15, 28, 97], [1, 2, 3, 14, 100], [1, 4]):
        parts = parts_of(size, grain, n, pieces)
        label = f"{size} in grains of {grain} among {n}: {parts}"
        assert parts[0][0] == 0 and parts[-1][1] == size, label
        assert all(one[1] == other[0] for one, other in pairwise(parts)), label
        assert all(first < last and first % grain == 0 for first, last in parts), label
        grains = -(-size // grain)
        assert len(parts) == min(grains, 1 if min(n, grains) == 1 else min(n, grains) * pieces), label


def test_parts_are_alike_in_size():
    for size, n in product([7, 14, 97], [2, 3, 5]):
        lengths = [last - first for first, last in parts_of(size, 1, n)]
        assert max(lengths) - min(lengths) <= 1


def test_what_costs_little_is_not_cut_up():
    assert len(parts_of(97, 1, 2, pieces=4, cost=module.WAKING - 1)) == 1
    assert len(parts_of(97, 1, 2, pieces=4, cost=2 * module.WAKING)) == 2
    assert len(parts_of(97, 1, 2, pieces=4, cost=6 * module.WAKING)) == 6
    assert len(parts_of(97, 1, 2, pieces=4, cost=100 * module.WAKING)) == 8


def test_who_is_done_first_takes_the_next_part():
    set_threads(2)
    others, done = [], threading.Event()

    def work(first, last):
        if first == 0:
            assert done.wait(10)
        else:
            others.append((first, last))
            if len(others) == 3:
                done.set()

    spread(work, 8, pieces=2)
    assert others == [(2, 4), (4, 6), (6, 8)]


def test_nothing_to_do_calls_nobody():
    assert parts_of(0, 1, 3) == parts_of(0, 14, 1) == []


def test_parts_run_at_the_same_time():
    set_threads(3)
    meeting = threading.Barrier(3, timeout=10)
    spread(lambda first, last: meeting.wait(), 3)
    assert not meeting.broken


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_is_raised_when_all_parts_have_ended(failing):
    set_threads(3)
    ended, meeting = [], threading.Barrier(3, timeout=10)

    def work(first, last):
        meeting.wait()
        if first == failing:
            raise ArithmeticError(f"part {first}")
        time.sleep(0.05)
        ended.append(first)

    with pytest.raises(ArithmeticError, match=f"^part {failing}$"):
        spread(work, 3)
    assert sorted(ended) == [part for part in range(3) if part != failing]
    assert parts_of(6, 1, 3) == [(0, 2), (2, 4), (4, 6)]


def test_no_part_begins_after_an_error():
    set_threads(2)
    begun, failed = [], threading.Event()

    def work(first, last):
        begun.append(first)
        if first == 0:
            failed.set()
            raise ArithmeticError
        assert failed.wait(10)
        time.sleep(0.05)

    with pytest.raises(ArithmeticError):
        spread(work, 8, pieces=4)
    assert len(begun) <= 2


def test_nobody_waits_for_a_helper_that_comes_too_late(monkeypatch):
    set_threads(2)
    late, parts = [], []
    monkeypatch.setattr(module._pool, "add", late.append)
    spread(lambda first, last: parts.append((first, last)), 8, pieces=2)
    assert parts == [(0, 2), (2, 4), (4, 6), (6, 8)]
    late[0]()
    assert len(parts) == 4


def test_a_helper_that_comes_too_late_keeps_nothing(monkeypatch):
    set_threads(2)
    late = []
    monkeypatch.setattr(module._pool, "add", late.append)

    def call():
        def work(first, last):
            pass

        spread(work, 8)
        return weakref.ref(work)

    assert call()() is None
    assert len(late) == 1


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are sent to threads on POSIX only")
def test_an_interrupt_waits_for_the_others():
    set_threads(2)
    ended, begun = [], threading.Event()

    def work(first, last):
        if threading.current_thread() is threading.main_thread():
            assert begun.wait(10)
            return
        begun.set()
        time.sleep(0.05)  # by now the caller waits
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.05)
        ended.append(last - first)

    with pytest.raises(KeyboardInterrupt):
        spread(work, 2)
    assert ended == [1]
    assert parts_of(4, 1, 2) == [(0, 2), (2, 4)]


def test_an_interrupt_in_the_callers_part_waits_for_the_others():
    set_threads(2)
    ended, meeting = [], threading.Barrier(2, timeout=10)

    def work(first, last):
        meeting.wait()
        if first == 0:
            raise KeyboardInterrupt
        time.sleep(0.05)
        ended.append(first)

    with pytest.raises(KeyboardInterrupt):
        spread(work, 2)
    assert ended == [1]


def test_an_interrupt_that_swallows_a_bell_does_not_wait_for_ever():
    class Bell:
        rings = 0

        def get(self):
            Bell.rings += 1
            ended.append(None)
            if Bell.rings == 1:
                raise KeyboardInterrupt  # after the bell was taken from the queue

    ended = []
    assert isinstance(module._wait(lambda: len(ended) == 2, np.zeros(1, np.int64), Bell()), KeyboardInterrupt)
    assert Bell.rings == 2


def test_work_may_spread_work():
    set_threads(2)
    seen, done = [], threading.Event()

    def inner(first, last):
        seen.append((first, last))

    def outer():
        spread(lambda first, last: spread(inner, 4), 2)
        spread(inner, 4)  # and afterwards it is split again
        done.set()

    threading.Thread(target=outer, daemon=True).start()
    assert done.wait(10), "threads wait for each other"
    assert seen[:2] == [(0, 4)] * 2 and sorted(seen[2:]) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_many_callers_at_once_each_get_their_own():
    set_threads(3)
    results, begin = {}, threading.Barrier(8)

    def caller(name):
        begin.wait(10)
        for turn in range(20):
            parts = results[name, turn] = []
            spread(lambda first, last, parts=parts: parts.append((first, last)), 7, pieces=1)

    callers = [threading.Thread(target=caller, args=(name,), daemon=True) for name in range(8)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(20)
    assert not any(thread.is_alive() for thread in callers)
    assert len(results) == 8 * 20
    assert all(sorted(parts) == [(0, 3), (3, 5), (5, 7)] for parts in results.values())


def test_helpers_are_reused():
    parts_of(6, 1, 3)
    before = threading.active_count()
    for _ in range(20):
        parts_of(6, 1, 3)
    assert threading.active_count() == before


def test_a_thread_that_cannot_start_is_not_waited_for(monkeypatch):
    class Refused:
        def __init__(self, **arguments):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    pool = module._Pool()
    monkeypatch.setattr(module, "_pool", pool)
    monkeypatch.setattr(module, "Thread", Refused)
    set_threads(3)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="can't start new thread"):
            spread(lambda first, last: None, 3)
    assert pool.helpers == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_helpers_of_its_own():
    program = """
import os, threading
from convlab_kernels.cpu.threads import set_threads, spread
set_threads(3)
def meets():
    meeting = threading.Barrier(3, timeout=10)
    spread(lambda first, last: meeting.wait(), 3)
meets()
child = os.fork()
if child == 0:
    meets()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
meets()
print("both")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "both\n"), done.stderr


@pytest.mark.parametrize(("asked", "expected"), [("3", 3), ("0", None), ("-2", None), ("many", None), ("", None)])
def test_the_environment_says_how_many(asked, expected, monkeypatch):
    monkeypatch.setenv("CONVLAB_THREADS", asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert module._asked() == (expected or cores)


@pytest.mark.parametrize("n", [0, -1, 1.0, "2", None, True])
def test_what_is_no_number_of_threads_is_refused(n):
    before = threads()
    with pytest.raises(ShapeError, match=rf"^set_threads: {n!r} threads, expected a whole number of at least 1$"):
        set_threads(n)
    assert threads() == before


def test_who_waits_awake_sees_the_next_task_and_sleeps_after_a_while():
    from convlab_kernels.cpu.lingering import linger

    number = np.zeros(1, np.int64)
    linger(number, 0)  # returns, although nothing changes
    linger(number, 1)

    def change():
        time.sleep(0.001)
        number[0] = 1

    threading.Thread(target=change).start()
    for _ in range(10_000):  # each for a millisecond, unless the number changes
        linger(number, 0)
        if number[0]:
            break
    assert number[0] == 1


@pytest.mark.parametrize("n", [2, 5])
def test_tasks_are_found_after_any_pause(n):
    set_threads(n)  # 5: more than cores, so that nobody waits awake
    for pause in (0, 0.0005, 0.003, 0.02) * 3:
        time.sleep(pause)
        seen = []
        spread(lambda first, last, seen=seen: seen.append((first, last)), 10)
        assert sum(last - first for first, last in seen) == 10
