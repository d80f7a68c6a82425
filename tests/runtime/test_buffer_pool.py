"""Memory that is lent again: when it comes back, to whom it goes next, and what is given back to the system."""

import gc
import threading
from itertools import pairwise, permutations
from time import perf_counter_ns

import numpy as np
import pytest

import convlab
from convlab.runtime.arrays import owner, unshared
from convlab.runtime.buffer_pool import SMALL, BufferPool
from convlab.runtime.policy import new_array, using_policy

F4 = np.dtype(np.float32)
SIZE = SMALL // 4 + 3  # numbers of four bytes, more than are made anew


def address(array):
    return array.__array_interface__["data"][0]


def bytes_of(pool):
    return sorted(len(block) for block in pool.free)


def test_an_array_has_the_shape_and_type_and_begins_at_a_cache_line():
    with BufferPool().scope() as scope:
        for shape, dtype in (((3, 7, 5, 401), F4), ((SIZE,), np.dtype(np.float64)), ((2, 3), F4), ((0, 5), F4)):
            array = scope.empty(shape, dtype)
            assert (array.shape, array.dtype) == (shape, dtype)
            assert array.flags.c_contiguous and array.flags.writeable
            assert array.nbytes < SMALL or address(array) % 64 == 0


def test_small_arrays_are_made_anew():
    pool = BufferPool()
    with pool.scope() as scope:
        assert scope.empty((SMALL // 4 - 1,), F4).base is None
        assert scope.empty((SMALL // 4,), F4).base is not None
    assert bytes_of(pool) == [SMALL]


def test_memory_comes_back_with_the_last_view_and_not_before():
    pool = BufferPool()
    with pool.scope() as scope:
        array = scope.empty((SIZE, 3), F4)
        place, view = address(array), array.reshape(3, SIZE)[1:, 5:].T
        del array
        assert not pool.free
        other = scope.empty((SIZE, 3), F4)
        assert not np.shares_memory(other, view)
        del view
        assert len(pool.free) == 1
        assert address(scope.empty((3 * SIZE,), F4)) == place


@pytest.mark.parametrize("order", list(permutations((2, 3, 5))))
def test_the_smallest_block_that_is_large_enough_is_taken(order):
    pool = BufferPool()
    with pool.scope() as scope:
        arrays = {n: scope.empty((n * SIZE,), F4) for n in (5, 2, 3)}
        places = {n: address(array) for n, array in arrays.items()}
        for n in order:
            del arrays[n]
        kept = scope.empty((2 * SIZE + 1,), F4)
        assert address(kept) == places[3]
        assert address(scope.empty((SIZE,), F4)) == places[2]


def test_where_all_are_too_small_the_largest_gives_way():
    pool = BufferPool()
    with pool.scope() as scope:
        two = [scope.empty((n * SIZE,), F4) for n in (1, 2)]
        del two
        scope.empty((3 * SIZE,), F4)
        assert bytes_of(pool) == [4 * SIZE, 12 * SIZE]


def test_a_call_gives_back_what_it_did_not_borrow_and_what_is_larger_than_it_needs():
    pool = BufferPool()

    def call(*sizes):
        with pool.scope() as scope:
            arrays = [scope.empty((n * SIZE,), F4) for n in sizes]
            del arrays
        return [size // (4 * SIZE) for size in bytes_of(pool)]

    assert call(8, 8, 2) == [2, 8, 8]
    assert call(8, 8, 2) == [2, 8, 8]
    assert call(8) == [8]  # the others were not borrowed
    assert call(1) == []  # it was lent the 8, which is more than it needs
    assert call(1) == [1]
    assert call() == []


def test_a_call_that_fails_gives_back_too():
    pool = BufferPool()
    with pytest.raises(ZeroDivisionError), pool.scope() as scope:
        scope.empty((SIZE,), F4)
        1 / 0  # noqa: B018
    with pool.scope():
        pass
    assert not pool.free


def test_results_come_from_the_memory_of_the_network_and_elsewhere_are_new():
    pool, like = BufferPool(), np.zeros(3, np.float64)
    assert new_array(like, (SIZE,)).base is None
    with pool.scope() as scope, using_policy(False, scope):
        array = new_array(like, (SIZE, 2))
        assert (array.shape, array.dtype) == ((SIZE, 2), np.float64)
        assert array.base is not None
        with using_policy(False):
            assert new_array(like, (SIZE,)).base is None
    assert new_array(like, (SIZE,)).base is None


def test_threads_never_hold_the_same_block():
    pool, wrong = BufferPool(), []

    def borrow(number):
        for i in range(300):
            with pool.scope() as scope:
                arrays = [scope.empty((SIZE + 17 * (i % 3),), F4) for _ in range(3)]
                for j, array in enumerate(arrays):
                    array[:] = 3 * number + j
                wrong.extend(number for j, array in enumerate(arrays) if (array != 3 * number + j).any())
                del array, arrays

    threads = [threading.Thread(target=borrow, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(pool.free) <= 24


class Taken(list):
    """Blocks that another thread takes, all of them, as soon as this one looks for one."""

    def pop(self):
        self.clear()
        return super().pop()

    def __getitem__(self, index):
        seen = super().__getitem__(index)
        self.clear()
        return seen


def test_a_block_that_another_thread_took_first_is_not_lent_twice():
    pool = BufferPool()
    with pool.scope() as scope:
        arrays = [scope.empty((size * SIZE,), F4) for size in (1, 2)]
        places, sizes = {address(array) for array in arrays}, {array.nbytes for array in arrays}
        del arrays
        theirs = {size: pool.sizes[size][:] for size in sizes}
        pool.sizes = {size: Taken(blocks) for size, blocks in theirs.items()}
        assert address(scope.empty((SIZE,), F4)) not in places
        pool.sizes = {size: Taken(blocks) for size, blocks in theirs.items()}
        pool.give_back(perf_counter_ns(), 0)  # who was faster keeps them too


def test_lasting_blocks_of_other_sizes_stay():
    pool = BufferPool(lasting=True)
    with pool.scope() as scope:
        arrays = [scope.empty((size * SIZE,), F4) for size in (1, 2)]
        del arrays
        assert scope.empty((3 * SIZE,), F4).size == 3 * SIZE
        assert bytes_of(pool)[:2] == [4 * SIZE, 8 * SIZE]


def test_lasting_arrays_have_blocks_of_their_very_size():
    pool = BufferPool(lasting=True)
    with pool.scope() as scope:
        array = scope.empty((3 * SIZE,), F4)
        place = address(array)
        del array
        small, same = scope.empty((2 * SIZE,), F4), scope.empty((SIZE, 3), F4)
        assert address(small) != place == address(same)
        assert owner(small).nbytes == small.nbytes
        assert unshared(same, set()) is same


def test_no_more_is_kept_than_was_said():
    pool = BufferPool(keep=10 * SIZE)  # bytes: two arrays and a half
    with pool.scope() as scope:
        arrays = [scope.empty((SIZE,), F4) for _ in range(4)]
        del arrays
        assert bytes_of(pool) == [4 * SIZE, 4 * SIZE]


@pytest.mark.slow
def test_a_recording_is_never_written_to_again_and_its_memory_is_when_it_is_gone():
    model = convlab.load("vgg16", weights=0)
    x = np.random.default_rng(0).uniform(-100, 100, (1, *model.input_shape)).astype(np.float32)
    for _ in range(2):  # the second makes a plan
        model.run(x)
    first = model.run(x)
    places, content = {address(array) for array in first.values()}, {name: y.copy() for name, y in first.items()}
    second = model.run(-x)
    assert not places & {address(array) for array in second.values()}
    assert all(np.array_equal(first[name], content[name]) for name in first)
    assert not any(np.shares_memory(a, b) for a, b in pairwise(first.values()))
    large = [name for name, array in second.items() if array.nbytes >= SMALL and name != "flatten"]  # that is a copy
    freed = {address(second[name]) for name in large}
    del second
    third = model.run(x)
    assert freed == {address(third[name]) for name in large}
    assert all(np.array_equal(third[name], content[name]) for name in third)


@pytest.fixture
def _thresholds():
    """Let the test say when garbage is looked for."""
    before = gc.get_threshold()
    gc.disable()
    yield
    gc.set_threshold(*before)
    gc.enable()


@pytest.mark.usefixtures("_thresholds")
def test_what_a_circle_held_may_come_back_while_blocks_are_given_back():
    """Garbage is looked for where the interpreter makes objects: tuples, once it has no old ones left to use."""
    kept = []
    for more in range(1, 60, 2):
        pool = BufferPool(lasting=True)
        with pool.scope() as scope:
            arrays = [scope.empty((SIZE + 64 * i,), F4) for i in range(60)]
            del arrays
            circle = [scope.empty((2 * SIZE,), F4)]
            circle.append(circle)
            del circle, scope
            kept += [(i, more) for i in range(4000)]
            gc.set_threshold(gc.get_count()[0] + more)
            gc.enable()
        gc.disable()
        assert len(pool.free) in (60, 61)
