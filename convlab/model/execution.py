"""The nodes of a network carried out, one after the other."""

from collections.abc import Collection, Iterator, Mapping

from convlab.layers import ACTIVATIONS, Layer
from convlab.model.graph import Graph
from convlab.model.nodes import Node, has_activation
from convlab.runtime.arrays import Array, owner, unshared


def execute(
    graph: Graph, sources: Mapping[str, Array], wanted: Collection[str] = ()
) -> Iterator[tuple[Node, Array | None, Array]]:
    """Yield (node, value before its activation if wanted, value), forgetting values nobody needs any more."""
    values = dict(sources)
    for node, done in graph.steps:
        inputs = [values[source] for source in node.inputs]
        before, after = _call(node.layer, inputs, bool(wanted) and f"{node.name}/pre" in wanted)
        values[node.name] = after = node.silence(after)
        for name in done:
            del values[name]
        yield node, before, after


def compute(graph: Graph, sources: Mapping[str, Array]) -> dict[str, Array]:
    """Return the outputs for inputs, both by name, in memory that the caller may keep."""
    owners = {id(owner(source)) for source in sources.values()}
    outputs = {node.name: y for node, _, y in execute(graph, sources) if node.name in graph.outputs}
    return {name: unshared(outputs[name], owners) for name in graph.outputs}


def _call(layer: Layer, inputs: list[Array], keep_before: bool) -> tuple[Array | None, Array]:
    if not (keep_before and has_activation(layer)):
        return None, layer(*inputs)
    before = layer.linear(*inputs)
    return before, ACTIVATIONS[layer.activation](before)
