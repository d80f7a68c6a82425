"""The slot around which threads share a loop, without the pool: who takes part, who comes too late, what arrives."""

import threading
from types import FunctionType

import numba
import numpy as np
import pytest

from convlab_kernels.cpu.runtime.aligned import LINE, aligned
from convlab_kernels.cpu.runtime.atomics import add, claim, look, put
from convlab_kernels.cpu.runtime.jit import address, compiled, inlined
from convlab_kernels.cpu.runtime.parallel_for import CLAIMED, INSIDE, NEXT, OPEN, SLOT, TASK, WORKERS, serve, shared
from support.kernels import rendezvous
from support.kernels.rendezvous import ENOUGH, PATIENCE, arguments, entries, kernel, new_book, reaches


@pytest.fixture
def slot():
    slot = aligned(SLOT).view(np.int64)
    slot[:] = 0
    return slot


class Workers:
    """Threads that serve the slot while the block lasts, and at least once."""

    def __init__(self, slot, n, serve=serve):
        self.slot, self.serve, self.needed = slot, serve, True
        self.threads = [threading.Thread(target=self.help, daemon=True) for _ in range(n)]

    def help(self):
        self.serve(self.slot, 10_000)
        while self.needed:
            self.serve(self.slot, 10_000)

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.needed = False
        for thread in self.threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self.threads)


