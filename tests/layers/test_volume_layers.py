"""Layers on volumes (D, H, W, C), each over a sweep of its options beside Keras in float64."""

from copy import copy
from itertools import product

import numpy as np
import pytest

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import (
    AveragePooling3D,
    BatchNormalization,
    Conv3D,
    Conv3DTranspose,
    Cropping3D,
    GlobalAveragePooling3D,
    GlobalMaxPooling3D,
    GroupNormalization,
    LayerNormalization,
    MaxPooling3D,
    SpatialDropout3D,
    UnitNormalization,
    UpSampling3D,
    ZeroPadding3D,
)
from convlab.model.model import Model
from support.closeness import assert_close, gamma, sum_bound
from support.layers.absolute import magnitudes
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

SHAPE = (5, 7, 8, 4)
X = random(0, (3, *SHAPE))
STEPS = [
    ((1, 1, 1), (1, 1, 1)),
    ((2, 3, 1), (1, 1, 1)),
    ((1, 2, 3), (1, 1, 1)),
    ((1, 1, 1), (2, 1, 3)),
    ((1, 1, 1), (1, 3, 2)),
]  # not both in Keras
WINDOWS = list(product([(2, 1, 2), (1, 2, 3)], STEPS, ["valid", "same"]))
SIDES = ((0, 2), (1, 3), (2, 1))


def in_keras(kernel, stride, dilation, padding):
    return {"kernel_size": kernel, "strides": stride, "dilation_rate": dilation, "padding": padding}


def agree(layer, terms, **options):
    """Assert that the layer is Keras', up to the rounding of sums of so many terms."""
    built(layer, SHAPE)
    expected, magnitude = keras_output(layer, X, **options), magnitudes(layer, X)
    for dtype in DTYPES:
        assert_close(run(layer, X.astype(dtype)), expected, sum_bound(terms, magnitude, dtype), repr(layer))


@pytest.mark.parametrize("groups", [1, 2])
def test_conv3d(groups):
    for kernel, (stride, dilation), padding in WINDOWS:
        layer = Conv3D("c", 6, kernel, stride, padding, dilation, groups)
        options = in_keras(kernel, stride, dilation, padding)
        agree(layer, np.prod(kernel) * 4 // groups + 1, filters=6, groups=groups, **options)


@pytest.mark.parametrize("extra", [None, 0, "largest"])
def test_conv3d_transpose(extra):
    for kernel, (stride, dilation), padding in WINDOWS:
        added = tuple(s - 1 for s in stride) if extra == "largest" else extra
        layer = Conv3DTranspose("t", 5, kernel, stride, padding, added, dilation)
        options = in_keras(kernel, stride, dilation, padding)
        agree(layer, np.prod(kernel) * 4 + 1, filters=5, output_padding=added, **options)


POOLS = list(product([(2, 3, 1), (1, 2, 4)], [None, (1, 2, 3), (2, 1, 1)], ["valid", "same"]))


def test_max_pooling():
    for pool, stride, padding in POOLS:
        layer = built(MaxPooling3D("m", pool, stride, padding), SHAPE)
        expected = keras_output(layer, X, pool_size=pool, strides=stride, padding=padding)
        for dtype in DTYPES:
            assert_close(run(layer, X.astype(dtype)), expected, 0.0, repr(layer))


def test_average_pooling():
    compared = 0
    for pool, stride, padding in POOLS:
        layer = built(AveragePooling3D("a", pool, stride, padding), SHAPE)
        if any(before != after for before, after in layer.window.pads(SHAPE[:3])):
            continue  # Keras on PyTorch averages copies of the border there, unlike Keras on TensorFlow
        expected = keras_output(layer, X, pool_size=pool, strides=stride, padding=padding)
        for dtype in DTYPES:
            bound = sum_bound(np.prod(pool) + 1, layer(np.abs(X)), dtype)
            assert_close(run(layer, X.astype(dtype)), expected, bound, repr(layer))
        compared += 1
    assert compared >= 6


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_poolings(keepdims):
    for dtype in DTYPES:
        x = X.astype(dtype)
        largest = built(GlobalMaxPooling3D("m", keepdims), SHAPE)
        assert np.array_equal(run(largest, x), keras_output(largest, x, keepdims=keepdims))
        mean = built(GlobalAveragePooling3D("a", keepdims), SHAPE)
        keras = keras_output(mean, X, keepdims=keepdims)  # Keras on PyTorch sums in float32, whatever it is given
        assert_close(run(mean, x), keras, sum_bound(281, mean(np.abs(X)), np.float32))
    assert largest.infer_shape(SHAPE) == ((1, 1, 1, 4) if keepdims else (4,))


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (ZeroPadding3D("z"), {}),
        (ZeroPadding3D("z", SIDES), {"padding": SIDES}),
        (ZeroPadding3D("z", (1, 0, 2)), {"padding": (1, 0, 2)}),
        (Cropping3D("c"), {}),
        (Cropping3D("c", SIDES), {"cropping": SIDES}),
        (UpSampling3D("u"), {}),
        (UpSampling3D("u", (1, 3, 2)), {"size": (1, 3, 2)}),
        (SpatialDropout3D("d"), {"rate": 0.5}),
    ],
    ids=repr,
)
def test_layers_that_move_numbers(layer, options):
    built(layer, SHAPE)
    for dtype in DTYPES:
        assert np.array_equal(run(layer, X.astype(dtype)), keras_output(layer, X.astype(dtype), **options))


