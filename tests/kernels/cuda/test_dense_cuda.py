"""Fully connected layers on the GPU, and on NumPy's arrays by the same code."""

import numpy as np
import pytest

from convlab_kernels.cuda.dense import Dense
from convlab_kernels.errors import ShapeError
from support.closeness import assert_close, sum_bound

SHAPES = [(0, 5, 7), (1, 1, 3), (1, 37, 67), (2, 3, 1), (7, 50, 129), (23, 31, 16)]  # rows of x, inputs, outputs

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def arrays(n, k, o):
    """Return x (n, k), w (k, o) and b (o,), float32."""
    random = np.random.default_rng([n, k, o])
    return tuple(random.standard_normal(shape).astype(np.float32) for shape in ((n, k), (k, o), (o,)))


def check(device, x, w, b, dtype, relu=False):
    """Assert that the kernel's answer is the sum in float64."""
    out = device.take(np.full((len(x), w.shape[1]), np.nan, dtype))
    given = [array if array is None else device.take(array.astype(dtype)) for array in (x, w, b)]
    kernel = Dense(given[1])
    kernel(given[0], out, given[2], relu)
    assert kernel.w.shape == w.shape
    x, w, b = (np.asarray(array, np.float64) for array in (x, w, np.zeros(w.shape[1]) if b is None else b))
    with np.errstate(invalid="ignore"):
        total = (x[:, :, None] * w).sum(axis=1) + b
        magnitude = (np.abs(x)[:, :, None] * np.abs(w)).sum(axis=1) + np.abs(b)
    expected = np.maximum(total, 0) if relu else total
    assert_close(device.give(out), expected, sum_bound(x.shape[1] + 1, magnitude, dtype))


@dtypes
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_the_sum_of_products(shape, dtype, device):
    x, w, b = arrays(*shape)
    check(device, x, w, b, dtype)
    check(device, x, w, b, dtype, relu=True)
    check(device, x, w, None, dtype)


def test_nan_and_infinity_reach_their_rows(device):
    x, w, b = arrays(7, 50, 129)
    x[2, 3], x[4, 5] = np.nan, np.inf
    check(device, x, w, b, np.float32)
    check(device, x, w, b, np.float32, relu=True)


def test_weights_and_inputs_of_any_layout(device):
    x, w, b = arrays(6, 8, 10)
    kernel = Dense(device.take(w)[:, ::-1])
    out = device.take(np.empty((3, 10), np.float32))
    kernel(device.take(x)[::2], out, device.take(b))
    total, magnitude = x[::2].astype(np.float64) @ w[:, ::-1] + b, np.abs(x[::2]) @ np.abs(w[:, ::-1]) + np.abs(b)
    assert_close(device.give(out), total, sum_bound(9, magnitude, np.float32))


def test_an_out_that_is_not_contiguous_is_refused(device):
    x, w = (device.take(np.ones(shape, np.float32)) for shape in ((2, 3), (3, 4)))
    with pytest.raises(ShapeError, match=r"^dense: out is not contiguous in C order; give a whole array"):
        Dense(w)(x, device.take(np.ones((2, 8), np.float32))[:, ::2])
