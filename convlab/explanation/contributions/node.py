"""The sum of a call in a network: of an image at once, of a volume slice by slice where it merges."""

from dataclasses import replace

import numpy as np

from convlab.errors import UnsupportedError
from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.volumes import volume_sum
from convlab.layers import ACTIVATIONS, Identity, TimeDistributed
from convlab.layers.merging import Joining, Merge
from convlab.model.nodes import Node
from convlab.runtime.arrays import Array, Shape


def sums_of(
    node: Node, inputs: list[Array], output: Shape, at: tuple[int, ...]
) -> tuple[tuple[str, ...], list[WeightedSum], int]:
    """Return what feeds the number, the sums its activation function takes together, and which of them is its own."""
    if len(output) == 4 or inputs[0].ndim == 4:
        return _in_volume(node, inputs, output, at)
    y, x, channel = at
    layer = node.layer
    if isinstance(layer, Joining):
        source, place = _part(node, inputs, at)
        return (node.inputs[source],), [_handed_on(layer.name, inputs[source], place)], 0
    if isinstance(layer, Merge):
        maps = np.stack([np.broadcast_to(one, output)[:, :, channel] for one in inputs], axis=-1)
        return node.inputs, [weighted_sum(layer, maps, y, x, channel, maps.shape)], 0
    if isinstance(layer, TimeDistributed) and len(inputs) > 1:
        raise UnsupportedError(f"layer {layer.name!r} merges inputs at each step: no explanation")
    shape = node.input_shapes[0]
    together = range(output[2]) if ACTIVATIONS[layer.activation].along_channels else [channel]
    return node.inputs, [weighted_sum(layer, inputs[0], y, x, k, shape) for k in together], together.index(channel)


def _in_volume(
    node: Node, inputs: list[Array], output: Shape, at: tuple[int, ...]
) -> tuple[tuple[str, ...], list[WeightedSum], int]:
    """Return the same of a number in a volume, or of one made from a volume: merges are looked at slice by slice."""
    layer, (*place, channel) = node.layer, at
    if isinstance(layer, Joining):
        source, found = _part(node, inputs, at)
        return (node.inputs[source],), [_handed_on(layer.name, inputs[source], found)], 0
    if isinstance(layer, Merge) and all(_is_spread(one, output) for one in inputs):
        z, y, x = place
        sources, sums, this = sums_of(
            node, [np.broadcast_to(one, output)[z] for one in inputs], output[1:], (y, x, channel)
        )
        placed = [replace(one, place=replace(one.place, slices=range(z, z + 1), depth=output[0])) for one in sums]
        return sources, placed, this
    if inputs[0].ndim != 4:
        raise UnsupportedError(f"layer {layer.name!r} is a {layer.kind} that makes a volume: no explanation")
    where = (place[0], place[1], place[2]) if len(place) == 3 else (0, 0, 0)
    together = range(output[-1]) if ACTIVATIONS[layer.activation].along_channels else [channel]
    return node.inputs, [volume_sum(layer, inputs[0], where, k) for k in together], together.index(channel)


def _handed_on(name: str, maps: Array, place: tuple[int, ...]) -> WeightedSum:
    """Return a number of an image or a volume as a sum of itself alone."""
    *where, channel = place
    if len(where) == 2:
        return weighted_sum(Identity(name), maps, where[0], where[1], channel, maps.shape)
    return volume_sum(Identity(name), maps, (where[0], where[1], where[2]), channel)


def _part(node: Node, inputs: list[Array], at: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Return which input a number comes from, and its place there: the layer is asked where it puts each place."""
    ends = np.cumsum([maps.size for maps in inputs])
    places = [
        np.arange(end - maps.size, end, dtype=np.float64).reshape(1, *shape)
        for end, maps, shape in zip(ends, inputs, node.input_shapes, strict=True)
    ]
    moved = node.layer(*places)[0]
    place = int(moved.reshape(*(1,) * (len(at) - moved.ndim), *moved.shape)[at])
    source = int(np.searchsorted(ends, place, side="right"))
    inside = np.unravel_index(place - int(ends[source]) + inputs[source].size, inputs[source].shape)
    return source, tuple(int(i) for i in inside)


def _is_spread(maps: Array, output: Shape) -> bool:
    """Tell whether an input has a number for each place of a volume, or one for each channel."""
    return (*(1,) * (len(output) - maps.ndim), *maps.shape) in (output, (1, 1, 1, *output[3:]))
