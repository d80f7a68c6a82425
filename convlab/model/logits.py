"""What the output of a network was before its softmax or sigmoid."""

from math import prod

from convlab.errors import ShapeError
from convlab.layers import Activated, Activation, Identity, Layer
from convlab.model.graph import Graph
from convlab.runtime.arrays import Shape


def logits(graph: Graph) -> str:
    """Return the name of what the only output was before its softmax or sigmoid; of the output, if it has none.

    `name/pre` where that is within a layer.
    """
    if len(graph.outputs) > 1:
        raise ShapeError(f"model {graph.name!r} has several outputs, {', '.join(graph.outputs)}: name a layer")
    nodes = {node.name: node for node in graph.nodes}
    last = nodes[graph.outputs[0]]
    while last.inputs[0] in nodes and _hands_on(last.layer, last.input_shapes[0]):
        last = nodes[last.inputs[0]]
    if last.layer.activation not in ("softmax", "sigmoid"):
        return graph.outputs[0]
    return f"{last.name}/pre" if isinstance(last.layer, Activated) else last.inputs[0]


def _hands_on(layer: Layer, shape: Shape) -> bool:
    """Return whether a layer gives its numbers on as they are, in the same order."""
    linear = isinstance(layer, Activation) and layer.activation == "linear"
    return linear or isinstance(layer, Identity) or (layer.reshapes and max(shape) == prod(shape))
