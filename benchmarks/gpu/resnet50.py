"""A network of ResNet50's shape.

He et al., "Deep residual learning for image recognition" (arXiv 1512.03385), table 1. It ends in plain numbers: a
softmax would hide errors where it is nearly 0 or 1.
"""

from convlab.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Layer,
    MaxPooling2D,
)
from convlab.model.model import INPUT, Model, Node

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Channels within a block, of which it gives four times as many; blocks; stride of the first of them."""


def resnet50() -> Model:
    """Return the network without weights."""
    nodes: list[Node] = []
    x = _add(nodes, Conv2D("conv1", 64, 7, stride=2, padding=3), INPUT)
    x = _relu(nodes, _normalised(nodes, x))
    x = _add(nodes, MaxPooling2D("pool1", 3, 2, padding=1), x)
    for number, (channels, blocks, stride) in enumerate(STAGES, 2):
        for block in range(1, blocks + 1):
            x = _block(nodes, f"conv{number}_block{block}", x, channels, stride if block == 1 else 1, block == 1)
    x = _add(nodes, GlobalAveragePooling2D("average"), x)
    _add(nodes, Dense("scores", 1000), x)
    return Model("resnet50", (224, 224, 3), nodes)


def _block(nodes: list[Node], name: str, x: str, channels: int, stride: int, widened: bool) -> str:
    """Add a block of three convolutions beside a shortcut; return the name of its output."""
    shortcut = x
    if widened:
        shortcut = _normalised(nodes, _add(nodes, Conv2D(f"{name}_0", 4 * channels, 1, stride=stride), x))
    convolutions = (channels, 1, stride), (channels, 3, 1), (4 * channels, 1, 1)
    for number, (filters, kernel, step) in enumerate(convolutions, 1):
        x = _normalised(nodes, _add(nodes, Conv2D(f"{name}_{number}", filters, kernel, step, padding="same"), x))
        x = _relu(nodes, x) if number < 3 else x
    return _relu(nodes, _add(nodes, Add(f"{name}_add"), shortcut, x))


def _normalised(nodes: list[Node], x: str) -> str:
    return _add(nodes, BatchNormalization(f"{x}_bn"), x)


def _relu(nodes: list[Node], x: str) -> str:
    return _add(nodes, Activation(f"{x}_relu", "relu"), x)


def _add(nodes: list[Node], layer: Layer, *sources: str) -> str:
    nodes.append(Node(layer.name, layer, sources))
    return layer.name
