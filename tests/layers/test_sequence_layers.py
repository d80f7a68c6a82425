"""The layers on sequences (W, C), each over a sweep of its options beside Keras in float64."""

from copy import copy
from itertools import product

import numpy as np
import pytest

from convlab import layers
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.model.model import Model
from convlab_kernels.window import Window
from support.closeness import assert_close, sum_bound
from support.layers.absolute import magnitudes
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

pytestmark = pytest.mark.usefixtures("both_ways")

SHAPE = (11, 4)
X = random(0, (3, *SHAPE))
WINDOWS = list(product([3, 4], [(1, 1), (2, 1), (5, 1), (1, 2), (1, 3)], ["valid", "same", "causal"]))


def agree(layer, terms, **options):
    """Assert that the layer is Keras', up to the rounding of sums of so many terms; none: to the bit."""
    built(layer, SHAPE)
    expected = keras_output(layer, X, **options)
    for dtype in DTYPES:
        bound = sum_bound(terms, magnitudes(layer, X), dtype) if terms else 0.0
        assert_close(run(layer, X.astype(dtype)), expected, bound, repr(layer))


def windows(*paddings):
    """Yield convlab's options of a window, and Keras'."""
    for kernel, (stride, dilation), padding in WINDOWS:
        if padding in paddings:
            keras = {"kernel_size": kernel, "strides": stride, "padding": padding, "dilation_rate": dilation}
            yield {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}, keras


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_conv1d(groups, activation):
    rest = {"filters": 6, "groups": groups, "activation": activation}
    for ours, theirs in windows("valid", "same", "causal"):
        agree(layers.Conv1D("c", **ours, **rest), ours["kernel"] * 4 // groups + 1, **theirs, **rest)


@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_and_separable_conv1d(multiplier):
    for ours, theirs in windows("valid", "same"):
        depth = {"depth_multiplier": multiplier}
        agree(layers.DepthwiseConv1D("d", **ours, **depth), ours["kernel"] + 1, **theirs, **depth)
        terms = ours["kernel"] + 4 * multiplier + 1
        agree(layers.SeparableConv1D("s", 5, **ours, **depth), terms, filters=5, **theirs, **depth)


@pytest.mark.parametrize("extra", [None, 0, "largest"])
def test_conv1d_transpose(extra):
    for ours, theirs in windows("valid", "same"):
        added = ours["stride"] - 1 if extra == "largest" else extra
        layer = layers.Conv1DTranspose("t", 5, output_padding=added, **ours)
        agree(layer, ours["kernel"] * 4 + 1, filters=5, output_padding=added, **theirs)


def test_poolings():
    for pool, stride, padding in product([1, 2, 3, 5], [None, 1, 2, 4], ["valid", "same"]):
        options = {"pool_size": pool, "strides": stride, "padding": padding}
        agree(layers.MaxPooling1D("m", pool, stride, padding), 0, **options)
        before, after = Window.parse((1, pool), (1, stride or pool), padding).pads((1, 11))[1]
        if before == after:  # otherwise Keras on PyTorch averages copies of the border, unlike Keras on TensorFlow
            agree(layers.AveragePooling1D("a", pool, stride, padding), pool + 1, **options)


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_poolings(keepdims):
    agree(layers.GlobalMaxPooling1D("m", keepdims), 0, keepdims=keepdims)
    mean = built(layers.GlobalAveragePooling1D("a", keepdims), SHAPE)
    magnitude = mean(np.abs(X))
    assert_close(run(mean, X), X.mean(axis=1, keepdims=keepdims), sum_bound(12, magnitude, np.float64))
    keras = keras_output(mean, X, keepdims=keepdims)  # Keras on PyTorch sums in float32, whatever it is given
    assert_close(run(mean, X), keras, sum_bound(12, magnitude, np.float32))


@pytest.mark.parametrize("ends", [0, 2, (1, 3), (3, 0)], ids=str)
def test_moving_numbers(ends):
    agree(layers.ZeroPadding1D("z", ends), 0, padding=ends)
    agree(layers.Cropping1D("c", ends), 0, cropping=ends)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_up_sampling(size):
    agree(layers.UpSampling1D("u", size), 0, size=size)


def test_average_pooling_divides_by_the_cells_inside():
    layer = built(layers.AveragePooling1D("a", 4, 3, "same"), SHAPE)  # 1 cell of padding before, 1 after
    windows_inside = [X[:, max(start, 0) : start + 4].mean(axis=1) for start in (-1, 2, 5, 8)]
    assert_close(layer(X), np.stack(windows_inside, axis=1), sum_bound(5, 1.0, np.float64))


def test_causal_outputs_see_no_later_input():
    layer = built(layers.Conv1D("c", 6, 3, padding="causal", dilation=2), SHAPE)
    later = X.copy()
    later[:, 7:] += 1
    same = (layer(X) == layer(later)).all(axis=(0, 2))
    assert same.tolist() == [True] * 7 + [False] * 4
    assert layers.SeparableConv1D("s", 6, 3, padding="causal").build(SHAPE) == (11, 6)
    assert layers.DepthwiseConv1D("d", 3, padding="causal").build(SHAPE) == (11, 4)


def test_windows_are_those_of_one_row():
    assert layers.Conv1D("c", 6, 3, 2, "causal", 4).window == Window((1, 3), (1, 2), ((0, 0), (8, 0)), (1, 4))
    assert layers.MaxPooling1D("m", 3).window == Window((1, 3), (1, 3))
    assert layers.ZeroPadding1D("z", (1, 2)).window == Window((1, 1), padding=((0, 0), (1, 2)))
    assert layers.Cropping1D("z", (1, 2)).window == Window((1, 1), padding=((0, 0), (-1, -2)))
    assert layers.GlobalMaxPooling1D("g").window is None
    assert layers.UpSampling1D("u").window == layers.Conv1DTranspose("t", 3, 2).window == "varies"


def test_in_a_model():
    conv = layers.Conv1D("conv", 6, 3, activation="relu")
    pools = [layers.MaxPooling1D("pool", 2), layers.GlobalMaxPooling1D("all")]
    model = Model.sequential("sequence", SHAPE, [conv, *pools])
    built(conv, SHAPE)
    recorded = model.run(X.astype(np.float32), pre=True)
    assert {name: array.shape for name, array in recorded.items()} == {
        "conv/pre": (3, 9, 6),
        "conv": (3, 9, 6),
        "pool": (3, 4, 6),
        "all": (3, 6),
    }
    assert np.array_equal(recorded["conv"], np.maximum(recorded["conv/pre"], 0)) and recorded["conv/pre"].min() < 0
    assert [row.type for row in model.summary().rows] == ["Conv1D", "MaxPooling1D", "GlobalMaxPooling1D"]
    assert [row.receptive_field for row in model.summary().rows] == [(1, 3), (1, 4), None]
    assert model.summary().multiply_adds == 9 * 3 * 4 * 6


def test_a_copys_weights_are_its_own():
    layer = built(layers.Conv1D("c", 6, 3), SHAPE)
    before = layer(X)
    other = copy(layer)
    other.set_weights(bias=np.ones(6))
    assert np.array_equal(layer(X), before) and not np.array_equal(other(X), before)


WRONG = [
    (lambda: layers.Conv1D("x", 3, 0), r"kernel \(1, 0\) is out of range: at least 1"),
    (lambda: layers.Conv1D("x", 3, [3]), r"kernel \(1, \[3\]\) is neither an int nor"),
    (lambda: layers.Conv1D("x", 3, "3", padding="causal"), r"kernel \(1, '3'\) is neither an int nor"),
    (lambda: layers.Conv1D("x", 3, 2, padding="casual"), "padding 'casual' is unknown"),
    (lambda: layers.MaxPooling1D("x", 2, 0), r"stride \(1, 0\) is out of range"),
    (lambda: layers.MaxPooling1D("x", 2, padding="causal"), "padding 'causal' is unknown"),
    (lambda: layers.Cropping1D("x", -1), r"cropping \(left, right\) \(-1, -1\) is out of range: at least 0"),
    (lambda: layers.UpSampling1D("x", 0), r"size \(1, 0\) is out of range"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_wrong_options_name_the_layer(make, message):
    with pytest.raises(ShapeError, match=f"^layer 'x': {message}"):
        make()


def test_wrong_inputs_and_weights_name_the_layer():
    for layer in (layers.Conv1D("x", 3, 2), layers.MaxPooling1D("x"), layers.GlobalMaxPooling1D("x")):
        with pytest.raises(ShapeError, match=r"^layer 'x' on an input of \(7, 11, 4\): expected \(W, C\)$"):
            layer.build((7, 11, 4))
    with pytest.raises(ShapeError, match=r"^layer 'x' on an input of \(11, 4\): output width is not positive"):
        layers.Conv1D("x", 3, 12).build(SHAPE)
    layer = built(layers.Conv1D("x", 3, 2), SHAPE)
    with pytest.raises(WeightsError, match=r"^layer 'x': kernel has shape \(1, 2, 4, 3\), expected \(2, 4, 3\)$"):
        layer.set_weights(kernel=np.ones((1, 2, 4, 3)))
    with pytest.raises(ShapeError, match=r"^layer 'x' on an input of \(11, 5\): needs weights of"):
        layer.build((11, 5))
    assert layer(X).shape == (3, 10, 3)
    with pytest.raises(UnsupportedError, match=r"^layer 'x': no activation 'Relu'"):
        layers.Conv1D("x", 3, 2, activation="Relu")
