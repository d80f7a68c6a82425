"""Whole networks beside torch.autograd, in float64, where nothing but a mistake is larger than 1e-9."""

import numpy as np
import pytest

import convlab
from convlab.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ReLU,
    ZeroPadding2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from support.recorded import live


def residual():
    """Return a network of every kind of part that ResNet and MobileNet have, strides and borders among them."""
    nodes = [
        Node("border", ZeroPadding2D("border", ((0, 1), (2, 1))), ("input",)),
        Node("stem", Conv2D("stem", 6, (3, 2), stride=2, use_bias=False), ("border",)),
        Node("norm", BatchNormalization("norm"), ("stem",)),
        Node("relu", Activation("relu", "relu"), ("norm",)),
        Node("max", MaxPooling2D("max", 3, 2, "same"), ("relu",)),
        Node("deep", DepthwiseConv2D("deep", (3, 2), padding="same"), ("max",)),
        Node("six", ReLU("six", 6.0), ("deep",)),
        Node("point", Conv2D("point", 6, 1), ("six",)),
        Node("add", Add("add"), ("max", "point")),
        Node("mean", AveragePooling2D("mean", 2, 1), ("add",)),
        Node("wide", Conv2D("wide", 8, 3, padding="same", dilation=2, activation="relu"), ("mean",)),
        Node("all", GlobalAveragePooling2D("all"), ("wide",)),
        Node("out", Dense("out", 5), ("all",)),
    ]
    model = Model("residual", (17, 14, 3), nodes)
    randomise(model, 4)
    return model


NETWORKS = {
    "lenet5": lambda: convlab.load("lenet5"),
    "vgg16": lambda: convlab.load("vgg16", weights=1, include_top=False, input_shape=(32, 40, 3)),
    "residual": residual,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_autograds(name):
    torch = live("torch", instead="backward/test_pull_back.py")
    from benchmarks.as_torch import as_torch

    model = NETWORKS[name]()
    model.preprocessing = None
    x = np.random.default_rng(2).normal(size=(2, *model.input_shape))
    seed = np.random.default_rng(3).normal(size=(2, *model.output_shape))
    acts = model.run(x)
    found = convlab.gradients(model, acts, {model.outputs[0]: seed})
    network = as_torch(model, record=True).double().eval()
    theirs = torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_(True)
    values = dict(zip((node.name for node in model.nodes), network(theirs), strict=True))
    last = values[model.outputs[0]]
    for value in values.values():
        value.retain_grad()
    last.backward(torch.from_numpy(np.moveaxis(seed, -1, 1).copy() if last.ndim == 4 else seed))
    compared = {"input": theirs.grad, **{name: value.grad for name, value in values.items()}}
    for name, grad in compared.items():
        expected = np.moveaxis(grad.numpy(), 1, -1) if grad.ndim == 4 else grad.numpy()
        if expected.shape != found[name].shape:
            continue  # a flattened image is in another order there
        np.testing.assert_allclose(found[name], expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max(), err_msg=name)
