"""Guesses about a layer's activation function."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from convlab import ops
from convlab.comparison.suspect import Outputs, Suspect
from convlab.layers import ACTIVATIONS, Activated, Layer
from convlab.model.model import Node
from convlab.runtime.arrays import Array

SLOPES = (0.01, 0.2, 0.3, 0.1)  # PyTorch's, a usual one, Keras', Darknet's
FUNCTIONS = {function.apply: name for name, function in ACTIVATIONS.items()}
"""Each function once, by the last of its names."""


def activation_missing(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Leave out the activation function."""
    layer = node.layer
    if isinstance(layer, Activated):
        if layer.activation != "linear":
            yield f" ({layer.activation})", layer.linear(*inputs)
    elif layer.activates:
        yield f" ({type(layer).__name__})", inputs[0]


def relu_applied(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Add a ReLU."""
    yield "", ops.relu(node.layer(*inputs))


def activation_twice(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Apply the activation function again (a ReLU does not show it, a softmax does)."""
    if node.layer.activation != "linear":
        yield f" ({node.layer.activation})", ACTIVATIONS[node.layer.activation](node.layer(*inputs))


def gelu_of_the_other_kind(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Compute GELU by the error function instead of tanh, or the other way round."""
    other = {"gelu": "gelu_tanh", "gelu_tanh": "gelu"}.get(node.layer.activation)
    if other:
        yield f": {other} instead of {node.layer.activation}", node.layer.altered(activation=other)(*inputs)


def another_slope(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Give a leaky ReLU another slope: a usual one, or the one that the numbers ask for."""
    yield from _other_factors(suspect, node, inputs, "negative_slope", SLOPES)


def another_alpha(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Give an ELU another alpha: 1, or the one that the numbers ask for."""
    yield from _other_factors(suspect, node, inputs, "alpha", (1.0,))


def another_activation(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Apply another function in the place of the activation function."""
    layer = node.layer
    if not isinstance(layer, Activated) and not layer.activates:
        return
    x = layer.linear(*inputs) if isinstance(layer, Activated) else inputs[0]
    named = [x, ops.relu(x)] if layer.activation == "linear" and isinstance(layer, Activated) else [x]
    gelu = layer.activation.startswith("gelu")
    for name in FUNCTIONS.values():
        y = ACTIVATIONS[name](x)
        if not any(np.array_equal(y, other) for other in named) and not (gelu and name.startswith("gelu")):
            yield f": {name} instead of {_told(layer)}", y  # and no other guess says the same


def function_applied(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Apply a function to what a layer makes that has one already, or is no sum of products."""
    layer = node.layer
    if isinstance(layer, Activated) and layer.activation == "linear":
        return  # that is another activation function
    for name in FUNCTIONS.values():
        if name not in ("linear", "relu", layer.activation):
            yield f": {name}", ACTIVATIONS[name](node.layer(*inputs))


def along_another_axis(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Let a softmax, or its like, see the numbers along another axis."""
    layer = node.layer
    if not ACTIVATIONS[layer.activation].along_channels or not (isinstance(layer, Activated) or layer.activates):
        return
    x = layer.linear(*inputs) if isinstance(layer, Activated) else inputs[0]
    for axis in range(x.ndim):
        y = ACTIVATIONS[layer.activation](np.moveaxis(x, axis, -1))
        yield f": {_axis(axis, x.ndim)}", np.moveaxis(y, -1, axis)
    if x.ndim > 2:
        rows = ACTIVATIONS[layer.activation](x.reshape(len(x), -1))
        yield ": all of an image at once", rows.reshape(x.shape)


def _other_factors(
    suspect: Suspect, node: Node, inputs: list[Array], option: str, usual: tuple[float, ...]
) -> Outputs:
    """Try other numbers for the option by which what lies below zero is multiplied."""
    layer, own = node.layer, getattr(node.layer, option, None)
    if not layer.activates or not isinstance(own, int | float) or not own:
        return
    for other in (*usual, *_solved(suspect, node, inputs, own)):
        if other != own:
            changed: Any = {option: other}
            yield f": {other:.6g} instead of {own:g}", layer.altered(**changed)(*inputs)


def _solved(suspect: Suspect, node: Node, inputs: list[Array], own: float) -> Iterator[float]:
    """Yield the factor that fits all below zero best (least squares), in few digits and in all."""
    if node.name != suspect.nodes[-1].name or inputs[0].shape != suspect.theirs.shape:
        return
    below = inputs[0] < 0
    ours, theirs = (y[below].astype(np.float64) for y in (node.layer(*inputs), suspect.theirs))
    if np.count_nonzero(ours) > 1:  # some factor fits any one number
        factor = own * float(ours @ theirs) / float(ours @ ours)
        if np.isfinite(factor) and factor > 0:
            yield from (float(f"{factor:.3g}"), factor)


def _told(layer: Layer) -> str:
    """Return the function that a layer applies, with what tells a layer from others of its class."""
    if isinstance(layer, Activated) or not is_dataclass(layer):
        return "none" if layer.activation == "linear" else layer.activation
    if layer.activation != "linear":
        return layer.activation
    options = {part.name: getattr(layer, part.name) for part in fields(layer) if part.name != "name"}
    told = [f"{name}={value:g}" for name, value in options.items() if isinstance(value, int | float) and value]
    return f"{layer.kind}({', '.join(told)})" if told else layer.kind


def _axis(axis: int, ndim: int) -> str:
    if axis == 0:
        return "the batch's"
    if axis == ndim - 1:
        return "the channels'"
    return {3: ["the steps'"], 4: ["the height's", "the width's"]}.get(ndim, [f"axis {axis}"] * ndim)[axis - 1]
