"""Layers that merge: the cells are those of one place in every input, side by side."""

from dataclasses import replace

import numpy as np

from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import Add, Average, CustomScaleLayer, Maximum, Minimum, Multiply, Subtract
from convlab.runtime.arrays import Array, Shape


@weighted_sum.register
def _added(layer: Add, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    return _weighed(maps, y, x, np.ones(maps.shape[2]), f"sum of {maps.shape[2]} inputs")


@weighted_sum.register
def _subtracted(layer: Subtract, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    return _weighed(maps, y, x, np.array([1.0, -1.0]), "the first input minus the second")


@weighted_sum.register
def _scaled(layer: CustomScaleLayer, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    scale = float(maps.dtype.type(layer.scale))
    return _weighed(maps, y, x, np.array([1.0, scale]), f"the first input plus {scale:.6g} times the second")


@weighted_sum.register
def _averaged(layer: Average, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    count = maps.shape[2]
    return _weighed(maps, y, x, np.full(count, 1 / count), f"mean of {count} inputs")


@weighted_sum.register
def _multiplied(layer: Multiply, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    """Take the product for one product: the first input, with all the others as its weight."""
    first, *others = maps[y, x].astype(np.float64)
    weight = np.zeros(maps.shape[2])
    weight[0] = np.prod(others)
    numbers = " x ".join(f"{value:.6g}" for value in (first, *others))
    total = _weighed(maps, y, x, weight, f"product of {maps.shape[2]} inputs {numbers}")
    rest = np.zeros(maps.shape[2] - 1)  # they are in the weight
    return replace(total, products=np.array([[[total.products[0, 0, 0], *rest]]]))


@weighted_sum.register
def _largest(layer: Maximum, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    return _chosen(maps, y, x, int(np.argmax(maps[y, x])), "largest")


@weighted_sum.register
def _smallest(layer: Minimum, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    return _chosen(maps, y, x, int(np.argmin(maps[y, x])), "smallest")


def _chosen(maps: Array, y: int, x: int, number: int, which: str) -> WeightedSum:
    weights = np.zeros(maps.shape[2])
    weights[number] = 1
    total = _weighed(maps, y, x, weights, f"{which} of the inputs, number {number + 1} of {maps.shape[2]},")
    return replace(total, products=np.where(total.kernel == 1, total.patch, 0.0), roundings=0)


def _weighed(maps: Array, y: int, x: int, weights: Array, formula: str) -> WeightedSum:
    """Return a sum over one place (n,) of maps (H, W, n), which are the n inputs' maps of one channel."""
    place = Position(range(y, y + 1), range(x, x + 1), range(maps.shape[2]), (maps.shape[0], maps.shape[1]))
    patch, kernel = place.cells(maps), weights[None, None]
    with np.errstate(invalid="ignore"):  # a weight of 0 on an infinite cell is NaN, as in the layer
        products = patch * kernel
    return WeightedSum(place=place, patch=patch, kernel=kernel, products=products, formula=formula)
