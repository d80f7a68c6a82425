"""The backward pass: gradients pulled back through the calls of a graph, last first.

Griewank and Walther, "Evaluating derivatives" (2nd edition), section 3.2: the gradient by a value is the sum of what
each of its readers pulls back to it.
"""

from collections.abc import Collection, Iterable, Mapping

from convlab.backward.rules import Rule, pull_back_node
from convlab.model.graph import Graph
from convlab.model.nodes import Node
from convlab.runtime.arrays import Array


def pull_back(
    graph: Graph,
    values: Mapping[str, Array],
    seeds: Mapping[str, Array],
    to: Collection[str],
    rule: Rule = "gradient",
    replaced: Collection[str] = (),
) -> dict[str, Array]:
    """Return the gradient by each of the values named in `to` on which the seeds depend.

    Parameters
    ----------
    graph
    values
        What went into the network and what its nodes made, by name: all that lie between.
    seeds
        The gradient by some of the values, to begin with; by `name/pre`, what a layer computes before its activation.
    to
        Names of inputs and nodes.
    rule
        See `convlab.backward.rules`.
    replaced
        Nodes that did not make their values: nothing goes back through them.
    """
    reached = _reached_from([node for node in graph.nodes if node.name not in replaced], to)
    gradients, found = dict(seeds), {}
    for node in reversed(graph.nodes):
        after, before = gradients.pop(node.name, None), gradients.pop(f"{node.name}/pre", None)
        if after is not None and node.name in to:
            found[node.name] = after
        if (after is None and before is None) or node.name in replaced or not reached.intersection(node.inputs):
            continue
        inputs = tuple(values[source] for source in node.inputs)
        parts = pull_back_node(node, after, before, inputs, values[node.name], rule)
        for source, part in zip(node.inputs, parts, strict=True):
            if source in reached:
                gradients[source] = gradients[source] + part if source in gradients else part
    return found | {name: gradients[name] for name in graph.inputs if name in to and name in gradients}


def _reached_from(nodes: Iterable[Node], names: Collection[str]) -> set[str]:
    """Return the values that depend on those named, and these."""
    reached = set(names)
    for node in nodes:
        if reached.intersection(node.inputs):
            reached.add(node.name)
    return reached
