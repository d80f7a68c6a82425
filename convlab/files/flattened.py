"""The layers behind a Flatten, and what was flattened: the order of their rows is not in their shapes.

Where Keras has (H, W, C), PyTorch has (C, H, W): an image that becomes a vector has its numbers in another order, and
so have the weights behind it. The order is followed from layer to layer; where it is lost, that is said, not guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from convlab.files.weight_specs import Image, Rows
from convlab.layers import (
    Dense,
    Dot,
    Flatten,
    Lambda,
    Layer,
    Permute,
    TimeDistributed,
)
from convlab.layers.merging import Joining
from convlab.model.graph import Graph
from convlab.runtime.arrays import Shape


@dataclass(frozen=True)
class Permuted:
    """An image in another order of axes: which of (H, W, C) each is."""

    axes: tuple[int, ...]


# a vector in the order of an image; a permuted image; lost behind the layer in the text; None: as layers make them
Order: TypeAlias = Rows | Permuted | None


def flattened(graph: Graph) -> dict[str, Rows]:
    """Return, for each layer that is fed what a Flatten layer made, the (H, W, C) that was flattened.

    Dropout, an activation or a normalisation between them keep the order. Where a network flattens channels first,
    its weights are in PyTorch's order already. Where the order cannot be told, the value is a text that names the
    layer behind which it is lost.
    """
    orders: dict[str, Order] = dict.fromkeys(graph.inputs)
    fed: dict[str, Rows] = {}
    seen: dict[str, Order] = {}
    for node in graph.nodes:
        arriving = [orders[source] for source in node.inputs]
        lost = f"{node.name!r} ({node.layer.kind})"
        orders[node.name] = _order(node.layer, arriving, node.input_shapes, node.output_shape, lost)
        order = arriving[0]
        if seen.setdefault(node.layer.name, order) != order:  # one layer, fed in two orders
            order = lost
        if order is not None and not isinstance(order, Permuted):
            fed[node.layer.name] = order
    return fed


def _order(layer: Layer, arriving: Sequence[Order], shapes: Sequence[Shape], made: Shape, lost: str) -> Order:
    """Return the order of a layer's output."""
    order = next((one for one in arriving if isinstance(one, str)), arriving[0])
    if isinstance(order, str):
        return order
    inner = _innermost(layer)
    if isinstance(inner, Lambda) or (inner is not layer and (inner.reshapes or isinstance(inner, Permute))):
        return lost  # what it does nobody knows; and steps have no place in an order
    if len(arriving) > 1:
        return _merged(inner, order, all(one == order for one in arriving), made, lost)
    if inner.keeps_order or (isinstance(inner, Dense) and len(made) > 1):
        return order
    return _moved(inner, order, shapes[0], made, lost)


def _innermost(layer: Layer) -> Layer:
    while isinstance(layer, TimeDistributed):
        layer = layer.inner
    return layer


def _merged(layer: Layer, order: Image | Permuted | None, alike: bool, made: Shape, lost: str) -> Order:
    """Return the order of the output of a layer that merges inputs, which are in one order or not."""
    if alike and isinstance(layer, Dot) and len(made) == 1:
        return None  # a sum over all of them is the same in any order
    return order if alike and (order is None or not isinstance(layer, Joining)) else lost


def _moved(layer: Layer, order: Image | Permuted | None, shape: Shape, made: Shape, lost: str) -> Order:
    """Return the order of the output of a layer that puts numbers elsewhere, or makes new ones."""
    if isinstance(layer, Permute):
        return _permuted(layer, order)
    if layer.reshapes:
        return _vector(layer, order, shape, lost) if len(made) == 1 else _image(order, shape, made, lost)
    if order is None or any(role.endswith("kernel") for role in layer.shapes):  # channels that the layer itself makes
        return None
    return lost


def _permuted(layer: Permute, order: Image | Permuted | None) -> Order:
    straight = tuple(range(len(layer.dims)))
    if len(straight) == 1 or (order is None and len(straight) > 3 and tuple(layer.dims[:2]) == (1, 2)):
        return order  # with H and W in front, it is about channels alone
    before = order.axes if isinstance(order, Permuted) else straight
    axes = tuple(before[axis - 1] for axis in layer.dims)
    return None if axes == straight else Permuted(axes)


def _vector(layer: Layer, order: Image | Permuted | None, shape: Shape, lost: str) -> Order:
    """Return the order of a vector made of `shape`; None where it is PyTorch's own."""
    if len(shape) == 1:
        return order
    first = isinstance(layer, Flatten) and layer.channels_first
    if isinstance(order, Permuted):
        return None if order.axes == (len(shape) - 1, *range(len(shape) - 1)) and not first else lost
    if len(shape) > 4:
        return lost
    return None if first or _is_one_row(shape) else (*(1,) * (3 - len(shape)), *shape)


def _image(order: Image | Permuted | None, shape: Shape, made: Shape, lost: str) -> Order:
    """Return the order of an image made of other numbers than an image's; None where it is as layers make them."""
    if len(shape) == 1:
        return None if order == made or (order is None and _is_one_row(made)) else lost
    keeps = made[-1] == shape[-1] or (len(shape) > 2 and made[:2] == shape[:2])
    return None if order is None and keeps else lost


def _is_one_row(shape: Shape) -> bool:
    """Tell whether channels first and channels last are one order."""
    return shape[-1] == 1 or prod(shape[:-1]) == 1
