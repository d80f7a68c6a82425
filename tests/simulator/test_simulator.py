"""The simulator finds what it is there to find."""

import ast
import inspect
from types import SimpleNamespace

import numpy as np
import pytest

from convlab.simulator.machine import simulate
from convlab_kernels.cuda import blocked, tiled
from convlab_kernels.cuda.compiler.language import (
    FLOATS,
    INT,
    Kernel,
    cuda,
    device_function,
    float32,
    int32,
    ints,
    kernel,
    uint32,
)
from support.cuda.rungs import ANY, check

pytest.importorskip("greenlet")
THREADS = 64
WARP = 32
X = np.arange(1, THREADS + 1, dtype=np.float32)
seeds = pytest.mark.parametrize("seed", range(3))


def run(function, *args, seed=0, blocks=1, **options):
    """Return what a kernel of 64 threads, function(x, out, *args), writes to out: float32, -1 where nothing."""
    out = np.full(blocks * THREADS, -1, np.float32)
    signature = [FLOATS, FLOATS, *(ints(len(arg)) if isinstance(arg, tuple) else INT for arg in args)]
    simulate(kernel(*signature, block=(THREADS,), **options)(function), (blocks,), X, out, *args, seed=seed)
    return out


def without_each_barrier(made):
    """Return a kernel without its first barrier, without its second, and so on."""
    mutants = []
    while True:
        tree = ast.parse(inspect.getsource(made.function))
        tree.body[0].decorator_list = []
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Expr)]
        barriers = [node for node in calls if ast.unparse(node) == "cuda.syncthreads()"]
        if len(mutants) == len(barriers):
            return mutants
        barriers[len(mutants)].value = ast.Constant(None)
        space = dict(made.function.__globals__)
        exec(ast.unparse(tree), space)
        mutants.append(Kernel(space[made.function.__name__], made.signature, made.block, made.name))


# Barriers


def turned(x, out):
    cells = cuda.shared.array(THREADS, float32)
    i = cuda.threadIdx.x
    cells[i] = x[i]
    cuda.syncthreads()
    out[i] = cells[THREADS - 1 - i]


def turned_without_barrier(x, out):
    cells = cuda.shared.array(THREADS, float32)
    i = cuda.threadIdx.x
    cells[i] = x[i]
    out[i] = cells[THREADS - 1 - i]


