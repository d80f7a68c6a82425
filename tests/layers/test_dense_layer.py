"""Dense on rows, and at each place of an image, against a loop in float64 and Keras."""

import numpy as np
import pytest

from convlab.errors import ShapeError
from convlab.layers import Dense
from convlab.layers.base import ONE_CELL
from support.closeness import assert_close, gamma
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

pytestmark = pytest.mark.usefixtures("both_ways")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(6,), (7, 6), (5, 7, 3), (2, 5, 7, 3)])
def test_dense(shape, use_bias, dtype):
    layer, x = built(Dense("fc", 8, use_bias=use_bias), shape), random(42, (4, *shape))
    kernel, bias = layer.weights["kernel"], layer.weights.get("bias", np.zeros(8))
    assert layer.infer_shape(shape) == (*shape[:-1], 8)
    assert layer.multiply_adds(shape) == np.prod(shape) * 8
    exact, size = (np.zeros((4, *shape[:-1], 8)) + b for b in (bias, np.abs(bias)))
    for i in range(shape[-1]):
        exact += x[..., i, None] * kernel[i]
        size += np.abs(x[..., i, None] * kernel[i])
    actual, bound = run(layer, x.astype(dtype)), gamma(shape[-1] + 1, dtype) * size
    assert_close(actual, exact, bound + gamma(shape[-1] + 1, np.float64) * size)
    expected = keras_output(layer, x.astype(dtype), units=8, use_bias=use_bias)
    assert_close(actual, expected, bound + gamma(shape[-1] + 1, np.float32) * size)
    assert layer.window_on(shape) == (None if len(shape) == 1 else ONE_CELL)


@pytest.mark.parametrize("units", [0, -1, 2.5, 2.0, True, "2", None, (2,)])
def test_dense_needs_units(units):
    with pytest.raises(ShapeError) as caught:
        Dense("m", units)
    assert str(caught.value) == f"layer 'm': units is {units!r}, expected a whole number of at least 1"
    assert Dense("m", np.int64(3)).build((5,)) == (3,)


def test_dense_needs_numbers():
    with pytest.raises(ShapeError, match=r"^layer 'm' on an input of \(\): expected \(\.\.\., features\)$"):
        Dense("m", 2).build(())
