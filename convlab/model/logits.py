"""The function that made the output of a network, and what it was before a softmax or sigmoid."""

from math import prod

from convlab.errors import ShapeError
from convlab.layers import Activated, Activation, Identity, Layer
from convlab.model.graph import Graph
from convlab.model.nodes import Node
from convlab.runtime.arrays import Shape


def logits(graph: Graph) -> str:
    """Return the name of what the only output was before its softmax or sigmoid; of the output, if it has none.

    `name/pre` where that is within a layer.
    """
    if len(graph.outputs) > 1:
        raise ShapeError(f"model {graph.name!r} has several outputs, {', '.join(graph.outputs)}: name a layer")
    last = _deciding(graph, graph.outputs[0])
    if last.layer.activation not in ("softmax", "sigmoid"):
        return graph.outputs[0]
    return f"{last.name}/pre" if isinstance(last.layer, Activated) else last.inputs[0]


def final_activation(graph: Graph, output: str) -> str:
    """Return the activation function that made an output, which layers behind it may have handed on."""
    return _deciding(graph, output).layer.activation


def _deciding(graph: Graph, output: str) -> Node:
    """Return the last node that makes other numbers than it is given."""
    nodes = {node.name: node for node in graph.nodes}
    last = nodes[output]
    while last.inputs[0] in nodes and _hands_on(last.layer, last.input_shapes[0]):
        last = nodes[last.inputs[0]]
    return last


def _hands_on(layer: Layer, shape: Shape) -> bool:
    """Return whether a layer gives its numbers on as they are, in the same order."""
    linear = isinstance(layer, Activation) and layer.activation == "linear"
    return linear or isinstance(layer, Identity) or (layer.reshapes and max(shape) == prod(shape))