def turned_in_warps(x, out):
    cells = cuda.shared.array(THREADS, float32)
    i = cuda.threadIdx.x
    cells[i] = x[i]
    cuda.syncwarp()
    out[i] = cells[i // WARP * WARP + WARP - 1 - i % WARP]


def turned_with_barrier_of_warps(x, out):
    cells = cuda.shared.array(THREADS, float32)
    i = cuda.threadIdx.x
    cells[i] = x[i]
    cuda.syncwarp()
    out[i] = cells[THREADS - 1 - i]


def passed_on(x, out):
    cells = cuda.shared.array(THREADS, float32)
    i, number = cuda.threadIdx.x, x[cuda.threadIdx.x]
    for _ in range(3):
        cells[i] = number
        cuda.syncthreads()
        number = cells[(i + 1) % THREADS]
        cuda.syncthreads()
    out[i] = number


def passed_on_with_one_barrier(x, out):
    cells = cuda.shared.array(THREADS, float32)
    i, number = cuda.threadIdx.x, x[cuda.threadIdx.x]
    for _ in range(3):
        cells[i] = number
        cuda.syncthreads()
        number = cells[(i + 1) % THREADS]
    out[i] = number


@seeds
def test_a_barrier_shows_all_threads_what_was_written(seed):
    np.testing.assert_array_equal(run(turned, seed=seed), X[::-1])
    np.testing.assert_array_equal(run(turned_in_warps, seed=seed), X.reshape(2, WARP)[:, ::-1].ravel())
    np.testing.assert_array_equal(run(passed_on, seed=seed), np.roll(X, -3))


@seeds
def test_without_it_some_see_what_was_there_before(seed):
    assert 0 < np.isnan(run(turned_without_barrier, seed=seed)).sum() < THREADS
    assert (run(passed_on_with_one_barrier, seed=seed) != np.roll(X, -3)).any()


@seeds
def test_a_warp_runs_ahead_of_the_others(seed):
    assert np.isnan(run(turned_with_barrier_of_warps, seed=seed)).sum() == WARP


def counted_up(x, out):
    count = cuda.shared.array(1, int32)
    count[0] = 0
    cuda.syncthreads()
    count[0] += 1
    out[cuda.threadIdx.x] = count[0]


def test_the_order_is_random_of_warps_and_in_them():
    orders = np.array([run(counted_up, seed=seed).reshape(2, WARP) for seed in range(9)])
    np.testing.assert_array_equal(np.sort(orders.reshape(9, -1)), np.tile(X, (9, 1)))
    assert set(orders.min(axis=2)[:, 0]) == {1, 1 + WARP}
    assert (np.diff(orders) < 0).any(axis=2).all()


RUNGS = [(tiled, tiled.Tiled, seed) for seed in range(3)] + [(blocked, blocked.Blocked, 0)]


@pytest.mark.parametrize(("module", "rung", "seed"), RUNGS)
def test_each_barrier_of_a_rung_is_needed(module, rung, seed, monkeypatch):
    monkeypatch.setattr(Kernel, "__call__", lambda *args: simulate(*args, seed=seed))
    host = SimpleNamespace(take=np.array, give=np.array)
    check(host, rung, ANY[0])
    mutants = without_each_barrier(getattr(module, rung.name))
    assert len(mutants) == 2
    for mutant in mutants:
        monkeypatch.setattr(module, rung.name, mutant)
        with pytest.raises(AssertionError, match="values are off"):
            check(host, rung, ANY[0])


def two_barriers(x, out):
    if cuda.threadIdx.x < WARP:
        cuda.syncthreads()
    else:
        cuda.syncthreads()


def barrier_for_some(x, out):
    if cuda.threadIdx.x < 5:
        cuda.syncthreads()


def barrier_for_a_warp(x, out):
    if cuda.threadIdx.x < WARP:
        cuda.syncthreads()


def barrier_of_half_a_warp(x, out):
    if cuda.threadIdx.x % 2:
        cuda.syncwarp()


def barriers_of_two_kinds(x, out):
    if cuda.threadIdx.x % 2:
        cuda.syncwarp()
    else:
        cuda.syncthreads()


@device_function
def waited():
    cuda.syncthreads()


def barrier_called_from_two_places(x, out):
    if cuda.threadIdx.x < WARP:
        waited()
    else:
        waited()


@pytest.mark.parametrize(
    "function",
    [
        two_barriers,
        barrier_for_some,
        barrier_for_a_warp,
        barrier_of_half_a_warp,
        barriers_of_two_kinds,
        barrier_called_from_two_places,
    ],
)
def test_a_barrier_that_not_all_reach_is_an_error(function):
    with pytest.raises(RuntimeError, match="different barriers"):
        run(function)


# Memory


def unwritten(x, out):
    shared = cuda.shared.array(THREADS, float32)
    local = cuda.local.array(2, float32)
    whole = cuda.local.array(2, int32)
    i = cuda.threadIdx.x
    if cuda.blockIdx.x == 0:
        shared[i] = x[i]
    cuda.syncthreads()
    out[cuda.blockIdx.x * THREADS + i] = shared[i] if i else local[1] * whole[1]


@seeds
def test_what_nobody_wrote_in_this_block_is_nan(seed):
    first, second = run(unwritten, blocks=2, seed=seed).reshape(2, THREADS)
    np.testing.assert_array_equal(first, [np.nan, *X[1:]])
    assert np.isnan(second).all()


def unwritten_index(x, out):
    places = cuda.shared.array(THREADS, int32)
    out[0] = x[places[0]]


def test_what_nobody_wrote_is_no_index():
    with pytest.raises(IndexError):
        run(unwritten_index)


def two_arrays_on_a_line(x, out):
    a, b = cuda.shared.array(THREADS, float32), cuda.shared.array(THREADS, float32)
    i = cuda.threadIdx.x
    a[i], b[i] = x[i], -x[i]
    cuda.syncthreads()
    out[i] = a[THREADS - 1 - i] - b[i]


def test_two_shared_arrays_on_a_line_are_not_one():
    np.testing.assert_array_equal(run(two_arrays_on_a_line), X[::-1] + X)


def asked_for_at_the_launch(x, out):
    cells = cuda.shared.array(0, float32)
    i = cuda.threadIdx.x
    cells[i] = x[i]
    cuda.syncthreads()
    out[i] = cells[THREADS - 1 - i]


def test_shared_memory_is_as_large_as_was_asked():
    np.testing.assert_array_equal(run(asked_for_at_the_launch, shared=4 * THREADS), X[::-1])
    with pytest.raises(IndexError):
        run(asked_for_at_the_launch, shared=4 * THREADS - 4)


def read_x(x, out, place):
    out[0] = x[place]


def write_out(x, out, place):
    out[place] = x[0]


def read_shared(x, out, place):
    cells = cuda.shared.array(THREADS, float32)
    out[0] = cells[place]


@pytest.mark.parametrize("function", [read_x, write_out, read_shared])
def test_an_index_outside_is_an_error(function):
    run(function, THREADS - 1)
    for place in (-1, THREADS, 1 << 20):
        with pytest.raises(IndexError, match=f"index {place} "):
            run(function, place)


# Whole numbers


def product(x, out, sizes):
    a, b = sizes
    out[0] = x[int32(a * b) % THREADS]


def product_of_local(x, out, size):
    kept = cuda.local.array(1, int32)
    kept[0] = size
    out[0] = x[int32(kept[0] * kept[0]) % THREADS]


def inside(x, out, place):
    out[0] = uint32(place) < uint32(10)


def test_what_leaves_int32_is_an_error():
    assert run(product, (np.int32(2**31 - 1), np.int32(1)))[0] == X[-1]
    for sizes in ((1 << 16, 1 << 15), (-(1 << 16), (1 << 15) + 1)):
        with pytest.raises(AssertionError, match="does not fit"):
            run(product, tuple(map(np.int32, sizes)))
    with pytest.raises(AssertionError, match="does not fit"):
        run(product_of_local, np.int32(1 << 16))


def test_uint32_wraps_around():
    assert [run(inside, place)[0] for place in (-1, 0, 9, 10)] == [0, 1, 1, 0]


# Launches


def counted(x, out):
    out[cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x] = cuda.gridDim.x * 100 + cuda.laneid


def test_every_thread_runs_once_and_knows_its_place():
    np.testing.assert_array_equal(run(counted, blocks=3), np.tile(np.arange(WARP), 6) + 300)


def test_a_grid_that_no_gpu_launches():
    made = kernel(FLOATS, FLOATS, block=(THREADS,))(counted)
    for grid in ((0,), (1, 65536)):
        with pytest.raises(AssertionError, match="a grid"):
            simulate(made, grid, X, X)
    with pytest.raises(AssertionError, match="blocks"):
        simulate(kernel(FLOATS, FLOATS, block=(1025,))(counted), (1,), X, X)
    with pytest.raises(AssertionError, match="strides"):
        simulate(made, (1,), X[::2], X.copy())


def made_with(factor):
    @device_function
    def scaled(number):
        return number * float32(factor)

    def function(x, out):
        out[cuda.threadIdx.x] = sum(scaled(x[i]) for i in (0, 1))

    return function


def test_what_a_closure_holds_is_simulated_too():
    assert (run(made_with(2)) == 6).all()
    assert (run(made_with(3)) == 9).all()
