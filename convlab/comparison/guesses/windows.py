"""Guesses about where the windows of a layer stand, and what they see at the border."""

from typing import Any

from convlab import ops
from convlab.comparison.suspect import Outputs, Suspect
from convlab.layers import AveragePooling2D, AveragePooling3D, Layer, MaxPooling2D, MaxPooling3D
from convlab.model.model import Node
from convlab.runtime.arrays import Array
from convlab_kernels.window import Sides, Window
from convlab_kernels.window3d import Sides3D, Window3D


def padding_on_the_other_side(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Put the odd cell of an uneven padding at the top and the left."""
    pads = _pads(node.layer, inputs)
    if pads and any(before != after for before, after in pads):
        yield "", node.layer.altered(padding=tuple(side[::-1] for side in pads))(*inputs)


def zeros_compete(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Let the cells of the padding take part in max pooling as zeros."""
    if isinstance(node.layer, MaxPooling2D | MaxPooling3D):
        yield from _pooled_with_zeros(node.layer, inputs)


def zeros_count(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Count the cells of the padding in average pooling."""
    if isinstance(node.layer, AveragePooling2D | AveragePooling3D):
        yield from _pooled_with_zeros(node.layer, inputs)


def _pooled_with_zeros(layer: Layer, inputs: list[Array]) -> Outputs:
    pads: Any = _pads(layer, inputs)
    if pads and any(map(any, pads)):
        pad = ops.zero_pad2d if len(pads) == 2 else ops.zero_pad3d
        yield "", layer.altered(padding="valid")(pad(inputs[0], pads))


def _pads(layer: Layer, inputs: list[Array]) -> Sides | Sides3D | None:
    window: Any = layer.window
    if not isinstance(window, Window | Window3D) or not hasattr(layer, "padding"):
        return None
    pads: Sides | Sides3D = window.pads(inputs[0].shape[1:-1])
    return pads