def is_free(slot):
    return not slot[[CLAIMED // 8, OPEN // 8, INSIDE // 8]].any()


# ---- atomics


@compiled
def _once_each(numbers):
    place = address(numbers, 1)
    put(place, 40)
    return look(place), add(place, 2), add(place, -50), look(place)


def test_numbers_are_put_and_looked_at_and_added_to():
    numbers = np.full(3, 7)
    assert _once_each(numbers) == (40, 40, 42, -8)
    assert numbers.tolist() == [7, -8, 7]


@compiled
def _claim_all(numbers):
    mine = 0
    for i in range(len(numbers)):
        if claim(address(numbers, i)):
            mine += 1
    return mine


def test_what_is_not_zero_cannot_be_claimed():
    numbers = np.array([0, 1, 2, -1, 0])
    assert _claim_all(numbers) == 2
    assert numbers.tolist() == [1, 1, 2, -1, 1]
    assert _claim_all(numbers) == 0


@compiled
def _add_all(numbers, times):
    for _ in range(times):
        add(address(numbers, 0), 1)
    return times


def results_of(n, function, *args):
    """Return what the function returns in each of n threads."""
    begin, results = threading.Barrier(n), []

    def run():
        begin.wait(PATIENCE)
        results.append(function(*args))

    callers = [threading.Thread(target=run, daemon=True) for _ in range(n)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE)
    assert len(results) == n
    return results


def test_nothing_is_lost_where_several_add_at_once():
    numbers = np.zeros(1, np.int64)
    _add_all(numbers, 0)
    assert sum(results_of(4, _add_all, numbers, 300_000)) == numbers[0] == 4 * 300_000


def test_each_is_claimed_by_one():
    numbers = np.zeros(300_000, np.int64)
    _claim_all(numbers[:0])
    assert sum(results_of(3, _claim_all, numbers)) == numbers.sum() == 300_000


# ---- the slot


def test_a_slot_begins_at_a_cache_line_and_its_fields_lie_in_different_ones(slot):
    assert slot.ctypes.data % LINE == 0
    assert len({CLAIMED // LINE, OPEN // LINE, INSIDE // LINE, NEXT // LINE, TASK // LINE}) == 5


@pytest.mark.parametrize("why", ["one worker", "the slot is taken"])
def test_who_is_alone_does_all_parts_in_turn(slot, why):
    slot[CLAIMED // 8] = why == "the slot is taken"
    before, book = slot.copy(), new_book()
    with Workers(slot, 1):
        assert not kernel(slot, 4, 10, 1, 1 if why == "one worker" else 3, *arguments(book))
    assert entries(book) == [[0, 0, 3], [0, 3, 5], [0, 5, 8], [0, 8, 10]]
    assert np.array_equal(slot, before)


def test_workers_meet_the_caller(slot):
    book = new_book()
    with Workers(slot, 2):
        assert not kernel(slot, 3, 7, 1, 3, *arguments(book, together=3))
        assert is_free(slot)
    met = entries(book)
    assert sorted(part for _, *part in met) == [[0, 3], [3, 5], [5, 7]]
    assert sorted(worker for worker, *_ in met) == [0, 1, 2]


def test_the_caller_returns_when_all_have_ended(slot):
    with Workers(slot, 1):
        for slow in (0, 1) * 10:  # it is the caller's part or the worker's
            book = new_book()
            assert not kernel(slot, 2, 2, 1, 2, *arguments(book, together=2, slow=slow))
            assert len(entries(book)) == 2


def test_who_is_done_first_takes_the_next_part(slot):
    book = new_book()
    with Workers(slot, 1):
        assert not kernel(slot, 5, 10, 1, 2, *arguments(book, slow=0, ended=4, patience=rendezvous.ENOUGH))
    workers = {first: worker for worker, first, _ in entries(book)}
    assert workers in ({0: 0, 2: 1, 4: 1, 6: 1, 8: 1}, {0: 1, 2: 0, 4: 0, 6: 0, 8: 0})


def test_no_more_take_part_than_are_to(slot):
    with Workers(slot, 4):
        for _ in range(5):
            book = new_book()
            how = {"slow": rendezvous.EACH, "patience": rendezvous.WHILE // 10}
            assert not kernel(slot, 40, 40, 1, 2, *arguments(book, **how))
            assert {worker for worker, *_ in entries(book)} <= {0, 1}


def test_nobody_waits_for_a_worker_that_comes_too_late(slot):
    book = new_book()
    assert not kernel(slot, 4, 8, 1, 2, *arguments(book))
    before = book.copy()
    assert len(entries(book)) == 4 and is_free(slot)
    with Workers(slot, 2):
        pass
    assert np.array_equal(book, before)


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_failure_is_told_when_all_parts_have_ended(slot, failing, workers):
    with Workers(slot, workers):
        for slow in range(3):
            book = new_book()
            how = {"together": 1 + workers, "slow": slow, "failing": failing}
            assert kernel(slot, 3, 3, 1, 1 + workers, *arguments(book, **how))
            assert book[0].tolist() == [3, 2, 0] and is_free(slot)
            book = new_book()
            assert not kernel(slot, 3, 3, 1, 1 + workers, *arguments(book, together=1 + workers))
            assert len(entries(book)) == 3


def _keep(worker, first, last, out, integer, number, pair, flag, wide):
    for i in range(first, last):
        out[i, 0], out[i, 1], out[i, 2] = integer, number, pair[0]
        out[i, 3], out[i, 4], out[i, 5] = pair[1], flag, wide[1, 2]


kept = shared(_keep)


@pytest.mark.parametrize("workers", [0, 1])
def test_arguments_of_all_kinds_arrive(slot, workers):
    wide = np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::-1]
    out = np.zeros((4, 6))
    with Workers(slot, workers):
        assert not kept(slot, 4, 4, 1, 2, out, -(2**40), 0.1, (3, 2.5), True, wide)
    assert out.tolist() == [[-(2.0**40), 0.1, 3.0, 2.5, 1.0, 5.0]] * 4


def _stamp(worker, first, last, out, task):
    for i in range(first, last):
        out[i] += task


stamped = shared(_stamp)


@compiled
def _one_after_another(slot, out, tasks):
    """Do tasks that take hardly longer than a worker needs to step in; return how many were done amiss."""
    amiss = 0
    for task in range(tasks):
        out[:] = 0
        amiss += stamped(slot, 3, 7, 1, 2, out, task)
        for i in range(7):
            amiss += out[i] != task
    return amiss


@pytest.mark.parametrize("workers", [1, 3])
def test_each_task_is_done_once_whoever_comes_in_between(slot, workers):
    out = np.zeros(7, np.int64)
    with Workers(slot, workers):
        assert _one_after_another(slot, out, 200_000) == 0
    assert (out == 199_999).all() and is_free(slot)


@pytest.mark.parametrize("workers", [0, 1])
def test_callers_at_one_slot_each_get_their_own(slot, workers):
    def call():
        out = np.zeros(7, np.int64)
        return _one_after_another(slot, out, 100_000), out.tolist()

    with Workers(slot, workers):
        assert results_of(2, call) == [(0, [99_999] * 7)] * 2
    assert is_free(slot)


SEEN, LEFT, GONE = (SLOT + field * LINE for field in range(3))
"""Behind the slot: a worker has seen the open task; its caller has closed it and left; it has stepped out."""

ROOM = 32 * LINE
"""Bytes of a slot with these, which begins at a multiple of them: so an address tells its field."""


@inlined
def _step_late(place, number):
    """Add to a field of the slot; but step in, INSIDE, no sooner than when the caller has left."""
    field = place % ROOM
    slot = place - field
    if field == INSIDE and number > 0:
        put(slot + SEEN, 1)
        reaches(slot + LEFT, 1, ENOUGH)
        put(slot + LEFT, 0)
    before = add(place, number)
    if field == INSIDE and number < 0:
        put(slot + GONE, 1)
    return before


def late_worker():
    """Return `serve`, but for a worker who sees an open task, and steps in when its caller has closed it and left."""
    function = FunctionType(serve.py_func.__code__, {**serve.py_func.__globals__, "add": _step_late})
    return numba.njit(nogil=True)(function)  # it is not to be kept as what it is not


@compiled
def _open_and_close(slot, times):
    """Be a caller whose tasks have no parts; return how often one took part after all had left (-1: nobody came)."""
    place = address(slot, 0)
    after = 0
    for _ in range(times):
        put(place + OPEN, 1)
        if not reaches(place + SEEN, 1, ENOUGH):
            return -1
        put(place + SEEN, 0)
        put(place + OPEN, 0)
        while look(place + INSIDE):
            pass
        workers = look(place + WORKERS)
        put(place + LEFT, 1)
        if not reaches(place + GONE, 1, ENOUGH):
            return -1
        put(place + GONE, 0)
        after += look(place + WORKERS) != workers
    return after


def test_nobody_takes_part_in_what_is_closed_and_left():
    room = aligned(2 * ROOM).view(np.int64)
    room[:] = 0
    slot, worker = room[-room.ctypes.data % ROOM // 8 :], late_worker()
    worker(slot, 1)  # compiled
    assert _open_and_close(slot, 0) == 0
    with Workers(slot, 1, worker):
        assert _open_and_close(slot, 1000) == 0
