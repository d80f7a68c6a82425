"""What goes back through one call of a layer, and the rules that treat ReLU in another way than its derivative does.

    gradient     g where what came out is positive                          the derivative
    guided       the positive g where what came out is positive             Springenberg et al., arXiv 1412.6806
    deconvnet    the positive g, wherever                                   Zeiler and Fergus, arXiv 1311.2901

The latter two are pictures of what excites a unit, not derivatives of anything: Adebayo et al., arXiv 1810.03292.
"""

from typing import Literal

from convlab.errors import UnsupportedError
from convlab.layers import ACTIVATIONS, Activated, Activation, Layer, ReLU
from convlab.model.nodes import Node
from convlab.runtime.arrays import Array, module_of

Rule = Literal["gradient", "guided", "deconvnet"]


def pull_back_node(
    node: Node, after: Array | None, before: Array | None, inputs: tuple[Array, ...], output: Array, rule: Rule
) -> tuple[Array, ...]:
    """Return the gradient by each input from those by the output, and by what comes before its activation."""
    if before is None and after is not None and (rule == "gradient" or not _rectifies(node.layer)):
        return node.layer.pull_back(node.silence(after), inputs, output)
    before = before_activation(node, after, before, inputs, output, rule)
    return (node.layer.pull_back_linear(before, inputs[0]),) if isinstance(node.layer, Activated) else (before,)


def before_activation(
    node: Node, after: Array | None, before: Array | None, inputs: tuple[Array, ...], output: Array, rule: Rule
) -> Array:
    """Return the gradient by what a call computes before its activation, from that by the output and some more."""
    if after is None:
        assert before is not None
        return before
    through = _through_activation(node.layer, node.silence(after), inputs, output, rule)
    return through if before is None else before + through


def _rectifies(layer: Layer) -> bool:
    """Return whether a layer ends in ReLU, or ReLU6."""
    if isinstance(layer, ReLU):
        return not layer.negative_slope and not layer.threshold
    applies = isinstance(layer, Activated | Activation)
    return applies and ACTIVATIONS[layer.activation].ceiling is not None


def _through_activation(layer: Layer, gradient: Array, inputs: tuple[Array, ...], output: Array, rule: Rule) -> Array:
    """Return what a layer's activation function hands back of a gradient."""
    if rule == "gradient" or not _rectifies(layer):
        if not isinstance(layer, Activated):
            raise UnsupportedError(f"layer {layer.name!r} is a {layer.kind}, which has nothing before an activation")
        (x,) = inputs
        return ACTIVATIONS[layer.activation].pull_back(gradient, output, lambda: layer.linear(x))
    positive = module_of(gradient).maximum(gradient, 0)
    if rule == "deconvnet":
        return positive
    if isinstance(layer, ReLU):
        (passed,) = layer.pull_back(positive, inputs, output)
        return passed
    return ACTIVATIONS[layer.activation].pull_back(positive, output, lambda: inputs[0])
