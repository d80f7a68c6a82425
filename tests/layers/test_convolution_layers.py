"""Convolutions as layers, each over a sweep of its options beside Keras in float64."""

from itertools import product

import numpy as np
import pytest

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from convlab.model.model import Model
from support import oracle
from support.closeness import assert_close, gamma, sum_bound
from support.layers.absolute import magnitudes
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

pytestmark = pytest.mark.usefixtures("both_ways")

SHAPE = (7, 11, 4)
X = random(0, (3, *SHAPE))
STEPS = [
    ((1, 1), (1, 1)),
    ((2, 3), (1, 1)),
    ((3, 1), (1, 1)),
    ((1, 1), (2, 1)),
    ((1, 1), (1, 3)),
]  # not both in Keras
WINDOWS = list(product([(2, 3), (3, 4)], STEPS, ["valid", "same"]))


def in_keras(kernel, stride, dilation, padding):
    return {"kernel_size": kernel, "strides": stride, "dilation_rate": dilation, "padding": padding}


def agree(layer, terms, **options):
    """Assert that the layer is Keras', up to the rounding of sums of so many terms."""
    built(layer, SHAPE)
    expected, magnitude = keras_output(layer, X, **options), magnitudes(layer, X)
    for dtype in DTYPES:
        assert_close(run(layer, X.astype(dtype)), expected, sum_bound(terms, magnitude, dtype), repr(layer))


def test_both_ways_lead_to_their_kernels(both_ways):
    layer = built(SeparableConv2D("s", 6, 3), SHAPE)
    layer(X)
    assert {method for *_, method in layer._held.prepared} == (
        {"depthwise", "pointwise"} if both_ways else {"shifted", "im2col"}
    )


@pytest.mark.parametrize("groups", [1, 2])
def test_conv2d(groups):
    for kernel, (stride, dilation), padding in WINDOWS:
        layer = Conv2D("c", 6, kernel, stride, padding, dilation, groups)
        options = in_keras(kernel, stride, dilation, padding)
        agree(layer, kernel[0] * kernel[1] * 4 // groups + 1, filters=6, groups=groups, **options)


@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_conv2d(multiplier):
    for kernel, (stride, dilation), padding in WINDOWS:
        layer = DepthwiseConv2D("d", kernel, stride, padding, multiplier, dilation)
        options = in_keras(kernel, stride, dilation, padding)
        agree(layer, kernel[0] * kernel[1] + 1, depth_multiplier=multiplier, **options)


@pytest.mark.parametrize("multiplier", [1, 3])
def test_separable_conv2d(multiplier):
    for kernel, (stride, dilation), padding in WINDOWS:
        layer = SeparableConv2D("s", 5, kernel, stride, padding, dilation, multiplier)
        options = in_keras(kernel, stride, dilation, padding)
        terms = kernel[0] * kernel[1] + 4 * multiplier + 1
        agree(layer, terms, filters=5, depth_multiplier=multiplier, **options)


@pytest.mark.parametrize("extra", [None, 0, "largest"])
def test_conv2d_transpose(extra):
    for kernel, (stride, dilation), padding in WINDOWS:
        added = tuple(s - 1 for s in stride) if extra == "largest" else extra
        layer = Conv2DTranspose("t", 5, kernel, stride, padding, added, dilation)
        options = in_keras(kernel, stride, dilation, padding)
        agree(layer, kernel[0] * kernel[1] * 4 + 1, filters=5, output_padding=added, **options)


LAYERS = [
    (Conv2D, {"filters": 6}),
    (DepthwiseConv2D, {"depth_multiplier": 2}),
    (SeparableConv2D, {"filters": 6}),
    (Conv2DTranspose, {"filters": 6}),
]
each_layer = pytest.mark.parametrize(("kind", "options"), LAYERS, ids=[kind.__name__ for kind, _ in LAYERS])


@each_layer
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "softmax"])
def test_activation_and_bias(kind, options, activation, use_bias):
    layer = built(kind("c", kernel=(2, 3), activation=activation, use_bias=use_bias, **options), SHAPE)
    expected = keras_output(layer, X, kernel_size=(2, 3), activation=activation, use_bias=use_bias, **options)
    # no slope of these functions is above 1; softmax: of an output by all inputs together, at most 1/2
    bound = sum_bound(40, magnitudes(layer, X).max(axis=-1, keepdims=True), np.float64) + 20 * gamma(1, np.float64)
    assert list(layer.weights) == [name for name in layer.weights if use_bias or name != "bias"]
    assert_close(run(layer, X), expected, bound, f"{kind.__name__} {activation}")


@each_layer
def test_what_is_before_the_activation_is_recorded(kind, options):
    layer = kind("c", kernel=(2, 3), activation="relu", **options)
    model = Model.sequential("one", SHAPE, [layer])
    built(layer, SHAPE)
    recorded = model.run(X.astype(np.float32), pre=True)
    assert np.array_equal(recorded["c"], np.maximum(recorded["c/pre"], 0))
    assert np.array_equal(recorded["c"], layer(X.astype(np.float32))) and recorded["c/pre"].min() < 0
    assert 0 < (recorded["c"] == 0).mean() < 1


@each_layer
def test_one_layer_takes_images_of_several_sizes_and_types(kind, options):
    layer = built(kind("c", kernel=(2, 3), padding="same", **options), SHAPE)
    again, larger = layer(X), layer(random(1, (2, 13, 9, 4)).astype(np.float32))
    assert (larger.shape[:3], larger.dtype, again.dtype) == ((2, 13, 9), np.float32, np.float64)
    assert np.array_equal(layer(X), again)


