"""What the GPU computes number by number: every size, special numbers, parts, and what it refuses."""

import numpy as np
import pytest

from convlab_kernels.cuda import convolution, elementwise
from convlab_kernels.cuda.elementwise import EACH
from convlab_kernels.cuda.flat import THREADS
from convlab_kernels.errors import ShapeError, UnsupportedError
from support.closeness import assert_close, gamma

# in the simulator NumPy computes, which warns where a GPU does not
SHAPES = [(0, 4, 3), (1, 1), (3, 5, 7, 1), (2, 3, 67), (2, THREADS), (1, EACH * THREADS), (3, 373), (2, 61, 17)]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 6.0, 6.0000005, -1e-45, 1e-45, 3e38, -3e38]
FINISHES = [{}, {"relu": True}, {"relu": True, "ceiling": 1.5}, {"ceiling": 1.5}]

shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
finishes = pytest.mark.parametrize("finish", FINISHES, ids=str)


def numbers(shape, seed, special=False):
    """Return random numbers, the first and the last of them special ones."""
    random = 2 * np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)
    if special:
        random.reshape(-1)[: len(SPECIAL)] = SPECIAL[: random.size]
        random.reshape(-1)[-1:] = np.nan
    return random


def clipped(x, relu=False, ceiling=np.inf):
    """Return what a kernel's last step should make of x; NumPy's minimum and maximum let NaN through."""
    return np.minimum(np.maximum(x, 0), np.float32(ceiling)) if relu else x


def empty(gpu, shape):
    """Return an array that a kernel should fill."""
    return gpu.take(np.full(shape, 9, np.float32))


@shapes
@finishes
def test_add(shape, finish, gpu):
    a, b, out = numbers(shape, 1, special=True), numbers(shape, 2), empty(gpu, shape)
    elementwise.add(gpu.take(a), gpu.take(b), out, **finish)
    assert np.array_equal(gpu.give(out), clipped(a + b, **finish), equal_nan=True)


@shapes
@pytest.mark.parametrize("ceiling", [np.inf, 6, -0.5])
def test_rectify(shape, ceiling, gpu):
    x, out = numbers(shape, 3, special=True), empty(gpu, shape)
    elementwise.rectify(gpu.take(x), out, ceiling)
    assert np.array_equal(gpu.give(out), clipped(x, True, ceiling), equal_nan=True)


@shapes
@finishes
def test_normalise(shape, finish, gpu):
    x, out = numbers(shape, 4, special=True), empty(gpu, shape)
    mean, scale, shift = (numbers(shape[-1:], seed) for seed in (5, 6, 7))
    elementwise.normalise(*map(gpu.take, (x, mean, scale, shift)), out, **finish)
    x, mean, scale, shift = (array.astype(np.longdouble) for array in (x, mean, scale, shift))
    with np.errstate(invalid="ignore", over="ignore"):
        expected = clipped((x - mean) * scale + shift, **finish).astype(np.float32).astype(np.float64)
        magnitude = np.abs((x - mean) * scale) + np.abs(shift)
        bound = np.where(np.isfinite(magnitude), gamma(4, np.float32) * magnitude, 0).astype(np.float64)
    assert_close(gpu.give(out), expected, bound)  # three roundings, and the expected one's


def test_numbers_close_together_far_from_zero_keep_their_digits(gpu):
    x = (np.arange(35, dtype=np.float32).reshape(5, 7) + 2**20)[None]
    mean, one, out = np.full(7, 2**20 + 17, np.float32), np.ones(7, np.float32), empty(gpu, x.shape)
    elementwise.normalise(*map(gpu.take, (x, mean, 3 * one, one / 4)), out)
    assert np.array_equal(gpu.give(out), (np.arange(35).reshape(1, 5, 7) - 17) * 3 + 0.25)


def test_parts_in_which_an_index_is_an_int32(gpu, monkeypatch):
    monkeypatch.setattr(convolution, "LARGEST", 100)  # of 37 channels, two cells at a time
    x, mean, out = numbers((5, 37), 8), numbers((37,), 9), empty(gpu, (5, 37))
    one, zero = np.ones(37, np.float32), np.zeros(37, np.float32)
    elementwise.normalise(*map(gpu.take, (x, mean, one, zero)), out)
    assert np.array_equal(gpu.give(out), x - mean)
    elementwise.add(gpu.take(x), gpu.take(x), out)
    assert np.array_equal(gpu.give(out), 2 * x)
    elementwise.rectify(gpu.take(x), out)
    assert np.array_equal(gpu.give(out), x.clip(0))


def test_inputs_of_any_layout_and_into_themselves(gpu):
    whole = numbers((6, 11, 8), 10)
    a, b, out = gpu.take(whole)[1::2, :, 1:4], gpu.take(whole)[::2, ::-1, :3], empty(gpu, (3, 11, 3))
    elementwise.add(a, b, out)
    expected = whole[1::2, :, 1:4] + whole[::2, ::-1, :3]
    assert np.array_equal(gpu.give(out), expected)
    elementwise.add(out, out, out)
    assert np.array_equal(gpu.give(out), 2 * expected)


def test_what_it_refuses(gpu):
    x = gpu.take(np.ones((4, 6), np.float32))
    with pytest.raises(ShapeError, match=r"^rectify: out is not contiguous in C order; give a whole array"):
        elementwise.rectify(x, gpu.take(np.ones((4, 12), np.float32))[:, ::2])
    with pytest.raises(UnsupportedError, match=r"^add: an array of float64, expected float32"):
        elementwise.add(x, gpu.take(np.ones((4, 6))), x)
