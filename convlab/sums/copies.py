"""Layers that hand a value on, from the same place or another."""

import numpy as np

from convlab.arrays import Array
from convlab.errors import UnsupportedError
from convlab.layers import (
    Activation,
    CenterCrop,
    Cropping2D,
    Flatten,
    Identity,
    Layer,
    Permute,
    RepeatVector,
    Reshape,
    Softmax,
    UpSampling2D,
    ZeroPadding2D,
)
from convlab.sums.base import WeightedSum, weighted_sum
from convlab.sums.place import Place
from convlab_kernels.window import Window


@weighted_sum.register(Activation)
@weighted_sum.register(Softmax)
@weighted_sum.register(Identity)
def _single(layer: Layer, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    if layer.window is None:
        raise UnsupportedError(f"layer {layer.name!r} is a softmax over places, which has no explanation")
    return _copied(Place.cell(maps, y, x, channel), maps)


@weighted_sum.register(ZeroPadding2D)
@weighted_sum.register(Cropping2D)
@weighted_sum.register(CenterCrop)
def _framed(layer: ZeroPadding2D | Cropping2D | CenterCrop, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    if not isinstance(layer.window, Window):
        raise UnsupportedError(f"layer {layer.name!r} enlarges its input (bilinear): no explanation")
    return _copied(Place.of(layer.window, maps, y, x, range(channel, channel + 1)), maps)


@weighted_sum.register(Flatten)
@weighted_sum.register(Reshape)
@weighted_sum.register(Permute)
@weighted_sum.register(RepeatVector)
def _moved(layer: Layer, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    """Follow the number: the layer is asked where it puts each place of its input."""
    rank = len(layer.input_shape)  # its shape may be that of another call
    places = np.arange(maps.size, dtype=np.float64).reshape(1, *maps.shape[3 - rank :])
    moved = layer(places)[0]
    place = moved.reshape(*(1,) * (3 - moved.ndim), *moved.shape)[y, x, channel]
    return _copied(Place.cell(maps, *(int(i) for i in np.unravel_index(int(place), maps.shape))), maps)


@weighted_sum.register
def _repeated(layer: UpSampling2D, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    if layer.interpolation != "nearest":
        raise UnsupportedError(f"layer {layer.name!r} interpolates ({layer.interpolation}): no explanation")
    return _copied(Place.cell(maps, y // layer.factors[0], x // layer.factors[1], channel), maps)


def _copied(place: Place, maps: Array) -> WeightedSum:
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
