"""Guesses about a layer's activation function."""

from convlab import ops
from convlab.comparison.suspect import Outputs, Suspect
from convlab.layers import ACTIVATIONS, Activated
from convlab.model.model import Node
from convlab.runtime.arrays import Array

SLOPES = (0.01, 0.2, 0.3, 0.1)  # PyTorch's, a usual one, Keras', Darknet's


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


def another_slope(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Give a leaky ReLU another slope."""
    slope = getattr(node.layer, "negative_slope", None)
    for other in SLOPES if slope else ():
        yield f": {other:g} instead of {slope:g}", node.layer.altered(negative_slope=other)(*inputs)
