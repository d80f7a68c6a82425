"""The nodes of a network carried out, one after the other."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from convlab.layers import ACTIVATIONS, Layer
from convlab.model.graph import Graph
from convlab.model.logits import final_activation
from convlab.model.nodes import Node, has_activation
from convlab.runtime.arrays import Array, owner, unshared
from convlab.runtime.host_copies import arrays_on

Value = tuple[Node, Array | None, Array]
"""A node, what it made before its activation function where that is wanted, and what it made."""

LOG = logging.getLogger(__name__)
"""Is told the name of each node before it is computed, for who shows how far a long run is."""


def telling() -> bool:
    """Return whether somebody wants to be told the name of each node before it is computed."""
    return LOG.isEnabledFor(logging.DEBUG)


def execute(graph: Graph, sources: Mapping[str, Array], wanted: Collection[str] = ()) -> Iterator[Value]:
    """Yield what each node makes, forgetting values nobody needs any more."""
    values = dict(sources)
    told = telling()  # asked once: small networks take microseconds
    for node, done in graph.steps:
        if told:
            LOG.debug(node.name)
        inputs = [values[source] for source in node.inputs]
        before, after = call(node.layer, inputs, bool(wanted) and f"{node.name}/pre" in wanted)
        values[node.name] = after = node.silence(after)
        for name in done:
            del values[name]
        yield node, before, after


def compute(graph: Graph, sources: Mapping[str, Array]) -> dict[str, Array]:
    """Return the outputs for inputs, both by name, in memory that the caller may keep."""
    return outputs_of(graph, sources, execute(graph, sources))


def outputs_of(graph: Graph, sources: Mapping[str, Array], values: Iterable[Value]) -> dict[str, Array]:
    """Return the outputs by name, from inputs and what nodes make of them, in memory that the caller may keep."""
    owners = {id(owner(source)) for source in sources.values()}
    outputs = {node.name: y for node, _, y in values if node.name in graph.outputs}
    return {name: unshared(outputs[name], owners) for name in graph.outputs}


def keep(
    graph: Graph, sources: Mapping[str, Array], values: Iterable[Value], wanted: Collection[str], device: str
) -> dict[str, Any]:
    """Return what `Recorded` wants of a run, from what nodes make: arrays, kinds of layers, functions of outputs."""
    inputs, arrays, outputs = arrays_on(device), arrays_on(device), arrays_on(device)
    kinds: dict[str, str] = {}
    functions: dict[str, str] = {}
    owners = {id(owner(source)) for source in sources.values()}
    made: dict[str, Array] = {}
    inputs.update({name: source.copy() for name, source in sources.items()})
    for node, before, output in values:
        for name, array in ((f"{node.name}/pre", before), (node.name, output)):
            if array is None or not (name in wanted or name in graph.outputs):
                continue
            made[name] = unshared(array, owners)
            if name in wanted:
                arrays[name], kinds[name] = made[name], node.layer.kind
        if node.name in graph.outputs:
            functions[node.name] = final_activation(graph, node.name)
    outputs.update({name: made[name] for name in graph.outputs})
    ends = {"inputs": inputs, "outputs": outputs, "functions": functions, "activation": functions[graph.outputs[0]]}
    return {"arrays": arrays, "kinds": kinds, **ends}


def complete(graph: Graph, values: dict[str, Array]) -> None:
    """Compute what is not there of the nodes' values, from what is."""
    for node in graph.nodes:
        if node.name not in values:
            _, after = call(node.layer, [values[source] for source in node.inputs], False)
            values[node.name] = node.silence(after)


def call(layer: Layer, inputs: list[Array], keep_before: bool) -> tuple[Array | None, Array]:
    """Return what a layer makes before its activation function, if that is to be kept and there is one, and after."""
    if not (keep_before and has_activation(layer)):
        return None, layer(*inputs)
    before = layer.linear(*inputs)
    return before, ACTIVATIONS[layer.activation](before)
