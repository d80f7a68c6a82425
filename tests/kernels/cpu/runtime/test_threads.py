"""Work spread among threads: how it is cut up, who helps and when workers sleep, errors, interrupts, forks."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from itertools import pairwise, product
from math import inf
from pathlib import Path

import pytest

from convlab_kernels.cpu import set_threads
from convlab_kernels.cpu.runtime.parallel_for import CLAIMED, INSIDE, OPEN
from convlab_kernels.errors import ShapeError
from support.kernels import rendezvous
from support.kernels.rendezvous import ENDED, PATIENCE, new_book, parallel_for, threads

SHARING, WAKING = threads.SHARING, threads.WAKING


@pytest.fixture(autouse=True)
def _same_threads_afterwards():
    before = threads.threads()
    set_threads(1)
    parallel_for(1)  # compiled before anybody is waited for
    yield
    set_threads(before)


def stay_awake(monkeypatch, looks=10**8):
    monkeypatch.setattr(threads, "CORES", 99)
    monkeypatch.setattr(threads, "LOOKS", looks)


@pytest.fixture
def awake(monkeypatch):
    """Workers who stay awake for about a tenth of a second, however few cores there are."""
    stay_awake(monkeypatch)


@pytest.fixture
def pool(monkeypatch):
    """A pool that has no workers yet."""
    pool = threads._Pool()
    monkeypatch.setattr(threads, "_pool", pool)
    return pool


def eventually(condition):
    """Return whether the condition holds at last."""
    for _ in range(1000 * PATIENCE):
        if condition():
            return True
        time.sleep(0.001)
    return False


def meet(n):
    """Meet n - 1 workers."""
    set_threads(n)
    assert sorted(worker for worker, *_ in parallel_for(n, together=n)) == list(range(n))


# ---- how a range is cut into parts


def parts_of(size, grain, n, pieces=1, cost=inf, most=None):
    set_threads(n)
    return sorted((first, last) for _, first, last in parallel_for(size, grain, cost=cost, pieces=pieces, most=most))


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


@pytest.mark.parametrize(
    ("cost", "parts"),
    [(0, 1), (SHARING, 1), (2 * SHARING - 1, 1), (2 * SHARING, 2), (6 * SHARING, 6), (100 * SHARING, 8), (inf, 8)],
)
def test_what_costs_little_is_not_cut_up(cost, parts):
    assert len(parts_of(97, 1, 2, pieces=4, cost=cost)) == parts


@pytest.mark.parametrize(("n", "most", "parts"), [(3, None, 12), (3, 5, 12), (3, 2, 8), (3, 1, 1), (1, 2, 1)])
def test_those_who_take_part_may_be_limited(n, most, parts):
    assert len(parts_of(97, 1, n, pieces=4, most=most)) == parts


def test_nothing_to_do_calls_nobody():
    assert parts_of(0, 1, 3) == parts_of(0, 14, 1) == []


# ---- who takes part


@pytest.mark.parametrize("n", [2, 3, 5])
def test_parts_are_done_at_the_same_time(n, awake):
    for _ in range(3):
        meet(n)


def test_runners_are_fewer_than_most(awake):
    meet(5)  # so many there are
    for _ in range(5):
        parts = parallel_for(60, pieces=20, most=2, slow=rendezvous.EACH, patience=rendezvous.WHILE // 10)
        assert len(parts) == 40 and {worker for worker, *_ in parts} <= {0, 1}


def test_what_costs_little_wakes_nobody(pool, monkeypatch):
    stay_awake(monkeypatch, looks=1)
    pool.grow(1)
    assert eventually(lambda: len(pool.asleep) == 1)
    set_threads(2)
    assert [worker for worker, *_ in parallel_for(6, cost=WAKING - 1, slow=0)] == [0] * 2
    assert len(pool.asleep) == 1
    stay_awake(monkeypatch)
    assert len(parallel_for(2, cost=WAKING, together=2)) == 2


def test_who_is_awake_takes_part_in_what_costs_little(pool, monkeypatch):
    stay_awake(monkeypatch, looks=10**9)
    meet(2)
    assert not pool.asleep
    assert len(parallel_for(2, cost=2 * SHARING, together=2)) == 2


def test_workers_sleep_when_there_was_nothing_to_do_for_a_while(pool, monkeypatch):
    pool.grow(1)
    assert eventually(lambda: len(pool.asleep) == 1)
    stay_awake(monkeypatch)
    for _ in range(2):
        meet(2)  # whom the caller has woken
        assert eventually(lambda: len(pool.asleep) == 1)
        assert not pool.slot[[CLAIMED // 8, OPEN // 8, INSIDE // 8]].any()


def test_workers_sleep_at_once_where_there_are_more_threads_than_cores(pool, monkeypatch):
    stay_awake(monkeypatch, looks=10**11)
    monkeypatch.setattr(threads, "CORES", 2)
    set_threads(3)
    pool.grow(2)
    assert eventually(lambda: len(pool.asleep) == 2)


def test_a_task_that_comes_while_a_worker_lies_down_is_not_missed(pool, monkeypatch):
    lies_down, opened = threading.Event(), []

    class Asleep(deque):
        def append(self, entry):
            if not lies_down.is_set():  # the task is opened after the worker's last look, and wakes nobody
                lies_down.set()
                opened.append(eventually(lambda: pool.slot[OPEN // 8]))
            super().append(entry)

    pool.asleep = Asleep()
    monkeypatch.setattr(threads, "LOOKS", 1)
    pool.grow(1)
    assert lies_down.wait(PATIENCE)
    monkeypatch.setattr(threads, "LOOKS", 10**8)
    meet(2)
    assert opened == [True]


@pytest.mark.parametrize("n", [2, 5])
def test_tasks_are_done_after_any_pause(n):
    set_threads(n)  # 5: more than cores, as a rule, so that nobody waits awake
    for pause in (0, 0.0005, 0.001, 0.003, 0.02) * 4:
        time.sleep(pause)
        assert sum(last - first for _, first, last in parallel_for(10)) == 10


def test_the_parts_are_the_same_whoever_takes_part(pool, awake):
    set_threads(3)
    pool.slot[CLAIMED // 8] = 1  # by somebody else: the caller is alone
    alone = parallel_for(97, 2, pieces=4)
    assert [worker for worker, *_ in alone] == [0] * 12 and alone == sorted(alone)
    assert pool.slot[CLAIMED // 8] == 1
    pool.slot[CLAIMED // 8] = 0
    for slow in (0, alone[5][1]):
        together = parallel_for(97, 2, pieces=4, slow=slow)
        assert sorted(part for _, *part in together) == [part for _, *part in alone]


def test_many_callers_at_once_each_get_their_own(pool):
    set_threads(3)
    results, begin = {}, threading.Barrier(8)

    def caller(name):
        begin.wait(PATIENCE)
        for turn in range(20):
            results[name, turn] = parallel_for(7)

    callers = [threading.Thread(target=caller, args=(name,), daemon=True) for name in range(8)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in callers)
    assert len(results) == 8 * 20
    for parts in results.values():
        assert sorted(part for _, *part in parts) == [[0, 3], [3, 5], [5, 7]]
        assert {worker for worker, *_ in parts} <= {0, 1, 2}


# ---- errors, interrupts


def fails(size, **how):
    """Spread a part that fails, and return what the book counts."""
    book = new_book()
    with pytest.raises(MemoryError, match=r"^no memory for what a kernel keeps while it computes$"):
        parallel_for(size, book=book, **how)
    return book[0].tolist()


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_part_without_memory_is_told_when_all_have_ended(failing, awake):
    set_threads(3)
    for slow in range(3):  # each of the three does one part, the caller too
        assert fails(3, together=3, slow=slow, failing=failing) == [3, 2, 0]
        meet(3)


def test_a_caller_without_memory_is_told():
    assert fails(3, failing=0) == [1, 0, 0]
    assert parallel_for(3) == [[0, 0, 3]]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are sent to threads on POSIX only")
def test_an_interrupt_is_raised_when_all_parts_have_ended(awake, interruptible):
    set_threads(2)
    book, sent = new_book(), []

    def interrupt():
        sent.append(eventually(lambda: book[0, ENDED] == 1))  # the other part waits
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.01)
        book[0, ENDED] += 10

    sender = threading.Thread(target=interrupt, daemon=True)
    with pytest.raises(KeyboardInterrupt):
        sender.start()
        parallel_for(2, book=book, slow=0, ended=10, patience=rendezvous.ENOUGH)
    assert sent == [True] and book[0].tolist() == [2, 12, 0]
    meet(2)


# ---- threads


def test_workers_are_reused(awake):
    meet(3)
    before = threading.active_count()
    for _ in range(20):
        meet(3)
    assert threading.active_count() == before


def test_a_thread_that_cannot_start_is_told_of_and_not_counted(pool, monkeypatch):
    class Refused:
        def __init__(self, **arguments):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threads, "Thread", Refused)
        set_threads(3)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                parallel_for(3)
        assert pool.workers == 0
    assert len(parallel_for(3)) == 3
    assert pool.workers == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("first", [True, False], ids=["the parent had workers", "it had none"])
def test_a_forked_child_has_workers_of_its_own(first):
    program = f"""
import os
from support.kernels.rendezvous import parallel_for, threads
threads.CORES, threads.LOOKS = 99, 10**8
parallel_for(1)  # compiled
threads._pool = None
def meet():
    threads.set_threads(3)
    assert len(parallel_for(3, together=3)) == 3
if {first}:
    meet()
child = os.fork()
if child == 0:
    meet()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
meet()
print("both")
"""
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, timeout=PATIENCE, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "both\n"), done.stderr


@pytest.mark.parametrize(("asked", "expected"), [("3", 3), ("0", None), ("-2", None), ("many", None), ("", None)])
def test_the_environment_says_how_many(asked, expected, monkeypatch):
    monkeypatch.setenv("CONVLAB_THREADS", asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert threads._asked() == (expected or cores)


@pytest.mark.parametrize("n", [0, -1, 1.0, "2", None, True])
def test_what_is_no_number_of_threads_is_refused(n):
    before = threads.threads()
    with pytest.raises(ShapeError, match=rf"^set_threads: {n!r} threads, expected a whole number of at least 1$"):
        set_threads(n)
    assert threads.threads() == before
