"""The intrinsics' reference emulations, held against plain arrays and matrix algebra in float64."""

import numpy as np
import pytest

from convlab.simulator.machine import simulate
from convlab_kernels.cuda.compiler.intrinsics import (
    commit_group,
    copy4_async,
    load4,
    load_matrices,
    multiply_tf32,
    split_tf32,
    store1,
    store2,
    store4,
    wait_group,
)
from convlab_kernels.cuda.compiler.language import FLOATS, INT, cuda, float32, int32, kernel
from convlab_kernels.cuda.tensor_core import rounded
from support.closeness import assert_close, gamma

pytestmark = pytest.mark.smoke

X = np.arange(1, 65, dtype=np.float32)
seeds = pytest.mark.parametrize("seed", range(3))
copied, one_under_way = wait_group(0), wait_group(1)


def launched(made, x, size, *args, seed=0):
    """Return the `size` numbers that a kernel (x, out, *args) writes, in one block."""
    out = np.full(size, -1, np.float32)
    simulate(made, (1,), x, out, *args, seed=seed)
    return out


# Vectors


@kernel(FLOATS, FLOATS, INT, block=(1,))
def moved(x, out, place):
    """Write x from place + 4 on to the beginning of out, and its first two numbers from place + 6 on."""
    store4(out, 0, 0, load4(x, place, 4))
    store2(out, place, 6, x[0], x[1])
    store1(out, place, 8, x[2])


def test_vectors():
    expected = np.full(64, -1)
    expected[:4], expected[14:17] = X[12:16], X[:3]
    np.testing.assert_array_equal(launched(moved, X, 64, 8), expected)


@pytest.mark.parametrize("place", [5, 6, 7])
def test_a_vector_begins_where_one_may(place):
    with pytest.raises(AssertionError, match="a vector of 4 numbers begins at"):
        launched(moved, X, 64, place)


def test_a_vector_lies_in_its_array():
    for place in (-8, 60):
        with pytest.raises(IndexError):
            launched(moved, X, 64, place)


# Copies


@kernel(FLOATS, FLOATS, INT, block=(64,))
def copied_in_two_groups(x, out, waits):
    """Copy x twice, in a group each, the first four numbers of the first as zeros; wait for so many groups."""
    cells = cuda.shared.array(128, float32)
    i = cuda.threadIdx.x
    store2(cells, 2 * i, 0, x[i], x[i])
    cuda.syncthreads()
    if i < 16:
        copy4_async(cells, 4 * i, 0, x, 4 * i, i > 0)
        commit_group()
        copy4_async(cells, 4 * i, 64, x, 4 * i, True)
        commit_group()
        if waits == 1:
            one_under_way()
        elif waits == 2:
            copied()
    cuda.syncthreads()
    store2(out, 2 * i, 0, cells[2 * i], cells[2 * i + 1])


@seeds
def test_a_copy_is_there_when_it_was_waited_for(seed):
    first = np.where(np.arange(64) < 4, 0, X)
    for waits, expected in enumerate([(np.nan, np.nan), (first, np.nan), (first, X)]):
        out = launched(copied_in_two_groups, X, 128, waits, seed=seed)
        np.testing.assert_array_equal(out, np.concatenate([np.broadcast_to(half, 64) for half in expected]))


@kernel(FLOATS, FLOATS, INT, block=(64,))
def overwritten(x, out, barrier):
    """Turn x around in shared memory, and let a copy come where other threads may still read."""
    cells = cuda.shared.array(64, float32)
    i = cuda.threadIdx.x
    cells[i] = x[i]
    cuda.syncthreads()
    out[i] = cells[63 - i]
    if barrier:
        cuda.syncthreads()
    if i < 16:
        copy4_async(cells, 4 * i, 0, x, 4 * i, True)
    commit_group()
    cuda.syncthreads()
    copied()


@seeds
def test_a_copy_spoils_what_is_still_read(seed):
    np.testing.assert_array_equal(launched(overwritten, X, 64, 1, seed=seed), X[::-1])
    assert np.isnan(launched(overwritten, X, 64, 0, seed=seed)).any()


# Tensor cores


