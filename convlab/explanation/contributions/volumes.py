"""The sums of layers on volumes: the cells of each slice under the window side by side, as channels are."""

from dataclasses import replace
from functools import singledispatch

import numpy as np

from convlab.errors import UnsupportedError
from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.explanation.contributions.products import multiplied
from convlab.layers import (
    ELU,
    Activation,
    AveragePooling3D,
    BatchNormalization,
    Conv3D,
    Cropping3D,
    Flatten,
    GlobalAveragePooling3D,
    GlobalMaxPooling3D,
    Identity,
    Layer,
    LayerScale,
    LeakyReLU,
    MaxPooling3D,
    ReLU,
    Softmax,
    ThresholdedReLU,
    UpSampling3D,
    ZeroPadding3D,
)
from convlab.layers.base import ONE_CELL
from convlab.runtime.arrays import Array
from convlab_kernels.window3d import Triple


@singledispatch
def volume_sum(layer: Layer, volume: Array, at: Triple, channel: int) -> WeightedSum:
    """Return what the layer adds up of its input, a volume (D, H, W, C), for its output (z, y, x, channel)."""
    known = sorted(kind.__name__ for kind in volume_sum.registry if kind is not object)
    raise UnsupportedError(
        f"layer {layer.name!r} is a {layer.kind} on a volume, which explain does not know: it knows"
        f" {', '.join(known)}, and merging value by value"
    )


@volume_sum.register(Activation)
@volume_sum.register(BatchNormalization)
@volume_sum.register(ELU)
@volume_sum.register(Identity)
@volume_sum.register(LayerScale)
@volume_sum.register(LeakyReLU)
@volume_sum.register(ReLU)
@volume_sum.register(Softmax)
@volume_sum.register(ThresholdedReLU)
def _in_its_slice(layer: Layer, volume: Array, at: Triple, channel: int) -> WeightedSum:
    """Look at one cell, or at the channels of one place: the rule is the same everywhere."""
    if layer.window_on(volume.shape) != ONE_CELL:
        return volume_sum.dispatch(object)(layer, volume, at, channel)
    z, y, x = at
    total = weighted_sum(layer, volume[z], y, x, channel, volume.shape)
    return replace(total, place=replace(total.place, slices=range(z, z + 1), depth=len(volume)))


@volume_sum.register
def _convolution(layer: Conv3D, volume: Array, at: Triple, channel: int) -> WeightedSum:
    kernel = layer.weights["kernel"][..., channel]  # (KD, KH, KW, C/groups)
    first = channel // (layer.filters // layer.groups) * kernel.shape[3]
    place = Position.in_volume(layer.window, volume, at, range(first, first + kernel.shape[3]))
    inside = [i for i, z in enumerate(place.walk) if z in range(len(volume))]
    # (slices, KH, KW, C/groups) -> (KH, KW, slices * C/groups)
    kernel = np.moveaxis(kernel[inside], 0, 2).reshape(*kernel.shape[1:3], len(inside) * kernel.shape[3])
    return multiplied(layer, place, volume, kernel, channel)


@volume_sum.register
def _largest_in_window(layer: MaxPooling3D, volume: Array, at: Triple, channel: int) -> WeightedSum:
    return _largest(Position.in_volume(layer.window, volume, at, range(channel, channel + 1)), volume)


@volume_sum.register
def _largest_of_all(layer: GlobalMaxPooling3D, volume: Array, at: Triple, channel: int) -> WeightedSum:
    return _largest(_everywhere(volume, channel), volume)


@volume_sum.register
def _mean_in_window(layer: AveragePooling3D, volume: Array, at: Triple, channel: int) -> WeightedSum:
    return _mean(Position.in_volume(layer.window, volume, at, range(channel, channel + 1)), volume)


@volume_sum.register
def _mean_of_all(layer: GlobalAveragePooling3D, volume: Array, at: Triple, channel: int) -> WeightedSum:
    return replace(_mean(_everywhere(volume, channel), volume), roundings=1)  # it is summed in float64


@volume_sum.register
def _flattened(layer: Flatten, volume: Array, at: Triple, channel: int) -> WeightedSum:
    """Follow the number: the layer is asked where it puts each place of its input."""
    moved = layer(np.arange(volume.size, dtype=np.float64).reshape(1, *volume.shape))[0]
    z, y, x, c = (int(i) for i in np.unravel_index(int(moved[channel]), volume.shape))
    return _copied(volume, (z, y, x), c)


@volume_sum.register
def _repeated(layer: UpSampling3D, volume: Array, at: Triple, channel: int) -> WeightedSum:
    z, y, x = (i // times for i, times in zip(at, layer.factors, strict=True))
    return _copied(volume, (z, y, x), channel)


@volume_sum.register(ZeroPadding3D)
@volume_sum.register(Cropping3D)
def _framed(layer: ZeroPadding3D | Cropping3D, volume: Array, at: Triple, channel: int) -> WeightedSum:
    place = Position.in_volume(layer.window, volume, at, range(channel, channel + 1))
    if not place.outside[0]:
        return _copied(volume, (place.walk[0], place.rows[0], place.columns[0]), channel)
    zero = np.zeros((1, 1, 1))
    return WeightedSum(place=place, patch=zero, kernel=zero, products=zero, formula="padding", roundings=0)


def _copied(volume: Array, at: Triple, channel: int) -> WeightedSum:
    z, y, x = at
    place = replace(Position.cell(volume[z], y, x, channel), slices=range(z, z + 1), depth=len(volume))
    patch = place.cells(volume)
    formula = f"input at slice {z}, row {y}, column {x}, channel {channel}"
    return WeightedSum(
        place=place, patch=patch, kernel=np.ones_like(patch), products=patch, formula=formula, roundings=0
    )


def _everywhere(volume: Array, channel: int) -> Position:
    depth, height, width, _ = volume.shape
    size = height, width
    return Position(range(height), range(width), range(channel, channel + 1), size, range(depth), depth)


def _largest(place: Position, volume: Array) -> WeightedSum:
    patch = place.cells(volume)
    inside = np.argwhere(~np.repeat(place.padding[:, :, None], patch.shape[2], axis=2))
    row, column, i = (int(n) for n in inside[np.argmax(patch[tuple(inside.T)])])
    kernel = np.zeros_like(patch)
    kernel[row, column, i] = 1
    where = f"slice {place.inside[i]}, row {place.rows[row]}, column {place.columns[column]}"
    return WeightedSum(
        place=place,
        patch=patch,
        kernel=kernel,
        products=np.where(kernel == 1, patch, 0),
        formula=f"largest of {len(inside):,} cells, at {where}",
        roundings=0,
    )


def _mean(place: Position, volume: Array) -> WeightedSum:
    patch = place.cells(volume)
    count = int((~place.padding).sum()) * patch.shape[2]
    kernel = np.repeat(~place.padding[:, :, None], patch.shape[2], axis=2) / count
    formula = f"sum of {count:,} cells {patch.sum():.6g} / {count:,}"
    return WeightedSum(place=place, patch=patch, kernel=kernel, products=patch * kernel, formula=formula)
