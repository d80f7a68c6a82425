"""Pooling layers over a sweep of their options beside Keras in float64."""

from itertools import product

import numpy as np
import pytest

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from convlab_kernels.window import Window
from support.closeness import assert_close, gamma, sum_bound
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

pytestmark = pytest.mark.usefixtures("both_ways")

SHAPE = (7, 11, 4)
X = random(0, (3, *SHAPE))
POOLS = list(product([(2, 3), (3, 2), (1, 4), (5, 1)], [None, (1, 2), (2, 1), (3, 5)], ["valid", "same"]))


def test_max_pooling():
    for pool, stride, padding in POOLS:
        layer = built(MaxPooling2D("m", pool, stride, padding), SHAPE)
        expected = keras_output(layer, X, pool_size=pool, strides=stride, padding=padding)
        for dtype in DTYPES:
            assert_close(run(layer, X.astype(dtype)), expected, 0.0, repr(layer))


def test_average_pooling():
    compared = 0
    for pool, stride, padding in POOLS:
        layer = built(AveragePooling2D("a", pool, stride, padding), SHAPE)
        if any(before != after for before, after in layer.window.pads(SHAPE[:2])):
            continue  # Keras on PyTorch averages copies of the border there, unlike Keras on TensorFlow
        expected = keras_output(layer, X, pool_size=pool, strides=stride, padding=padding)
        for dtype in DTYPES:
            bound = sum_bound(pool[0] * pool[1] + 1, layer(np.abs(X)), dtype)
            assert_close(run(layer, X.astype(dtype)), expected, bound, repr(layer))
        compared += padding == "same"
    assert compared >= 3


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_poolings(keepdims):
    for dtype in DTYPES:
        x = X.astype(dtype)
        largest = built(GlobalMaxPooling2D("m", keepdims), SHAPE)
        assert np.array_equal(run(largest, x), keras_output(largest, x, keepdims=keepdims))
        mean = built(GlobalAveragePooling2D("a", keepdims), SHAPE)
        magnitude = mean(np.abs(X))
        exact = X.mean(axis=(1, 2), keepdims=keepdims)
        assert_close(run(mean, x), exact, gamma(1, dtype) * np.abs(exact) + sum_bound(78, magnitude, np.float64))
        keras = keras_output(mean, X, keepdims=keepdims)  # Keras on PyTorch sums in float32, whatever it is given
        assert_close(run(mean, x), keras, sum_bound(79, magnitude, np.float32))
    assert largest.infer_shape(SHAPE) == ((1, 1, 4) if keepdims else (4,))


def test_no_window_that_keras_accepts_is_refused():
    for pool, stride, size in product(range(1, 7), range(1, 8), range(1, 13)):
        window = Window.parse(pool, stride, "same")
        ops.check_pool2d((1, size, size, 1), window)
        assert window.output_size((size, size)) == (-(-size // stride),) * 2


def test_infinite_cells_raise_no_warning():
    x = np.ones((1, 4, 6, 2), np.float32)
    x[0, 0, 0], x[0, 0, 1] = np.inf, -np.inf
    assert np.isnan(ops.avg_pool2d(x, 2)).sum() == 2
    assert np.isnan(ops.global_avg_pool2d(x)).all()


def test_wrong_options_name_the_layer():
    with pytest.raises(ShapeError, match=r"^layer 'x': kernel 0 is out of range"):
        MaxPooling2D("x", 0)
    with pytest.raises(ShapeError, match=r"^layer 'x': stride 0 is out of range"):
        AveragePooling2D("x", 2, 0)
    with pytest.raises(ShapeError, match=r"^layer 'x' on an input of \(7, 4\): expected \(H, W, C\)$"):
        GlobalMaxPooling2D("x", keepdims=True).build((7, 4))
