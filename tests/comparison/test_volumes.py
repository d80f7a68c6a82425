"""Networks on volumes, compared: what is right agrees, and each mistake is found and named."""

from copy import copy

import numpy as np
import pytest

from convlab.comparison.comparison import compare
from convlab.layers import AveragePooling3D, Conv3D, Dense, Flatten, MaxPooling3D
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.ops import zero_pad3d

SHAPE = (5, 6, 8, 3)
X = np.random.default_rng(2).normal(size=(2, *SHAPE)).astype(np.float32)


def network():
    layers = [
        Conv3D("conv", 4, 2, padding="same"),
        MaxPooling3D("max", 3, 2, "same"),
        AveragePooling3D("mean", 2, 1, "same"),
        Conv3D("narrow", 4, (2, 2, 1)),
        Flatten("flat"),
        Dense("fc", 3),
    ]
    model = Model.sequential("scan", SHAPE, layers)
    randomise(model, 5)
    model["conv"].set_weights(bias=model["conv"].weights["bias"] - 3)  # so that padding of 0 can win
    return model


def with_kernel(change, layer="narrow"):
    theirs = network()
    theirs[layer].set_weights(kernel=np.ascontiguousarray(change(theirs[layer].weights["kernel"])))
    return dict(theirs.run(X))


def with_layer(name, function):
    """Return what a network makes in which one layer computes something else."""
    theirs, nodes = network(), []
    for node in theirs.nodes:
        layer = node.layer
        if node.name == name:
            layer = copy(layer)
            layer.__class__ = type("Wrong", (type(layer),), {"__call__": function})
        nodes.append(type(node)(node.name, layer, node.inputs))
    wrong = Model("scan", SHAPE, nodes)
    return dict(wrong.run(X))


def uneven(layer, x):
    pads = tuple((after, before) for before, after in layer.window.pads(x.shape[1:4]))
    return Conv3D.__call__(layer.altered(padding=pads), x)


def zeros_first(kind):
    def pooled(layer, x):
        return kind("p", layer.pool, layer.stride)(zero_pad3d(x, layer.window.pads(x.shape[1:4])))

    return pooled


MISTAKES = {
    "turned": ("narrow", lambda: with_kernel(lambda k: k[::-1, ::-1, ::-1]), "180 degrees"),
    "read as OIDHW": ("narrow", lambda: with_kernel(lambda k: k.transpose(4, 3, 0, 1, 2).reshape(k.shape)), "OIDHW"),
    "inputs and outputs": ("narrow", lambda: with_kernel(lambda k: k.swapaxes(3, 4)), "inputs and outputs"),
    "uneven padding": ("conv", lambda: with_layer("conv", uneven), "padding"),
    "zeros compete": ("max", lambda: with_layer("max", zeros_first(MaxPooling3D)), "zero"),
    "zeros count": ("mean", lambda: with_layer("mean", zeros_first(AveragePooling3D)), "padding"),
    "flattened otherwise": (
        "flat",
        lambda: with_layer("flat", lambda layer, x: np.moveaxis(x, -1, 1).reshape(len(x), -1)),
        "channels first, 4 x 2 x 2 x 4",
    ),
}


def test_the_same_network_agrees():
    assert compare(network().run(X), dict(network().run(X))).agrees


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_and_named(mistake):
    layer, theirs, words = MISTAKES[mistake]
    report = compare(network().run(X), theirs())
    assert not report.agrees
    assert report.first == layer
    assert words in str(report), report


def test_channels_first_is_seen_in_the_shapes():
    theirs = {name: np.moveaxis(y, -1, 1) if y.ndim == 5 else y for name, y in network().run(X).items()}
    assert compare(network().run(X), theirs, channels_first=True).agrees
