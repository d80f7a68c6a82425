"""Guesses about layers that make images larger: how they interpolate, and what a transposed convolution cuts off."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from convlab import ops
from convlab.comparison.guesses.windows import either
from convlab.comparison.suspect import Outputs, Suspect
from convlab.errors import ShapeError
from convlab.layers import Conv2DTranspose, Conv3DTranspose, Resizing, UpSampling2D
from convlab.model.model import Node
from convlab.runtime.arrays import Array, Shape


def another_interpolation(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Interpolate by another rule; or with the outermost centres of old and new cells over each other."""
    layer = node.layer
    if not isinstance(layer, UpSampling2D | Resizing):
        return
    own, (x,) = layer.interpolation, inputs
    for other in ops.INTERPOLATIONS:
        if other != own:
            yield f": {other} instead of {own}", layer.altered(interpolation=other)(x)
    size = layer.infer_shape(x.shape[1:])[:2]
    yield (
        ": bilinear, with align_corners" + f" instead of {own}" * (own != "bilinear"),
        _with_aligned_corners(x, size),
    )


def _with_aligned_corners(x: Array, size: Shape) -> Array:
    """Return x (N, H, W, C) in another size, bilinear: cell i of m lies over centre i * (n - 1) / (m - 1) of n.

    In float32, as frameworks compute the place: rounding it moves a cell by more than rounding the sum does.
    """
    for axis, cells in enumerate(size, start=1):
        n = x.shape[axis]
        at = np.arange(cells, dtype=np.float32) * np.float32((n - 1) / max(cells - 1, 1))
        low = at.astype(int).clip(0, n - 1)
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        above = x.take((low + 1).clip(0, n - 1), axis)
        x = (x.take(low, axis) * (1 - share) + above * share).astype(x.dtype)
    return x


def another_cut(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Leave other cells out at the sides of what a transposed convolution scatters."""
    layer = node.layer
    if not isinstance(layer, Conv2DTranspose | Conv3DTranspose):
        return
    sizes, wanted = inputs[0].shape[1:-1], _wanted(suspect, node, inputs)
    for words, options in _cuts(layer, sizes, wanted):
        other: Any = layer.altered(**options)
        if other.scatter != layer.scatter:
            yield f": {words}", other(*inputs)


def _wanted(suspect: Suspect, node: Node, inputs: list[Array]) -> Shape:
    """Return the size that is to come out: at the end theirs, before it ours."""
    if node.name == suspect.nodes[-1].name:
        return suspect.theirs.shape[1:-1]
    size: Shape = node.layer.infer_shape(*(x.shape[1:] for x in inputs))[:-1]
    return size


def _cuts(layer: Any, sizes: Shape, wanted: Shape) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (words, options) that give the size: Keras' two ways, then PyTorch's padding and output_padding."""
    for padding in ("valid", "same"):
        if _size(layer.altered(padding=padding, output_padding=None), sizes) == wanted:
            yield f'Keras\' padding "{padding}"', {"padding": padding, "output_padding": None}
    scatter = layer.altered(padding="valid", output_padding=0).scatter
    whole = [(n - 1) * s + reach for n, s, reach in zip(sizes, scatter.stride, scatter.reach, strict=True)]
    ways = [  # along each axis
        [(p, more) for p in range(uncut) if 0 <= (more := out - uncut + 2 * p) < stride]
        for out, uncut, stride in zip(wanted, whole, scatter.stride, strict=True)
    ]
    for way in product(*ways):
        cut, more = (tuple(cells) for cells in zip(*way, strict=True))
        words = f"padding {either(cut)}, output_padding {either(more)}"
        yield words, {"padding": tuple((cells, cells) for cells in cut), "output_padding": more}


def _size(layer: Any, sizes: Shape) -> Shape | None:
    try:
        size: Shape = layer.scatter.output_size(sizes)
    except ShapeError:
        return None
    return size
