"""What a pull-back has to be, the adjoint of the layer's derivative: checks that fail where it is not."""

import numpy as np

import convlab
from convlab.layers import Add, Conv2D, Dense, Flatten, MaxPooling2D
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from support.closeness import assert_close, sum_bound
from support.kernels.sweep import CHANNELS
from support.layers.beside_keras import built

STEP = 1e-6


def check_beside_differences(name, layer, inputs):
    """Assert that <g, d layer(x + t v) / dt>, a central difference in float64, is <pull_back(g), v>: not at kinks."""
    rng = np.random.default_rng(5)
    y = layer(*inputs)
    g = rng.normal(size=y.shape)
    pulled = layer.pull_back(g, tuple(inputs), y)
    assert [part.shape for part in pulled] == [x.shape for x in inputs]
    for i, (x, part) in enumerate(zip(inputs, pulled, strict=True)):
        v = rng.normal(size=x.shape)
        up, down = ([*inputs[:i], x + sign * STEP * v, *inputs[i + 1 :]] for sign in (0.5, -0.5))
        difference = (layer(*up) - layer(*down)) / STEP
        expected, size = (g * difference).sum(), np.abs(g * difference).sum()
        assert abs((part * v).sum() - expected) <= 1e-7 * size + 1e-9, name


def check_convolution(case):
    """Assert for a case of the sweep that <pull_back(g), v> is <g, layer(v)>, and that float32 rounds as it may."""
    x, w, _ = (array.astype(np.float64) for array in case.arrays)
    layer = Conv2D("c", CHANNELS[case.channels][2], case.kernel, use_bias=False, **case.attributes)
    built(layer, x.shape[1:])
    layer.set_weights(kernel=w)
    rng = np.random.default_rng(7)
    y = layer(x)
    g, v = (rng.standard_normal(like.shape, np.float32).astype(np.float64) for like in (y, x))
    (pulled,) = layer.pull_back(g, (x,), y)
    there, back = g * layer(v), pulled * v
    assert abs(there.sum() - back.sum()) <= 1e-13 * (np.abs(there).sum() + np.abs(back).sum()), f"{case}"
    (single,) = layer.pull_back(g.astype(np.float32), (x.astype(np.float32),), y.astype(np.float32))
    layer.set_weights(kernel=np.abs(w))
    (magnitude,) = layer.pull_back(np.abs(g), (x,), y)
    terms = w[..., 0, :].size // case.attributes["groups"]
    assert single.dtype == np.float32
    assert_close(single, pulled, sum_bound(terms, magnitude, np.float32), f"{case}")


def shared_twice():
    """Return a network of two inputs and a layer that is called on both, with an addition and a shortcut."""
    conv = Conv2D("conv", 3, 2, padding="same", activation="relu")
    nodes = [
        Node("conv", conv, ("left",)),
        Node("conv/2", conv, ("right",)),
        Node("add", Add("add"), ("conv", "conv/2", "left")),
        Node("pool", MaxPooling2D("pool", 2), ("add",)),
        Node("flat", Flatten("flat"), ("pool",)),
        Node("out", Dense("out", 4, "softmax"), ("flat",)),
    ]
    model = Model("shared", {"left": (5, 7, 3), "right": (5, 7, 3)}, nodes, labels=("a", "b", "c", "d"))
    randomise(model, 3)
    return model


def doubles(model, n=2, seed=1):
    """Return float64 inputs by name."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n, *shape)) for name, shape in model.inputs.items()}


def check_class(number):
    """Assert that moving the inputs of `shared_twice` moves a class before its softmax as its gradient says."""
    model = shared_twice()
    x, rng = doubles(model), np.random.default_rng(9)
    found = convlab.gradients(model, model.run(x), number)
    for name in model.inputs:
        v = rng.normal(size=x[name].shape)
        ends = [model.run({**x, name: x[name] + sign * STEP * v}, ["out/pre"])["out/pre"] for sign in (0.5, -0.5)]
        expected = (ends[0] - ends[1])[:, number] / STEP
        np.testing.assert_allclose((found[name] * v).reshape(2, -1).sum(axis=1), expected, rtol=1e-6)


def check_first_maximum(layer):
    """Assert that a pooling layer hands the gradient to the first of what it sees in an image of ones."""
    x = np.ones((1, 4, 6, 1))
    built(layer, x.shape[1:])
    y = layer(x)
    g = np.arange(1.0, 1 + y.size).reshape(y.shape)
    (pulled,) = layer.pull_back(g, (x,), y)
    expected = np.zeros_like(x)
    down, along = layer.window.stride
    expected[:, ::down, ::along][:, : y.shape[1], : y.shape[2]] = g
    np.testing.assert_array_equal(pulled, expected)
