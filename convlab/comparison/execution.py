"""Running a part of a network node by node, with a say in what each node makes."""

from collections.abc import Callable, Iterable, Mapping

from convlab.layers import Flatten
from convlab.model.model import Model, Node
from convlab.runtime.arrays import Array, Shape

Call = Callable[[Node, list[Array]], Array]


def call(node: Node, inputs: list[Array]) -> Array:
    """Return what a node makes of its inputs."""
    return node.silence(node.layer(*inputs))


def run_nodes(nodes: Iterable[Node], values: Mapping[str, Array], call: Call = call) -> dict[str, Array]:
    """Return the given values and those of the nodes, run in order."""
    known = dict(values)
    for node in nodes:
        known[node.name] = call(node, [known[source] for source in node.inputs])
    return known


def nodes_between(model: Model, known: Iterable[str], target: str) -> list[Node]:
    """Return the nodes that lead from known values (else from the model's inputs) to a node, itself included."""
    needed, have, found = {target}, set(known), []
    for node in reversed(model.nodes):
        if node.name in needed:
            found.append(node)
            needed.update(source for source in node.inputs if source not in have)
    return found[::-1]


def flattened_images(model: Model) -> dict[str, Shape]:
    """Return, for each node behind a Flatten with nothing but layers of one number each between, the (H, W, C)."""
    found: dict[str, Shape] = {}
    for node in model.nodes:
        source, *others = node.inputs
        if isinstance(node.layer, Flatten) and len(model.shapes[source]) == 3:
            found[node.name] = model.shapes[source]
        elif source in found and not others and model.shapes[node.name] == model.shapes[source]:
            found[node.name] = found[source]
    return {node.name: found[node.inputs[0]] for node in model.nodes if node.inputs[0] in found}