@each_layer
def test_new_weights_are_used_from_the_next_call_on(kind, options):
    layer = built(kind("c", kernel=(2, 3), use_bias=False, **options), SHAPE)
    before = layer(X)
    name = next(iter(layer.shapes))
    layer.set_weights(**{name: 2 * layer.weights[name]})
    assert np.array_equal(layer(X), 2 * before) and before.any()


@each_layer
def test_multiply_adds_are_the_products_that_ones_add_up(kind, options):
    layer = kind("c", kernel=(2, 3), stride=(2, 1), use_bias=False, **options)
    layer.build(SHAPE)
    layer.set_weights(**{name: np.ones(shape) for name, shape in layer.shapes.items()})
    if kind is SeparableConv2D:  # the products of its first step are numbers to its second
        places = np.prod(layer.infer_shape(SHAPE)[:2])
        expected = places * (2 * 3 * 4 + 4 * 6)
    else:
        expected = layer(np.ones((1, *SHAPE))).sum()
    assert layer.multiply_adds(SHAPE) == expected > 0


def test_multiply_adds_of_a_transposed_convolution_follow_from_its_output():
    for stride, padding, extra in product([(1, 1), (2, 3)], ["valid", "same", 1], [None, 0]):
        layer = Conv2DTranspose("t", 5, (2, 3), stride, padding, extra)
        layer.build(SHAPE)
        assert layer.multiply_adds(SHAPE) == (7 * 11) * (2 * 3) * (5 * 4)


@pytest.mark.parametrize(("padding", "multiplier"), [((2, 1), 1), (((0, 1), (2, 0)), 2), ("same", 2)])
def test_depthwise_options_that_keras_lacks(padding, multiplier):
    layer = built(DepthwiseConv2D("d", (2, 3), (3, 2), padding, multiplier, (1, 2), use_bias=False), SHAPE)
    one_to_one = layer.weights["kernel"].reshape(2, 3, 1, 4 * multiplier)
    expected, magnitude = oracle.conv2d(X, one_to_one, (3, 2), padding, (1, 2), groups=4)
    assert_close(run(layer, X), expected, sum_bound(6, magnitude, np.float64))


def test_windows():
    assert DepthwiseConv2D("d", (2, 3), 2).window == SeparableConv2D("s", 5, (2, 3), 2).window
    assert DepthwiseConv2D("d", (2, 3), 2, "same", dilation=3).window.extent == (4, 7)
    assert Conv2DTranspose("t", 5, 3).window == "varies"


WRONG = [
    (lambda: Conv2D("x", 3, 0), "kernel 0 is out of range: at least 1"),
    (lambda: Conv2D("x", "3", 2), "filters is '3', expected a whole number of at least 1"),
    (lambda: Conv2D("x", True, 2), "filters is True, expected a whole number of at least 1"),
    (lambda: Conv2D("x", 2.5, 2), r"filters is 2\.5, expected a whole number of at least 1"),
    (lambda: Conv1D("x", None, 2), "filters is None, expected a whole number of at least 1"),
    (lambda: Conv2D("x", 3, 2, groups=0), "groups is 0, expected a whole number of at least 1"),
    (lambda: DepthwiseConv2D("x", (2, 3, 4)), r"kernel \(2, 3, 4\) is neither an int nor a \(height, width\) pair"),
    (
        lambda: DepthwiseConv2D("x", 2, depth_multiplier=0),
        "depth_multiplier is 0, expected a whole number of at least",
    ),
    (lambda: SeparableConv2D("x", 0, 2), "filters is 0, expected a whole number of at least 1"),
    (lambda: SeparableConv2D("x", 2.5, 2), r"filters is 2\.5, expected a whole number"),
    (lambda: SeparableConv2D("x", 2, 2, padding="causal"), "padding 'causal' is unknown"),
    (
        lambda: Conv2DTranspose("x", 2, 2, 2, output_padding=2),
        r"output padding \(2, 2\) is out of range: less than the",
    ),
    (lambda: Conv2DTranspose("x", "2", 2), "filters is '2', expected a whole number"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_wrong_options_name_the_layer(make, message):
    with pytest.raises(ShapeError, match=f"^layer 'x': {message}") as caught:
        make()
    assert "\n" not in str(caught.value)


@each_layer
def test_wrong_inputs_and_activations_name_the_layer(kind, options):
    with pytest.raises(ShapeError, match=r"^layer 'x' on an input of \(7, 4\): expected \(H, W, C\)$"):
        kind("x", kernel=2, **options).build((7, 4))
    with pytest.raises(UnsupportedError, match=r"^layer 'x': no activation 'Relu'; did you mean '"):
        kind("x", kernel=2, activation="Relu", **options)


def test_what_leaves_nothing_shows_the_arithmetic():
    with pytest.raises(
        ShapeError, match=r"^layer 'x' on an input of \(7, 11, 4\): output width is not positive: floor"
    ):
        DepthwiseConv2D("x", (2, 12)).build(SHAPE)
    message = r"^layer 'x' on an input of \(1, 11, 4\): output height is not positive: \(1 - 1\) \* 3 \+ 0 = 0$"
    with pytest.raises(ShapeError, match=message):
        Conv2DTranspose("x", 5, (2, 3), 3, "same", output_padding=0).build((1, 11, 4))
