"""The compiled kernels that compute number by number, and the operations and layers that use them."""

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError
from convlab.layers import Add
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise
from support.closeness import assert_close, gamma

SHAPES = [(0, 4, 3), (1, 1), (3, 5, 7, 1), (2, 3, 67), (2, 61, 47, 3), (5, 9001)]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 6.0, 6.0000005, -1e-45, 1e-45, 3e38, -3e38]
FINISHES = [{}, {"relu": True}, {"relu": True, "ceiling": 1.5}, {"ceiling": 1.5}]

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


pytestmark = pytest.mark.usefixtures("some_threads")


def numbers(shape, seed, dtype=np.float32, special=False):
    """Return random numbers, the first of them special ones."""
    random = 2 * np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)
    if special:
        random.reshape(-1)[: len(SPECIAL)] = SPECIAL[: random.size]
    return random


def clipped(x, relu=False, ceiling=np.inf):
    """Return what a kernel's last step should make of x; NumPy's minimum and maximum let NaN through."""
    return np.minimum(np.maximum(x, 0), ceiling) if relu else x


@shapes
@dtypes
@pytest.mark.parametrize("finish", FINISHES, ids=str)
def test_add(shape, dtype, finish):
    a, b = numbers(shape, 1, dtype, special=True), numbers(shape, 2, dtype)
    out = np.full(shape, 9, dtype)
    elementwise.add(a, b, out, **finish)
    assert np.array_equal(out, clipped(a + b, **finish), equal_nan=True)


@shapes
@dtypes
@pytest.mark.parametrize("ceiling", [np.inf, 6, -0.5])
def test_rectify(shape, dtype, ceiling):
    x, out = numbers(shape, 3, dtype, special=True), np.full(shape, 9, dtype)
    elementwise.rectify(x, out, ceiling)
    assert np.array_equal(out, np.minimum(np.maximum(x, 0), dtype(ceiling)), equal_nan=True)


@shapes
@dtypes
@pytest.mark.parametrize("finish", FINISHES, ids=str)
def test_normalise(shape, dtype, finish):
    x, out = numbers(shape, 4, dtype, special=True), np.full(shape, 9, dtype)
    mean, scale, shift = (numbers(shape[-1:], seed, dtype) for seed in (5, 6, 7))
    elementwise.normalise(x, mean, scale, shift, out, **finish)
    x, mean, scale, shift = (array.astype(np.longdouble) for array in (x, mean, scale, shift))
    with np.errstate(invalid="ignore", over="ignore"):
        expected = clipped(((x - mean) * scale + shift), **finish).astype(dtype).astype(np.float64)
        magnitude = np.abs((x - mean) * scale) + np.abs(shift)
        bound = np.where(np.isfinite(magnitude), gamma(4, dtype) * magnitude, 0).astype(np.float64)
    assert_close(out, expected, bound)  # three roundings, and the expected one's


def test_numbers_close_together_far_from_zero_keep_their_digits():
    x = (np.arange(35, dtype=np.float32).reshape(5, 7) + 2**20)[None]
    mean, one, out = np.full(7, 2**20 + 17, np.float32), np.ones(7, np.float32), np.empty_like(x)
    elementwise.normalise(x, mean, 3 * one, one / 4, out)
    assert np.array_equal(out, (np.arange(35).reshape(1, 5, 7) - 17) * 3 + 0.25)


CALLS = {
    "add": lambda x, out: elementwise.add(x, x, out),
    "rectify": elementwise.rectify,
    "normalise": lambda x, out: elementwise.normalise(x, x[0, 0], x[0, 1], x[1, 0], out),
}


@pytest.mark.parametrize(("name", "call"), CALLS.items(), ids=CALLS)
def test_memory_layout_makes_no_difference_and_inputs_stay(name, call):
    x = numbers((3, 5, 7), 8)
    expected = np.empty_like(x)
    call(x, expected)
    for variant in (np.asfortranarray(x), x[::-1].copy()[::-1], x.repeat(2, axis=2)[..., ::2], x.copy()):
        variant.flags.writeable = False
        out = np.full_like(x, np.nan)
        call(variant, out)
        assert out.tobytes() == expected.tobytes()
        assert np.array_equal(variant, x)
    with pytest.raises(ShapeError, match=rf"^{name}: out is not contiguous in C order; give a whole array"):
        call(x, np.empty((3, 5, 14), np.float32)[..., ::2])


@dtypes
@pytest.mark.parametrize("axis", [-1, 3])
@pytest.mark.parametrize("with_beta", [False, True])
def test_batch_norm_uses_it(dtype, axis, with_beta, monkeypatch):
    used, kernel = [], elementwise.normalise
    monkeypatch.setattr(elementwise, "normalise", lambda *args: (used.append(1), kernel(*args)))
    x = numbers((2, 5, 6, 19), 9, dtype)
    mean, gamma_, beta = (numbers((19,), seed, dtype) for seed in (10, 11, 12))
    variance = np.abs(numbers((19,), 13, dtype))
    arguments = x, mean, variance, gamma_, beta if with_beta else None, 1e-3, axis
    expected = convlab.batch_norm(*arguments)
    assert not used
    with using_policy(True):
        actual = convlab.batch_norm(*arguments)
    assert used and actual.dtype == dtype and not np.may_share_memory(actual, x)
    magnitude = np.abs(x - mean) * np.abs(gamma_) / np.sqrt(variance + 1e-3) + np.abs(beta)
    assert_close(actual, expected.astype(np.float64), 2 * gamma(4, dtype) * magnitude.astype(np.float64))


def test_batch_norm_along_another_axis_stays_right():
    x, one = numbers((2, 5, 6, 3), 9), np.ones(6, np.float32)
    arguments = x, numbers((6,), 1), one, one, one, 1e-3, 2
    with using_policy(True):
        actual = convlab.batch_norm(*arguments)
    assert np.array_equal(actual, convlab.batch_norm(*arguments))


@dtypes
@pytest.mark.parametrize("options", [{}, {"max_value": 6}, {"negative_slope": 0.1}, {"threshold": 0.5}], ids=str)
def test_relu_uses_it_where_it_can(options, dtype, monkeypatch):
    used, kernel = [], elementwise.rectify
    monkeypatch.setattr(elementwise, "rectify", lambda *args: (used.append(1), kernel(*args)))
    x = numbers((3, 5, 7), 14, dtype, special=True)
    with np.errstate(invalid="ignore"):
        expected = convlab.relu(x, **options)
    assert not used
    with using_policy(True):
        actual = convlab.relu(x, **options)
    assert np.array_equal(actual, expected, equal_nan=True) and actual.dtype == dtype
    assert bool(used) == (set(options) <= {"max_value"}) and not np.may_share_memory(actual, x)


@pytest.mark.parametrize("other", [(5, 7), (1, 7), (7,)], ids=str)
def test_the_layer_adds_with_it_arrays_of_one_shape(other, monkeypatch):
    used, kernel = [], elementwise.add
    monkeypatch.setattr(elementwise, "add", lambda *args: (used.append(1), kernel(*args)))
    layer = Add("add")
    layer.build((5, 7), other, other)
    inputs = [numbers((3, 5, 7), 15), numbers((3, *other), 16), numbers((3, *other), 17)]
    expected = layer(*inputs)
    assert not used
    with using_policy(True):
        actual = layer(*inputs)
    assert np.array_equal(actual, expected) and not any(np.may_share_memory(actual, x) for x in inputs)
    assert len(used) == (2 if other == (5, 7) else 0)
