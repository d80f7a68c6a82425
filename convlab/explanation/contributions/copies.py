"""Layers that hand a value on, from the same place or another."""

from dataclasses import replace
from typing import Any

import numpy as np

from convlab.errors import UnsupportedError
from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import (
    Activation,
    CenterCrop,
    Cropping2D,
    DepthToSpace,
    ExpandDims,
    Flatten,
    Identity,
    Layer,
    Pad,
    Permute,
    RepeatVector,
    Reshape,
    Slice,
    Softmax,
    SpaceToDepth,
    Split,
    Squeeze,
    Take,
    UpSampling2D,
    ZeroPadding2D,
)
from convlab.layers.base import ONE_CELL
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import Window


@weighted_sum.register(Activation)
@weighted_sum.register(Softmax)
@weighted_sum.register(Identity)
def _single(layer: Layer, maps: Array, y: int, x: int, channel: int, shape: Shape) -> WeightedSum:
    if layer.window_on(shape) != ONE_CELL:
        raise UnsupportedError(f"layer {layer.name!r} is a softmax over places, which has no explanation")
    return _copied(Position.cell(maps, y, x, channel), maps)


@weighted_sum.register(ZeroPadding2D)
@weighted_sum.register(Cropping2D)
@weighted_sum.register(CenterCrop)
def _framed(
    layer: ZeroPadding2D | Cropping2D | CenterCrop, maps: Array, y: int, x: int, channel: int, shape: Shape
) -> WeightedSum:
    window = layer.window_on(shape)
    if not isinstance(window, Window):
        raise UnsupportedError(f"layer {layer.name!r} enlarges its input (bilinear): no explanation")
    return _copied(Position.of(window, maps, y, x, range(channel, channel + 1)), maps)


@weighted_sum.register(DepthToSpace)
@weighted_sum.register(ExpandDims)
@weighted_sum.register(Flatten)
@weighted_sum.register(Reshape)
@weighted_sum.register(Permute)
@weighted_sum.register(RepeatVector)
@weighted_sum.register(Slice)
@weighted_sum.register(SpaceToDepth)
@weighted_sum.register(Split)
@weighted_sum.register(Squeeze)
@weighted_sum.register(Take)
def _moved(layer: Layer, maps: Array, y: int, x: int, channel: int, shape: Shape) -> WeightedSum:
    """Follow the number: the layer is asked where it puts each place of its input."""
    return _copied(Position.cell(maps, *_origin(layer, maps, (y, x, channel), shape)), maps)


@weighted_sum.register
def _bordered(layer: Pad, maps: Array, y: int, x: int, channel: int, shape: Shape) -> WeightedSum:
    """Follow the number; a place in a border of one value comes from nowhere."""
    if layer.mode != "constant":
        return _moved(layer, maps, y, x, channel, shape)
    inside = layer.altered(value=-1.0)  # which is no place
    if (origin := _origin(inside, maps, (y, x, channel), shape)) is not None:
        return _copied(Position.cell(maps, *origin), maps)
    outside = _copied(Position(range(-1, 0), range(-1, 0), range(1), (maps.shape[0], maps.shape[1])), maps)
    return replace(outside, bias=layer.value)


def _origin(layer: Layer, maps: Array, at: tuple[int, int, int], shape: Shape) -> Any:
    """Return the place in maps (H, W, C) that a layer that only moves numbers takes one from, None for none."""
    places = np.arange(maps.size, dtype=np.float64).reshape(1, *shape)
    moved = layer(places)[0]
    place = int(moved.reshape(*(1,) * (3 - moved.ndim), *moved.shape)[at])
    return None if place < 0 else tuple(int(i) for i in np.unravel_index(place, maps.shape))


@weighted_sum.register
def _repeated(layer: UpSampling2D, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    if layer.interpolation != "nearest":
        raise UnsupportedError(f"layer {layer.name!r} interpolates ({layer.interpolation}): no explanation")
    return _copied(Position.cell(maps, y // layer.factors[0], x // layer.factors[1], channel), maps)


def _copied(place: Position, maps: Array) -> WeightedSum:
    patch, channel = place.cells(maps), place.channels[0]
    if place.padding.all():
        formula = "padding"
    elif place.size == (1, 1):
        formula = f"input unit {channel}"
    else:
        formula = f"input at row {place.rows[0]}, column {place.columns[0]}, channel {channel}"
    return WeightedSum(
        place=place, patch=patch, kernel=np.ones_like(patch), products=patch, formula=formula, roundings=0
    )
