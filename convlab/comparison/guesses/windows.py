"""Guesses about where the windows of a layer stand.

Where windows begin at the same cells and there are equally many of them, two paddings are one: it is tried once.
"""

from collections.abc import Iterator
from typing import Any

from convlab.comparison.suspect import Outputs, Suspect
from convlab.errors import ShapeError
from convlab.layers import Layer
from convlab.model.model import Node
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import Window
from convlab_kernels.window3d import Window3D

Pads = tuple[tuple[int, int], ...]
"""Cells (before, after) along each axis of an image or a volume."""
DILATIONS = (1, 2, 3, 4)


def padding_on_the_other_side(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Put the odd cell of an uneven padding at the top and the left."""
    pads = pads_of(node.layer, inputs)
    if pads and pads != turned(pads):
        yield "", node.layer.altered(padding=turned(pads))(*inputs)


def another_padding(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Put no cells around the image, as many as Keras' "same" does, or equally many on each side."""
    for words, pads in other_pads(node.layer, inputs):
        layer = node.layer.altered(padding=pads)
        if fits(suspect, node, layer, inputs):
            yield f": {words} instead of {_told(pads_of(node.layer, inputs))}", layer(*inputs)


def another_dilation(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Let a kernel look at every cell or at every second one; with its padding, or the one that keeps the size."""
    layer, pads = node.layer, pads_of(node.layer, inputs)
    if pads is None or not hasattr(layer, "dilation"):
        return
    window: Any = layer.window
    for dilation in DILATIONS:
        more = [(k - 1) * (dilation - d) for k, d in zip(window.kernel, window.dilation, strict=True)]
        kept = tuple((a + m // 2, b + m - m // 2) for (a, b), m in zip(pads, more, strict=True))
        for padding in dict.fromkeys((pads, kept)) if any(more) else ():
            other = layer.altered(dilation=dilation, padding=padding) if min(map(min, padding)) >= 0 else layer
            if other is not layer and fits(suspect, node, other, inputs):
                words = "" if padding == pads else f", with a padding of {_told(padding)}"
                yield f": {dilation} instead of {either(window.dilation)}{words}", other(*inputs)


# ---- what others ask of a window


def pads_of(layer: Layer, inputs: list[Array]) -> Pads | None:
    """Return the cells around the input; None for a layer that has no padding."""
    window: Any = layer.window
    if not isinstance(window, Window | Window3D) or not hasattr(layer, "padding"):
        return None
    pads: Pads = window.pads(inputs[0].shape[1:-1])
    return pads


def turned(pads: Pads) -> Pads:
    """Return the pads with those before an axis behind it, and the other way round."""
    return tuple(pair[::-1] for pair in pads)


def other_pads(layer: Layer, inputs: list[Array]) -> Iterator[tuple[str, Pads]]:
    """Yield (words, pads) with which windows stand otherwise than they do, and than they do with those turned."""
    pads = pads_of(layer, inputs)
    if pads is None:
        return
    window: Any = layer.window
    sizes = inputs[0].shape[1:-1]
    same = pads_of(layer.altered(padding="same"), inputs) or pads
    even = (tuple((n, n) if e > 1 else (0, 0) for e in window.extent) for n in range(1, max(window.extent)))
    seen = {_places(layer, each, sizes) for each in (pads, turned(pads))}
    named = (("none", ((0, 0),) * len(sizes)), (f'Keras\' "same" ({_told(same)})', same))
    for words, others in (*named, *((_told(each), each) for each in even)):
        if (places := _places(layer, others, sizes)) not in seen:
            seen.add(places)
            yield words, others


def fits(suspect: Suspect, node: Node, layer: Layer, inputs: list[Array]) -> bool:
    """Whether what comes out in the node's place has the shape that is wanted: at the end theirs, before it ours."""
    shape = _size(layer, inputs[0].shape[1:-1])
    if node.name == suspect.nodes[-1].name:
        return shape == suspect.theirs.shape[1:-1]
    return suspect.ours.shape != suspect.theirs.shape or shape == _size(node.layer, inputs[0].shape[1:-1])


def either(numbers: tuple[int, ...]) -> str:
    """Return the number, if there is but one."""
    return str(numbers[0]) if len(set(numbers)) == 1 else " x ".join(map(str, numbers))


def _places(layer: Layer, pads: Pads, sizes: Shape) -> tuple[tuple[int, ...], Shape | None]:
    """Return what tells windows with these pads from others: where the first begins, and how many there are."""
    return tuple(before for before, _ in pads), _size(layer.altered(padding=pads), sizes)


def _size(layer: Layer, sizes: Shape) -> Shape | None:
    window: Any = layer.window
    try:
        size: Shape = window.output_size(sizes)
    except ShapeError:
        return None
    return size


def _told(pads: Pads | None) -> str:
    if pads is None or not any(map(any, pads)):
        return "none"
    cells = {cell for pair in pads for cell in pair}
    return f"{cells.pop()} on each side" if len(cells) == 1 else ", ".join(f"({a}, {b})" for a, b in pads)
