"""Changed copies of a network: channels of a layer silenced, set to 0 after the activation function."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from convlab.errors import LayerNameError, ShapeError
from convlab.model.model import Model
from convlab.model.nodes import own_layers
from convlab.wording import unknown


def ablate(model: Model, channels: Mapping[str, Iterable[int]]) -> Model:
    """Return a copy of the network in which these channels of these layers are silenced; see `Model.ablate`."""
    silenced = {node.name: set(node.silenced) for node in model.nodes}
    if not channels:
        raise ShapeError("ablate: no layer given; expected names and channels, as {'conv1': [3, 17]}")
    for name, numbers in channels.items():
        nodes = [node for node in model.nodes if name in (node.name, node.layer.name)]
        if not nodes:
            raise LayerNameError(unknown("layer", name, silenced))
        wanted = _checked(name, numbers, min(model.shapes[node.name][-1] for node in nodes))
        for node in nodes:
            silenced[node.name] |= wanted
    nodes = [replace(node, silenced=tuple(sorted(silenced[node.name]))) for node in own_layers(model.nodes)]
    ablated = Model(model.name, model.inputs, nodes, model.preprocessing, model.labels, model.outputs)
    ablated.receipt, ablated.propagate_nan = model.receipt, model.propagate_nan
    ablated.device, ablated.tf32 = model.device, model.tf32
    return ablated


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
