"""Networks in PyTorch, as the benchmarks have them, compute what convlab's do: in float64, by weights in float32."""

import numpy as np
import pytest

from convlab.layers import (
    Activation,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Multiply,
    Normalization,
    ReLU,
    Rescaling,
    Reshape,
    SeparableConv2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from support.recorded import live

torch = live("torch", instead="files/keras/test_networks_recorded.py")


def excited():
    """Return a network that scales its channels by what it sees: the parts of EfficientNet and MobileNetV3."""
    nodes = [
        Node("smaller", Rescaling("smaller", 0.5, -0.25), ("input",)),
        Node("normal", Normalization("normal"), ("smaller",)),
        Node("stem", Conv2D("stem", 6, 3, stride=2, activation="silu"), ("normal",)),
        Node("deep", DepthwiseConv2D("deep", (5, 3), padding="same", use_bias=False), ("stem",)),
        Node("hard", Activation("hard", "hard_silu"), ("deep",)),
        Node("all", GlobalAveragePooling2D("all"), ("hard",)),
        Node("one", Reshape("one", (1, 1, 6)), ("all",)),
        Node("gate", Conv2D("gate", 6, 1, activation="sigmoid"), ("one",)),
        Node("three", Rescaling("three", 1.0, 3.0), ("gate",)),
        Node("six", ReLU("six", 6.0), ("three",)),
        Node("excited", Multiply("excited"), ("hard", "six")),
        Node("channels", Rescaling("channels", np.linspace(0.5, 2, 6), np.linspace(-1, 1, 6)), ("excited",)),
    ]
    return Model("excited", (17, 14, 3), nodes)


def joined():
    """Return a network of the parts of Xception, DenseNet and U-Net."""
    nodes = [
        Node(
            "apart", SeparableConv2D("apart", 5, 3, padding="same", depth_multiplier=2, activation="relu"), ("input",)
        ),
        Node("half", MaxPooling2D("half", 3, 2, "same"), ("apart",)),  # of even sides: one end has more
        Node("deep", SeparableConv2D("deep", 7, 3, padding="same", use_bias=False), ("half",)),
        Node("whole", Conv2DTranspose("whole", 4, 2, 2), ("deep",)),
        Node("both", Concatenate("both"), ("apart", "whole", "input")),
        Node("flat", Flatten("flat"), ("both",)),
    ]
    return Model("joined", (16, 14, 3), nodes)


def unet():
    """Return the benchmarks' U-Net for smaller pictures, as Keras has built it."""
    live("keras", instead="files/keras/test_networks_recorded.py")
    from benchmarks.keras.unet import unet
    from convlab.files.keras.live import read_live

    return read_live(unet((32, 48, 3))).model


@pytest.mark.parametrize("network", [excited, joined, unet])
def test_every_layer_is_convlabs(network):
    from benchmarks.as_torch import as_torch

    model = network()
    randomise(model, 4)
    x = np.random.default_rng(5).standard_normal((2, *model.input_shape))
    acts, given = model.run(x), torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    with torch.inference_mode():
        made = as_torch(model, record=True).double()(given)
        output = as_torch(model).double()(given)
    for node, y in zip(model.nodes, made, strict=True):
        np.testing.assert_allclose(channels_last(y), acts[node.name], rtol=1e-6, atol=1e-6, err_msg=node.name)
    np.testing.assert_allclose(channels_last(output), acts[model.outputs[0]], rtol=1e-6, atol=1e-6)


def channels_last(y):
    return y.numpy().transpose(0, 2, 3, 1) if y.ndim == 4 else y.numpy()


def test_the_unet_halves_and_doubles_four_times():
    live("keras", instead="files/keras/test_networks_recorded.py")
    from benchmarks.keras.unet import unet

    network = unet()
    shapes = [layer.output.shape[1:] for layer in network.layers if type(layer).__name__ == "Conv2D"]
    down = [(128, 128, 16), (64, 64, 32), (32, 32, 64), (16, 16, 128)]
    levels = [*down, (8, 8, 256), *reversed(down)]
    assert shapes == [shape for level in levels for shape in (level, level)] + [(128, 128, 1)]
