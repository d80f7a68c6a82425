"""Guesses about pooling: what it takes of a window, what its padding is to it, and where its windows end."""

from collections.abc import Iterator
from dataclasses import fields
from itertools import product
from typing import Any

from convlab import ops
from convlab.comparison.guesses.windows import Pads, fits, other_pads, pads_of, turned
from convlab.comparison.suspect import Outputs, Suspect
from convlab.layers import (
    AveragePooling2D,
    AveragePooling3D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    Layer,
    MaxPooling2D,
    MaxPooling3D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from convlab.layers.base import Pooling
from convlab.model.model import Node
from convlab.runtime.arrays import Array

PAIRS = (
    (MaxPooling2D, AveragePooling2D),
    (MaxPooling3D, AveragePooling3D),
    (GlobalMaxPooling2D, GlobalAveragePooling2D),
    (GlobalMaxPooling3D, GlobalAveragePooling3D),
)
OTHERS = dict(PAIRS) | {average: largest for largest, average in PAIRS}


def zeros_compete(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Let the cells of the padding take part in max pooling as zeros."""
    if isinstance(node.layer, MaxPooling2D | MaxPooling3D):
        yield from _zeros_alone(node.layer, inputs)


def zeros_count(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Count the cells of the padding in average pooling."""
    if isinstance(node.layer, AveragePooling2D | AveragePooling3D):
        yield from _zeros_alone(node.layer, inputs)


def zeros_left_out(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Let the cells that a layer before adds be the pooling's own padding, which counts for nothing."""
    before = next((other for other in suspect.nodes if other.name in node.inputs), None)
    if before is None or not isinstance(node.layer, Pooling) or pads_of(node.layer, inputs) is None:
        return
    if not isinstance(before.layer, ZeroPadding2D | ZeroPadding3D):
        return
    window: Any = before.layer.window
    pads: Any = window.padding
    crop: Any = ops.crop2d if len(pads) == 2 else ops.crop3d
    yield f" ({before.name})", node.layer.altered(padding=pads)(crop(inputs[0], pads))


def windows_hang_over(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Count a window that hangs over the end, as PyTorch does with ceil_mode."""
    pads = pads_of(node.layer, inputs)
    if pads and isinstance(node.layer, Pooling):
        yield from _pooled(suspect, node, inputs, node.layer, pads, zeros=False, over=True)


def the_other_pooling(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Take the mean for the largest value, or the largest value for the mean."""
    if other := _other(node.layer):
        yield f": {other.kind} instead of {node.layer.kind}", other(*inputs)


def several_in_pooling(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Change two things at once, or three: where windows stand and end, what they take, what padding is to them."""
    pads, kinds = pads_of(node.layer, inputs), _kinds(node.layer)
    if pads is None or not isinstance(node.layer, Pooling):
        return
    stands = [("", pads), *_moved(node.layer, inputs)]
    for (where, moved), (what, layer), over, zeros in product(stands, kinds, (False, True), (False, True)):
        words = [where, what, "a window hangs over the end" * over, "the padding's zeros are part of it" * zeros]
        if len(told := [part for part in words if part]) > 1:
            for _, pooled in _pooled(suspect, node, inputs, layer, moved, zeros, over):
                yield f"{', '.join(told[:-1])} and {told[-1]}", pooled


def _kinds(layer: Layer) -> list[tuple[str, Layer]]:
    other = _other(layer)
    return [("", layer)] + ([(f"it is {other.kind} instead of {layer.kind}", other)] if other else [])


def _moved(layer: Layer, inputs: list[Array]) -> Iterator[tuple[str, Pads]]:
    pads = pads_of(layer, inputs)
    if pads and pads != turned(pads):
        yield "the odd cell of the padding is at the top and left", turned(pads)
    for words, others in other_pads(layer, inputs):
        yield f"its padding is {words}", others


def _other(layer: Layer) -> Layer | None:
    """Return the same pooling with the mean for the largest value, or the other way round."""
    kind: Any = OTHERS.get(type(layer))
    return kind and kind(**{part.name: getattr(layer, part.name) for part in fields(kind) if part.init})


def _zeros_alone(layer: Layer, inputs: list[Array]) -> Outputs:
    pads = pads_of(layer, inputs)
    if pads and any(map(any, pads)):
        yield "", layer.altered(padding="valid")(_with_zeros(inputs[0], pads))


def _pooled(
    suspect: Suspect, node: Node, inputs: list[Array], layer: Layer, pads: Pads, zeros: bool, over: bool
) -> Outputs:
    """Pool with such pads, of zeros that are seen or of nothing, and with a window over the end or none."""
    if zeros and not any(map(any, pads)):
        return
    hanging = _hanging(layer, pads, inputs[0]) if over else ((0, 0),) * len(pads)
    if over and not any(map(any, hanging)):
        return
    whole = tuple((a + c, b + d) for (a, b), (c, d) in zip(pads, hanging, strict=True))
    if not fits(suspect, node, layer.altered(padding=whole), inputs):
        return
    if zeros:
        yield "", layer.altered(padding=hanging)(_with_zeros(inputs[0], pads))
    else:
        yield "", layer.altered(padding=whole)(inputs[0])


def _hanging(layer: Layer, pads: Pads, x: Array) -> Pads:
    """Return the cells behind the padding that one window more needs; it must begin before that padding."""
    window: Any = layer.window
    hanging = []
    for size, (before, after), kernel, stride in zip(x.shape[1:-1], pads, window.kernel, window.stride, strict=True):
        left = (size + before + after - kernel) % stride
        begins = size + before + after - kernel - left + stride
        hanging.append((0, stride - left if left and begins < size + before else 0))
    return tuple(hanging)


def _with_zeros(x: Array, pads: Any) -> Array:
    return ops.zero_pad2d(x, pads) if len(pads) == 2 else ops.zero_pad3d(x, pads)
