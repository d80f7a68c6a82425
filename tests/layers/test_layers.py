"""Layers: their shapes, their parameters, what they compute, and what becomes of weights given to them."""

import numpy as np
import pytest

import convlab
from convlab import ops
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model

SHAPE = (7, 5, 4)
X = np.random.default_rng(0).uniform(-1, 1, (3, *SHAPE)).astype(np.float32)
ROW = X.reshape(3, -1)


def built(layer, shape=SHAPE):
    """Return a layer built for inputs of `shape`, with random weights."""
    randomise(Model.sequential("one", shape, [layer]), seed=5)
    return layer


# Each case: layer, output shape, shapes of the weights, multiply-adds, and what it has to compute from X and weights.
CASES = {
    "conv": (
        Conv2D("conv", 6, (3, 2), stride=(2, 1), padding=((1, 2), (0, 3)), dilation=(1, 2), groups=2),
        (4, 6, 6),
        {"kernel": (3, 2, 2, 6), "bias": (6,)},
        (4 * 6 * 6) * (3 * 2 * 2),
        lambda w, x: convlab.conv2d(x, w["kernel"], w["bias"], (2, 1), ((1, 2), (0, 3)), (1, 2), 2),
    ),
    "conv same tanh, no bias": (
        Conv2D("conv", 3, (2, 4), stride=(3, 2), padding="same", activation="tanh", use_bias=False),
        (3, 3, 3),
        {"kernel": (2, 4, 4, 3)},
        (3 * 3 * 3) * (2 * 4 * 4),
        lambda w, x: np.tanh(convlab.conv2d(x, w["kernel"], stride=(3, 2), padding="same")),
    ),
    "conv relu": (
        Conv2D("conv", 3, 1, activation="relu"),
        (7, 5, 3),
        {"kernel": (1, 1, 4, 3), "bias": (3,)},
        (7 * 5 * 3) * 4,
        lambda w, x: np.maximum(convlab.conv2d(x, w["kernel"], w["bias"]), 0),
    ),
    "max": (MaxPooling2D("max", (3, 2)), (2, 2, 4), {}, 0, lambda w, x: convlab.max_pool2d(x, (3, 2))),
    "max with stride": (
        MaxPooling2D("max", 2, (1, 3), "same"),
        (7, 2, 4),
        {},
        0,
        lambda w, x: convlab.max_pool2d(x, 2, (1, 3), "same"),
    ),
    "average": (
        AveragePooling2D("average", (2, 3), 2, (1, 0)),
        (4, 2, 4),
        {},
        0,
        lambda w, x: convlab.avg_pool2d(x, (2, 3), 2, (1, 0)),
    ),
    "global max": (GlobalMaxPooling2D("max"), (4,), {}, 0, lambda w, x: x.max(axis=(1, 2))),
    "global average": (GlobalAveragePooling2D("average"), (4,), {}, 0, lambda w, x: x.mean(axis=(1, 2))),
    "flatten": (Flatten("flatten"), (140,), {}, 0, lambda w, x: x.reshape(3, 140)),
    "zeros": (
        ZeroPadding2D("zeros", ((1, 2), (0, 3))),
        (10, 8, 4),
        {},
        0,
        lambda w, x: np.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0))),
    ),
    "norm": (
        BatchNormalization("norm", epsilon=0.1),
        SHAPE,
        dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (4,)),
        0,
        lambda w, x: w["gamma"] * (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + 0.1) + w["beta"],
    ),
    "sigmoid": (Activation("sigmoid", "sigmoid"), SHAPE, {}, 0, lambda w, x: 1 / (1 + np.exp(-x))),
    "softmax": (
        Activation("softmax", "softmax"),
        SHAPE,
        {},
        0,
        lambda w, x: np.exp(x) / np.exp(x).sum(axis=3, keepdims=True),
    ),
}


