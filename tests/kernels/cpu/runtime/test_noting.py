"""Tasks that are noted and not done: what is noted, what refused, where buffers lie, and what comes of it later."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab_kernels.cpu.elementwise import add
from convlab_kernels.cpu.runtime.noting import Notes, UnplannedError, notes, noting
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.program import Life, Program, arrange, carry_out, lives
from convlab_kernels.cpu.runtime.scratch import scratch
from convlab_kernels.cpu.runtime.threads import parallel_for, set_threads, threads

FLOAT = np.dtype(np.float32)


@shared
def _add_shifted(_, first, last, x, shift, out):
    for i in range(first, last):
        out[i] = x[i] + shift[i % len(shift)]


@shared
def _fail(_, first, last, out):
    for i in range(first, last):
        np.empty(1 << 60 if out[i] < 0 else 1)


def noted(compute, *sizes):
    """Return the notes of what is computed on arrays of these sizes, and the arrays."""
    taken = Notes()
    arrays = [taken.empty((size,), FLOAT) for size in sizes]
    with noting(taken):
        compute(*arrays)
    return taken, arrays


def carried_out(taken, *arrays):
    """Carry out the tasks of notes on these arrays, one for each buffer."""
    program = Program(taken, ())
    program.place(np.array([array.ctypes.data for array in arrays]))
    carry_out(program.pieces(0, len(taken.tasks)))


@pytest.fixture(params=[1, 2, 5])
def team(request):
    before = threads()
    set_threads(request.param)
    yield request.param
    set_threads(before)


def test_what_was_noted_is_done_later_as_often_as_wanted_on_other_numbers_and_elsewhere(team):
    def compute(x, between, out):  # the tasks hold what they need, when the shift is gone
        shift = np.arange(7, dtype=np.float32)
        parallel_for(_add_shifted, (x, shift, between), 1000)
        parallel_for(_add_shifted, (between, shift[3:], out), 1000)

    taken, _ = noted(compute, 1000, 1000, 1000)
    shift_twice = np.arange(1000) % 7 + 3 + np.arange(1000) % 4
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal(1000).astype(np.float32)
        out = np.full(1000, np.nan, np.float32)
        carried_out(taken, x, np.full(1000, np.nan, np.float32), out)
        np.testing.assert_allclose(out, x + shift_twice, rtol=0, atol=1e-5)
    assert [task.sharing[-1] for task in taken.tasks] == [team, team]


def test_a_part_of_a_buffer_moves_with_it():
    taken, _ = noted(lambda x, out: add(x[16:48], x[:32], out[32:]), 48, 64)
    x, out = np.arange(48, dtype=np.float32), np.zeros(64, np.float32)
    carried_out(taken, x, out)
    np.testing.assert_array_equal(out, [*[0] * 32, *(x[16:] + x[:32])])


def test_what_uses_no_noted_memory_is_done_at_once():
    out = np.zeros(48, np.float32)
    taken, _ = noted(lambda _: add(np.ones(48, np.float32), np.ones(48, np.float32), out), 48)
    assert not taken.tasks
    assert (out == 2).all()


def test_room_to_work_in_is_a_buffer():
    def compute(x, out):
        room = scratch("room", (48,), FLOAT)
        add(x, x, room)
        add(room, x, out)

    taken, _ = noted(compute, 48, 48)
    assert [task.buffers for task in taken.tasks] == [{0, 2}, {1, 2, 0}]
    x, out = np.arange(48, dtype=np.float32), np.zeros(48, np.float32)
    carried_out(taken, x, out, np.zeros(48, np.float32))
    np.testing.assert_array_equal(out, 3 * x)


REFUSED = {
    "arithmetic": lambda x: x + 1,
    "a sum": lambda x: x.sum(),
    "a function": np.exp,
    "a function of arrays": lambda x: np.concatenate([x, x]),
    "writing": lambda x: x.__setitem__(0, 1),
    "a copy given to a kernel": lambda x: add(x.copy(), x, x),
    "a copy in another order": lambda x: add(np.require(x.reshape(4, 12).T, requirements="C").ravel(), x, x),
}


@pytest.mark.parametrize("compute", REFUSED.values(), ids=REFUSED)
def test_who_asks_for_numbers_that_are_not_there_is_refused(compute):
    with pytest.raises(UnplannedError):
        noted(compute, 48)
    assert notes() is None


def test_a_task_that_fails_is_told():
    taken, _ = noted(lambda out: parallel_for(_fail, (out,), 3), 3)
    carried_out(taken, np.zeros(3, np.float32))
    with pytest.raises(MemoryError):
        carried_out(taken, np.float32([0, -1, 0]))


def test_long_work_is_done_in_several_calls():
    def compute(x):
        for cost in (60_000, 30_000, 20_000, 500_000, 1, 2):
            parallel_for(_add_shifted, (x, np.zeros(1, np.float32), x), 3, cost=cost)

    taken, _ = noted(compute, 3)
    assert [len(tasks) for tasks, *_ in Program(taken, ()).pieces(0, 6)] == [3, 1, 2]
    assert [len(tasks) for tasks, *_ in Program(taken, ()).pieces(1, 3)] == [2]
    assert Program(taken, ()).pieces(2, 2) == []


# ---- where buffers lie


def test_a_life_is_from_the_first_use_to_the_last():
    assert lives([{0, 1}, {1}, set(), {2, 1}]) == {0: Life(0, 0), 1: Life(0, 3), 2: Life(3, 3)}


BUFFERS = st.lists(st.tuples(st.integers(1, 500), st.integers(0, 9), st.integers(0, 9)), max_size=12)


@given(BUFFERS)
def test_two_buffers_share_memory_only_where_no_time_needs_both(buffers):
    sizes = [size for size, *_ in buffers]
    found = {i: Life(min(times), max(times)) for i, (_, *times) in enumerate(buffers)}
    starts, whole = arrange(sizes, found)
    for a, b in combinations(range(len(sizes)), 2):
        if found[a].first <= found[b].last and found[b].first <= found[a].last:
            assert starts[a] + sizes[a] <= starts[b] or starts[b] + sizes[b] <= starts[a]
    assert all(start % 64 == 0 and start + size <= whole for start, size in zip(starts, sizes, strict=True))
    assert whole <= sum(-(-size // 64) * 64 for size in sizes)


def test_a_chain_of_buffers_takes_no_more_than_its_largest_neighbours():
    sizes = [640, 6400, 3200, 1600]
    starts, whole = arrange(sizes, {i: Life(i, i + 1) for i in range(4)})
    assert (starts, whole) == ([6400, 0, 6400, 0], 6400 + 3200)
