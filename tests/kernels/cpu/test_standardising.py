"""The compiled layer normalisation: beside float64, its options, NaN, layouts; layers of networks that use it."""

import numpy as np
import pytest

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers.applications import CustomScaleLayer, LayerScale
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise
from support.closeness import assert_close, gamma

EPSILON = 1e-6


pytestmark = pytest.mark.usefixtures("some_threads")


def numbers(shape, seed, dtype=np.float32):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def exactly(x, scale, shift, centred):
    """Return the formula in float64, and the size of the numbers that are subtracted and added."""
    x, scale, shift = (array.astype(np.float64) for array in (x, scale, shift))
    mean = x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(((x - mean) ** 2).mean(axis=-1, keepdims=True) + EPSILON)
    out = (x - mean * centred) / deviation * scale + shift
    return out, (np.abs(x) + np.abs(mean)) / deviation * np.abs(scale) + np.abs(shift)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("shape", [(0, 5), (3, 1), (2, 3, 5, 31), (2, 3, 5, 32), (1, 7, 7, 97), (4, 1000)], ids=str)
def test_against_float64(shape, centred, dtype):
    x, scale, shift = numbers(shape, 1, dtype) + dtype(3), *(numbers(shape[-1:], seed, dtype) for seed in (2, 3))
    out = np.full(shape, np.nan, dtype)
    elementwise.standardise(x, scale, shift, out, EPSILON, centred)
    exact, size = exactly(x, scale, shift, centred)
    # float64 sums lose nothing of float32, and C roundings of their own; a rounding of the mean and seven steps
    assert_close(out, exact, (gamma(12, dtype) + gamma(shape[-1], np.float64)) * size)


def test_nan_spoils_its_row_alone():
    x, one = numbers((3, 40), 4), np.ones(40, np.float32)
    x[1, 35] = np.nan
    out = np.empty_like(x)
    elementwise.standardise(x, one, one, out, EPSILON)
    assert np.isnan(out).all(axis=1).tolist() == [False, True, False] and np.isnan(out).sum() == 40


@pytest.mark.parametrize("axis", [-1, 3, 2, (1, 2)])
@pytest.mark.parametrize("weights", [False, True])
def test_the_operation_uses_it_along_the_last_axis(axis, weights, monkeypatch):
    used, kernel = [], elementwise.standardise
    monkeypatch.setattr(elementwise, "standardise", lambda *args: (used.append(1), kernel(*args)))
    x = numbers((2, 5, 6, 7), 5)
    kept = [x.shape[a] for a in ((axis,) if isinstance(axis, int) else axis)]
    given = (numbers(kept, 6), numbers(kept, 7)) if weights else (None, None)
    for centred in (True, False):
        with using_policy(False):
            expected = ops.layer_norm(x, *given, 1e-3, axis, centred)
        with using_policy(True):
            actual = ops.layer_norm(x, *given, 1e-3, axis, centred)
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
    assert bool(used) == (axis in (-1, 3))


def test_memory_layout_makes_no_difference_and_inputs_stay():
    x, scale = numbers((3, 5, 7), 8), numbers((7,), 9)
    expected = np.empty_like(x)
    elementwise.standardise(x, scale, scale, expected, EPSILON)
    for variant in (np.asfortranarray(x), x[::-1].copy()[::-1], x.repeat(2, axis=2)[..., ::2]):
        variant.flags.writeable = False
        out = np.full_like(x, 7)
        elementwise.standardise(variant, scale, scale, out, EPSILON)
        assert out.tobytes() == expected.tobytes() and np.array_equal(variant, x)
    with pytest.raises(ShapeError, match=r"^standardise: out is not contiguous in C order; give a whole array"):
        elementwise.standardise(x, scale, scale, np.empty((3, 5, 14), np.float32)[..., ::2], EPSILON)


@pytest.mark.parametrize("layer", [LayerScale("scale"), CustomScaleLayer("custom", 0.17)], ids=lambda one: one.name)
def test_layers_of_scales_are_compiled_to_the_bit(layer):
    inputs = [numbers((2, 5, 6, 7), seed) for seed in range(layer.arity)]
    layer.build(*[(5, 6, 7)] * layer.arity)
    if layer.shapes:
        layer.set_weights(gamma=numbers((7,), 3))
    with using_policy(False):
        expected = layer(*inputs)
    with using_policy(True):
        assert np.array_equal(layer(*inputs), expected)
