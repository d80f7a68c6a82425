"""Functions on tensors in networks whose images are (C, H, W): each is given what Keras would give it."""

import numpy as np
import pytest

from convlab.files.keras.config.architecture import read_architecture
from support.files.keras_configs import entry, functional, image

X = np.random.default_rng(4).normal(size=(2, 3, 6, 5)).astype(np.float32)
MIDDLE = X.mean((2, 3), keepdims=True)


def function(name, first, called, **arguments):
    return entry("TFOpLambda", name, [first, 0, 0, arguments], function=called)


def getitem(name, first, *spec):
    layer = function(name, first, "__operators__.getitem", slice_spec=[{"start": None}, *spec])
    return {**layer, "class_name": "SlicingOpLambda"}


def softmax(x, axis):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


CASES = {
    "a number": ([function("y", "x", "math.multiply", y=2.0)], 2 * X),
    "a vector along the last axis": (
        [function("y", "x", "__operators__.add", y=[1, 2, 3, 4, 5])],
        X + np.arange(1, 6),
    ),
    "one number a channel": (
        [function("y", "x", "math.subtract", y=[[[1.0]], [[2.0]], [[3.0]]])],
        X - np.arange(1, 4)[:, None, None],
    ),
    "a function": ([function("y", "x", "math.square")], X * X),
    "a gate": (
        [
            function("m", "x", "math.reduce_mean", axis=[2, 3], keepdims=True),
            function("y", "x", "math.multiply", y=["m", 0, 0]),
        ],
        X * MIDDLE,
    ),
    "a mean of channels": ([function("y", "x", "math.reduce_mean", axis=1)], X.mean(1)),
    "a maximum of columns": (
        [function("y", "x", "math.reduce_max", axis=-1, keepdims=True)],
        X.max(3, keepdims=True),
    ),
    "a softmax of channels": ([function("y", "x", "nn.softmax", axis=1)], softmax(X, 1)),
    "a softmax of columns": ([function("y", "x", "nn.softmax")], softmax(X, 3)),
    "some channels": ([getitem("y", "x", {"start": 1})], X[:, 1:]),
    "some columns": ([getitem("y", "x", {"start": None}, {"start": None}, {"step": 2})], X[..., ::2]),
    "channels side by side": (
        [entry("TFOpLambda", "y", [["x", 0, 0, {"axis": 1}], ["x", 0, 0, {"axis": 1}]], function="concat")],
        np.concatenate([X, X], 1),
    ),
    "a border": (
        [function("y", "x", "compat.v1.pad", paddings=[[0, 0], [0, 0], [1, 2], [0, 1]])],
        np.pad(X, [(0, 0), (0, 0), (1, 2), (0, 1)]),
    ),
    "another order": ([function("y", "x", "compat.v1.transpose", perm=[0, 2, 3, 1])], X.transpose(0, 2, 3, 1)),
    "a row": ([function("y", "x", "reshape", shape=[-1, 90])], X.reshape(2, 90)),
    "a pool": (
        [function("y", "x", "nn.max_pool2d", ksize=[1, 1, 2, 5], strides=2, padding="VALID", data_format="NCHW")],
        X.reshape(2, 3, 3, 10).max(3, keepdims=True),
    ),
}


@pytest.mark.parametrize("behind", [False, True], ids=["alone", "before a layer"])
@pytest.mark.parametrize("case", CASES)
def test_a_function_is_given_what_keras_gives_it(case, behind):
    layers, expected = CASES[case]
    first = entry("ZeroPadding2D", "x", [["image", 0, 0, {}]], padding=0, data_format="channels_first")
    config = [image("image", 3, 6, 5), first, *layers]
    if behind and expected.ndim == 4:
        config.append(entry("Cropping2D", "z", [["y", 0, 0, {}]], cropping=0, data_format="channels_first"))
    name = config[-1]["name"]
    model = read_architecture(functional(config, [["image", 0, 0]], [[name, 0, 0]]), "first.h5").model
    assert model.input_shape == (6, 5, 3)
    ours = model.predict(X.transpose(0, 2, 3, 1))
    if ours.shape != expected.shape or name == "z":
        ours = np.moveaxis(ours, -1, 1)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