@pytest.mark.parametrize(("layer", "output", "shapes", "multiply_adds", "compute"), CASES.values(), ids=CASES)
def test_layer(layer, output, shapes, multiply_adds, compute):
    built(layer)
    assert layer.infer_shape(SHAPE) == output
    assert dict(layer.shapes) == shapes
    assert list(layer.shapes) == list(shapes)  # Keras' order
    assert layer.parameters == sum(np.prod(shape, dtype=int) for shape in shapes.values())
    assert layer.multiply_adds(SHAPE) == multiply_adds
    y = layer(X)
    assert (y.shape, y.dtype) == ((3, *output), np.float32)
    np.testing.assert_allclose(y, compute(layer.weights, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("use_bias", [True, False])
def test_dense(use_bias):
    layer = built(Dense("fc", 6, "tanh", use_bias), (140,))
    w = layer.weights
    assert (layer.infer_shape((140,)), layer.parameters) == ((6,), 840 + 6 * use_bias)
    assert layer.multiply_adds((140,)) == 840
    assert list(w) == ["kernel", "bias"][: 1 + use_bias]
    np.testing.assert_allclose(layer(ROW), np.tanh(ROW @ w["kernel"] + w.get("bias", 0)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "layer", [Conv2D("x", 3, 2), MaxPooling2D("x", 2), GlobalMaxPooling2D("x"), ZeroPadding2D("x")]
)
def test_what_needs_an_image_says_so(layer):
    with pytest.raises(ShapeError, match=r"^layer 'x' on an input of \(140,\): expected \(H, W, C\)$"):
        layer.build((140,))


def test_dense_works_at_each_place_of_an_image():
    layer = built(Dense("fc", 6))
    w = layer.weights
    assert (layer.infer_shape(SHAPE), dict(layer.shapes)) == ((7, 5, 6), {"kernel": (4, 6), "bias": (6,)})
    assert layer.multiply_adds(SHAPE) == 7 * 5 * 4 * 6
    np.testing.assert_allclose(layer(X), X @ w["kernel"] + w["bias"], rtol=1e-5, atol=1e-6)


def test_a_window_that_does_not_fit_shows_the_arithmetic():
    message = r"^layer 'x' on an input of \(7, 5, 4\): output width is not positive: floor\(\(5 \+ 0 \+ 0 - 6\) / 2\)"
    for layer in (Conv2D("x", 3, (2, 6), 2), MaxPooling2D("x", (2, 6), 2)):
        with pytest.raises(ShapeError, match=message):
            layer.build(SHAPE)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ShapeError, match=r"^layer 'x' on an input of \(7, 5, 4\): conv2d: .*4 channels.*3 group"):
        Conv2D("x", 6, 1, groups=3).build(SHAPE)


@pytest.mark.parametrize("make", [lambda f: Conv2D("x", 1, 1, activation=f), lambda f: Dense("x", 1, f)])
def test_unknown_activation_is_refused(make):
    message = r"^layer 'x': no activation 'reluu'; did you mean 'relu'\? the nearest of \d\d: relu, relu6, elu, "
    with pytest.raises(UnsupportedError, match=message):
        make("reluu")
    with pytest.raises(UnsupportedError, match=message):
        Activation("x", "reluu")


# ---- weights


@pytest.fixture
def conv():
    return built(Conv2D("conv", 3, 2))


def test_a_writeable_array_is_copied(conv):
    kernel = np.ones((2, 2, 4, 3), np.float32)
    conv.set_weights(kernel=kernel)
    assert not np.shares_memory(conv.weights["kernel"], kernel)
    assert kernel.flags.writeable
    kernel[:] = 7
    assert (conv.weights["kernel"] == 1).all()


def test_a_read_only_array_is_kept_as_it_is(conv):
    kernel = np.ones((2, 2, 4, 3), np.float32)
    kernel.flags.writeable = False
    conv.set_weights(kernel=kernel)
    assert conv.weights["kernel"] is kernel


def test_weights_cannot_be_written_to(conv):
    with pytest.raises(ValueError, match="read-only"):
        conv.weights["kernel"][0] = 1
    with pytest.raises(TypeError):
        conv.weights["kernel"] = 1


@pytest.mark.parametrize("name", ["kernel", "bias"])
def test_new_weights_are_used_from_the_next_call_on(conv, name):
    before = conv(X)
    kept = dict(conv.weights)
    new = 2 * kept[name]
    conv.set_weights(**{name: new})
    expected = convlab.conv2d(X, **{"w" if k == "kernel" else "b": v for k, v in (kept | {name: new}).items()})
    after = conv(X)
    assert (after != before).any()
    np.testing.assert_array_equal(after, expected)


def test_float32_and_float64_inputs_may_alternate(conv):
    single, double = conv(X), conv(X.astype(np.float64))
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(conv(X), single)
    np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-6)


def test_lists_and_float64_are_taken(conv):
    conv.set_weights(bias=[1, 2, 3])
    assert conv.weights["bias"].dtype == np.float32
    assert conv.weights["bias"].tolist() == [1, 2, 3]


def test_the_input_decides_in_what_type_is_computed(conv):
    conv.set_weights(bias=np.array([1 / 3, 0, 0]), kernel=np.zeros((2, 2, 4, 3)))  # float64, as np.array makes them
    assert conv(X.astype(np.float32)).dtype == np.float32
    exact = conv(X.astype(np.float64))
    assert exact.dtype == np.float64
    assert exact[0, 0, 0, 0] == 1 / 3  # not rounded to float32 on the way


def test_a_read_only_view_of_what_somebody_can_write_to_is_copied(conv):
    mine = np.zeros((2, 2, 4, 3), np.float32)
    view = mine[:]
    view.flags.writeable = False
    conv.set_weights(kernel=view, bias=[0, 0, 0])
    mine += 1
    assert not conv.weights["kernel"].any()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"kernel": np.ones((3, 2, 4, 2))}, r"kernel has shape \(3, 2, 4, 2\), expected \(2, 2, 4, 3\)"),
        ({"kernel": np.ones((2, 2, 4, 3)), "bias": np.ones(4)}, r"bias has shape \(4,\), expected \(3,\)"),
        ({"bias": np.ones((1, 3))}, r"bias has shape \(1, 3\), expected \(3,\)"),
        ({"biass": np.ones(3)}, r"no weight 'biass'; did you mean 'bias'\? available: kernel, bias"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(conv, weights, message):
    before, expected = dict(conv.weights), conv(X)
    with pytest.raises(WeightsError, match=f"^layer 'conv': {message}$"):
        conv.set_weights(**weights)
    assert {name: id(array) for name, array in conv.weights.items()} == {name: id(a) for name, a in before.items()}
    np.testing.assert_array_equal(conv(X), expected)


def test_weights_that_are_missing_are_named():
    layer = Conv2D("conv", 3, 2)
    layer.build(SHAPE)
    with pytest.raises(WeightsError, match=r"^layer 'conv': bias not given$"):
        layer.set_weights(kernel=np.ones((2, 2, 4, 3)))
    with pytest.raises(WeightsError, match=r"^layer 'conv': kernel, bias not given$"):
        layer.set_weights()
    with pytest.raises(WeightsError, match=r"^layer 'conv' has no weights: give convlab.load a file"):
        _ = layer.weights


def test_a_layer_without_weights_has_none():
    assert dict(built(Flatten("flatten")).weights) == {}


def test_a_layer_keeps_its_weights_shapes(conv):
    assert conv.build((9, 8, 4)) == (8, 7, 3)  # another image size is fine
    with pytest.raises(
        ShapeError, match=r"^layer 'conv' on an input of \(7, 5, 2\): needs weights of .*\(2, 2, 2, 3\)"
    ):
        conv.build((7, 5, 2))


def test_a_pools_stride_of_0_is_not_taken_for_none():
    with pytest.raises(ShapeError, match="stride 0 is out of range"):
        MaxPooling2D("pool", 2, stride=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaxPooling2D("p", 2, padding=5).build((8, 9, 3)), "more than half of the window of 2"),
        (lambda: ZeroPadding2D("z", "same"), "padding 'same' means nothing without a window"),
        (lambda: Conv2D("c", -1, 3), "layer 'c': filters is -1, expected a whole number of at least 1"),
        (lambda: Dense("d", 0), "layer 'd': units is 0, expected a whole number of at least 1"),
    ],
)
def test_impossible_layers_are_refused_before_they_run(make, message):
    with pytest.raises(ShapeError, match=message):
        make()


def test_weights_that_change_while_a_kernel_is_prepared_are_not_forgotten(monkeypatch):
    conv = Conv2D("conv", 1, 3, use_bias=False)
    conv.build((3, 3, 1))
    conv.set_weights(kernel=np.zeros((3, 3, 1, 1), np.float32))
    x, prepare = np.ones((1, 3, 3, 1), np.float32), ops.prepare_conv2d

    def slow(w, *options):
        kernel = prepare(w, *options)
        conv.set_weights(kernel=np.ones((3, 3, 1, 1), np.float32))  # what another thread does meanwhile
        return kernel

    monkeypatch.setattr(ops, "prepare_conv2d", slow)
    conv(x)
    monkeypatch.undo()
    assert conv(x).item() == 9