@pytest.mark.parametrize(
    "layer",
    [BatchNormalization("b"), LayerNormalization("l"), GroupNormalization("g", 2), UnitNormalization("u")],
    ids=repr,
)
def test_normalisations_do_not_care_how_places_are_arranged(layer):
    image = copy(layer)
    built(layer, SHAPE)
    image.build((35, 8, 4))
    image.set_weights(**layer.weights)
    for dtype in DTYPES:
        expected = image(X.reshape(3, 35, 8, 4)).reshape(X.shape)
        assert_close(run(layer, X.astype(dtype)), expected, gamma(24 + 280, dtype) * 8, repr(layer))
        if not isinstance(layer, UnitNormalization):
            options = {"groups": 2} if isinstance(layer, GroupNormalization) else {}
            assert_close(layer(X), keras_output(layer, X, **options), gamma(24 + 280, np.float32) * 8)


LAYERS = [Conv3D, Conv3DTranspose]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("activation", ["relu", "relu6", "softmax"])
def test_activation_and_bias(kind, activation, use_bias):
    layer = built(kind("c", 6, (1, 2, 3), activation=activation, use_bias=use_bias), SHAPE)
    options = {"filters": 6, "kernel_size": (1, 2, 3), "activation": activation, "use_bias": use_bias}
    bound = sum_bound(40, magnitudes(layer, X).max(axis=-1, keepdims=True), np.float64) + 20 * gamma(1, np.float64)
    assert ("bias" in layer.weights) == use_bias
    assert_close(run(layer, X), keras_output(layer, X, **options), bound, f"{kind.__name__} {activation}")


@pytest.mark.parametrize("kind", LAYERS)
def test_what_is_before_the_activation_is_recorded(kind):
    layer = kind("c", 6, (1, 2, 3), activation="relu")
    model = Model.sequential("one", SHAPE, [layer])
    built(layer, SHAPE)
    recorded = model.run(X.astype(np.float32), pre=True)
    assert np.array_equal(recorded["c"], np.maximum(recorded["c/pre"], 0))
    assert np.array_equal(recorded["c"], layer(X.astype(np.float32))) and recorded["c/pre"].min() < 0


@pytest.mark.parametrize("kind", LAYERS)
def test_one_layer_takes_volumes_of_several_sizes_types_and_weights(kind):
    layer = built(kind("c", 6, (1, 2, 3), padding="same", use_bias=False), SHAPE)
    again, larger = layer(X), layer(random(1, (2, 3, 8, 9, 4)).astype(np.float32))
    assert (larger.shape[:4], larger.dtype, again.dtype) == ((2, 3, 8, 9), np.float32, np.float64)
    layer.set_weights(kernel=2 * layer.weights["kernel"])
    assert np.array_equal(layer(X), 2 * again) and again.any()


@pytest.mark.parametrize("kind", LAYERS)
def test_multiply_adds_are_the_products_that_ones_add_up(kind):
    layer = kind("c", 6, (1, 2, 3), (2, 1, 3), use_bias=False)
    layer.build(SHAPE)
    layer.set_weights(kernel=np.ones(layer.shapes["kernel"]))
    assert layer.multiply_adds(SHAPE) == layer(np.ones((1, *SHAPE))).sum() > 0


WRONG = [
    (lambda: Conv3D("c", 2, (1, 2)), ShapeError, r"layer 'c': kernel \(1, 2\) is neither an int nor a \(depth"),
    (lambda: Conv3D("c", 0, 1), ShapeError, "layer 'c': filters is 0"),
    (lambda: Conv3D("c", 2, 1, activation="wave"), UnsupportedError, "layer 'c': no activation 'wave'"),
    (lambda: MaxPooling3D("m", 0), ShapeError, "layer 'm': kernel 0 is out of range"),
    (lambda: ZeroPadding3D("z", "same"), ShapeError, "layer 'z': zero_pad3d: padding 'same'"),
    (lambda: Cropping3D("k", -1), ShapeError, "layer 'k': cropping -1 is out of range"),
    (lambda: UpSampling3D("u", (1, 0, 1)), ShapeError, r"layer 'u': size \(1, 0, 1\) is out of range"),
    (
        lambda: Conv3D("c", 2, 1).build((7, 8, 4)),
        ShapeError,
        r"layer 'c' on an input of \(7, 8, 4\): expected \(D, H",
    ),
    (lambda: MaxPooling3D("m", 1).build((7, 8, 4)), ShapeError, r"layer 'm' on .*expected \(D, H, W, C\)"),
    (lambda: Cropping3D("k", 3).build(SHAPE), ShapeError, r"cropping \(3, 3\) leaves nothing of a depth of 5"),
    (lambda: Conv3D("c", 2, 6).build(SHAPE), ShapeError, r"output depth is not positive: floor\(\(5 \+ 0 \+ 0 - 6\)"),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG)
def test_wrong_options_and_inputs_name_the_layer(make, error, message):
    with pytest.raises(error, match=message):
        make()
