"""Changed graphs: channels of a layer silenced, set to 0 after the activation function."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from convlab.errors import LayerNameError, ShapeError
from convlab.model.graph import Graph
from convlab.model.nodes import own_layers
from convlab.wording import unknown


def silenced(graph: Graph, channels: Mapping[str, Iterable[int]]) -> Graph:
    """Return the graph, of layers of its own, with these channels of these layers silenced; see `Model.ablate`."""
    numbers_of = {node.name: set(node.silenced) for node in graph.nodes}
    if not channels:
        raise ShapeError("ablate: no layer given; expected names and channels, as {'conv1': [3, 17]}")
    for name, numbers in channels.items():
        nodes = [node for node in graph.nodes if name in (node.name, node.layer.name)]
        if not nodes:
            raise LayerNameError(unknown("layer", name, numbers_of))
        wanted = _checked(name, numbers, min(node.output_shape[-1] for node in nodes))
        for node in nodes:
            numbers_of[node.name] |= wanted
    nodes = [replace(node, silenced=tuple(sorted(numbers_of[node.name]))) for node in own_layers(graph.nodes)]
    return replace(graph, nodes=tuple(nodes))


def _checked(layer: str, numbers: Iterable[int], count: int) -> set[int]:
    """Return the numbers as a set; ShapeError unless they are some of the layer's `count` channels."""
    try:
        given = list(numbers)
    except TypeError:
        raise ShapeError(f"ablate: layer {layer!r}: {numbers!r} is no list of channels, as [3, 17]") from None
    if not given:
        raise ShapeError(f"ablate: layer {layer!r}: the list of channels is empty; it has 0 to {count - 1}")
    for number in given:
        whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
        if not (whole and 0 <= number < count):
            raise ShapeError(f"ablate: layer {layer!r} has channels 0 to {count - 1}, found {number!r}")
    return {int(number) for number in given}