@kernel(FLOATS, FLOATS, block=(64,))
def matrices(x, out):
    """Give each of two warps its four matrices (8, 4): row r of matrix i is row (8 i + 5 r + warp) % 32 of x."""
    cells = cuda.shared.array(32 * 20, float32)
    thread = int32(cuda.threadIdx.x)
    lane, warp = int32(thread % 32), int32(thread // 32)
    for i in range(10):
        cells[thread * 10 + i] = x[thread * 10 + i]
    cuda.syncthreads()
    row = int32((lane // 8 * 8 + lane % 8 * 5 + warp) % 32)
    store4(out, thread * 4, 0, load_matrices(cells, row * 20, 4))


def test_load_matrices():
    x = np.random.default_rng(0).standard_normal((32, 20)).astype(np.float32)
    out = launched(matrices, x, 256).reshape(2, 8, 4, 4)  # warp, lane // 4, lane % 4, matrix
    warp, row, column, i = np.indices(out.shape)
    np.testing.assert_array_equal(out, x[(8 * i + 5 * row + warp) % 32, 4 + column])


@kernel(FLOATS, FLOATS, block=(64,))
def multiplied(x, out):
    """Multiply in each of two warps, whose a (16, 8), b (8, 8) and c (16, 8) lie one after another in x."""
    thread = int32(cuda.threadIdx.x)
    lane, a = int32(thread % 32), int32(thread // 32 * 320)
    b, c = int32(a + 128), int32(a + 192)
    r, k = int32(lane // 4), int32(lane % 4)
    c0, c1, c2, c3 = multiply_tf32(
        x[c + r * 8 + 2 * k],
        x[c + r * 8 + 2 * k + 1],
        x[c + (r + 8) * 8 + 2 * k],
        x[c + (r + 8) * 8 + 2 * k + 1],
        x[a + r * 8 + k],
        x[a + (r + 8) * 8 + k],
        x[a + r * 8 + k + 4],
        x[a + (r + 8) * 8 + k + 4],
        x[b + k * 8 + r],
        x[b + (k + 4) * 8 + r],
    )
    to = int32(thread // 32 * 128)
    store2(out, to + r * 8 + 2 * k, 0, c0, c1)
    store2(out, to + (r + 8) * 8 + 2 * k, 0, c2, c3)


def cut(numbers):
    """Return numbers, in float64, to 11 significant binary digits towards zero: what TF32 keeps."""
    fraction, exponent = np.frexp(numbers.astype(np.float64))
    return np.ldexp(np.trunc(fraction * 2**11) / 2**11, exponent)


def parts(x):
    a, b, c = np.split(x.reshape(2, 320).astype(np.float64), [128, 192], axis=1)
    return a.reshape(2, 16, 8), b.reshape(2, 8, 8), c.reshape(2, 16, 8)


def test_multiply_tf32_of_whole_numbers_is_exact():
    x = np.random.default_rng(1).integers(-100, 100, 640).astype(np.float32)
    a, b, c = parts(x)
    np.testing.assert_array_equal(launched(multiplied, x, 256).reshape(2, 16, 8), c + a @ b)


def test_multiply_tf32_cuts_its_factors():
    x = np.random.default_rng(2).standard_normal(640).astype(np.float32)
    a, b, c = parts(x)
    expected, magnitude = c + cut(a) @ cut(b), np.abs(c) + np.abs(a) @ np.abs(b)
    bound = gamma(1, np.float32) * np.abs(expected) + gamma(9, np.float64) * magnitude
    assert_close(launched(multiplied, x, 256).reshape(2, 16, 8), expected, bound)
    assert (np.abs(expected - (c + a @ b)) > bound).any()


@kernel(FLOATS, FLOATS, block=(64,))
def divided(x, out):
    """Write what each number is split into, and what it is rounded to."""
    i = cuda.threadIdx.x
    large, small = split_tf32(x[i])
    store4(out, 4 * i, 0, (large, small, rounded(x[i]), float32(0)))


def of_all_sizes():
    """Return 64 numbers: of all sizes, each eighth halfway between two of TF32."""
    random = np.random.default_rng(3)
    x = random.standard_normal(64) * 2.0 ** random.integers(-100, 100, 64)
    fraction, exponent = np.frexp(x[::8])
    x[::8] = np.ldexp((np.trunc(fraction * 2**11) + np.copysign(0.5, fraction)) / 2**11, exponent)
    return x.astype(np.float32)


def test_split_tf32_loses_nothing():
    x = of_all_sizes()
    large, small, *_ = launched(divided, x, 256).reshape(64, 4).T.astype(np.float64)
    np.testing.assert_array_equal(large, cut(x))
    np.testing.assert_array_equal(large + small, x)


def test_what_rounds_to_tf32_finds_the_nearest_and_halves_go_away_from_zero():
    x = of_all_sizes()
    got = cut(launched(divided, x, 256).reshape(64, 4)[:, 2])
    fraction, exponent = np.frexp(x.astype(np.float64))
    nearest = np.ldexp(np.copysign(np.floor(np.abs(fraction) * 2**11 + 0.5), fraction) / 2**11, exponent)
    np.testing.assert_array_equal(got, nearest)
    assert (np.abs(nearest) < np.abs(x)).any()
    assert (np.abs(nearest[::8]) > np.abs(x[::8])).all()
