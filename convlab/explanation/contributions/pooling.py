"""The choices and means of pooling."""

from dataclasses import replace

import numpy as np

from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from convlab.runtime.arrays import Array, Shape


@weighted_sum.register
def _largest_in_window(layer: MaxPooling2D, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    return _largest(Position.of(layer.window, maps, y, x, _one(channel)), maps)


@weighted_sum.register
def _largest_of_all(layer: GlobalMaxPooling2D, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    return _largest(_everywhere(maps, channel), maps)


@weighted_sum.register
def _mean_in_window(layer: AveragePooling2D, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    return _mean(Position.of(layer.window, maps, y, x, _one(channel)), maps)


@weighted_sum.register
def _mean_of_all(layer: GlobalAveragePooling2D, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    return replace(_mean(_everywhere(maps, channel), maps), roundings=1)  # it is summed in float64


def _one(channel: int) -> range:
    return range(channel, channel + 1)


def _everywhere(maps: Array, channel: int) -> Position:
    height, width, _ = maps.shape
    return Position(range(height), range(width), _one(channel), (height, width))


def _largest(place: Position, maps: Array) -> WeightedSum:
    patch = place.cells(maps)
    inside = np.argwhere(~place.padding)
    row, column = (int(i) for i in inside[np.argmax(patch[~place.padding, 0])])
    kernel = np.zeros_like(patch)
    kernel[row, column] = 1
    return WeightedSum(
        place=place,
        patch=patch,
        kernel=kernel,
        products=np.where(kernel == 1, patch, 0),
        formula=f"largest of {len(inside):,} cells, at row {place.rows[row]}, column {place.columns[column]}",
        winner=(row, column),
        roundings=0,
    )


def _mean(place: Position, maps: Array) -> WeightedSum:
    patch = place.cells(maps)
    inside = ~place.padding[:, :, None]
    kernel = inside / inside.sum()
    formula = f"sum of {inside.sum():,} cells {patch.sum():.6g} / {inside.sum():,}"
    return WeightedSum(place=place, patch=patch, kernel=kernel, products=patch * kernel, formula=formula)
