"""Products with trained weights: convolutions and dense layers."""

from dataclasses import replace

import numpy as np

from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Layer,
    OneRow,
    SeparableConv2D,
)
from convlab.runtime.arrays import Array, Shape


@weighted_sum.register
def _convolution(layer: Conv2D, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    kernel = layer.weights["kernel"][..., channel]  # (KH, KW, C/groups)
    first = channel // (layer.filters // layer.groups) * kernel.shape[2]
    place = Position.of(layer.window, maps, y, x, range(first, first + kernel.shape[2]))
    return multiplied(layer, place, maps, kernel, channel)


@weighted_sum.register
def _dense(layer: Dense, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    place = Position(range(y, y + 1), range(x, x + 1), range(maps.shape[2]), (maps.shape[0], maps.shape[1]))
    return multiplied(layer, place, maps, layer.weights["kernel"][None, None, :, channel], channel)


@weighted_sum.register
def _depthwise(layer: DepthwiseConv2D, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    source, number = divmod(channel, layer.depth_multiplier)
    place = Position.of(layer.window, maps, y, x, range(source, source + 1))
    return multiplied(layer, place, maps, layer.weights["kernel"][:, :, source, number, None], channel)


@weighted_sum.register
def _separable(layer: SeparableConv2D, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    """Multiply the two kernels out: one convolution with the kernel (KH, KW, C) does what they do together."""
    depthwise, pointwise = (
        layer.weights[f"{part}_kernel"].astype(maps.dtype).astype(np.float64) for part in ("depthwise", "pointwise")
    )
    weights = depthwise * pointwise[0, 0, :, channel].reshape(depthwise.shape[2:])  # (C*M,) -> (C, M)
    place = Position.of(layer.window, maps, y, x, range(maps.shape[2]))
    total = multiplied(layer, place, maps, weights.sum(axis=3), channel)
    magnitude = float((np.abs(total.patch) * np.abs(weights).sum(axis=3)).sum()) + abs(total.bias)
    return replace(total, roundings=weights.size + 8, magnitude=magnitude)


@weighted_sum.register
def _transposed(layer: Conv2DTranspose, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    """Gather what a transposed convolution scatters: the cells whose windows cover the place, and their weights."""
    (rows, kernel_rows), (columns, kernel_columns) = _covering(layer, 0, y), _covering(layer, 1, x)
    # (KH, KW, O, C) -> (rows, columns, C)
    kernel = layer.weights["kernel"][:, :, channel][np.ix_(kernel_rows, kernel_columns)]
    place = Position(rows, columns, range(maps.shape[2]), (maps.shape[0], maps.shape[1]))
    return multiplied(layer, place, maps, kernel, channel)


def _covering(layer: Conv2DTranspose, axis: int, at: int) -> tuple[range, list[int]]:
    """Return the rows of the input that reach row `at` of the output, and with which row of the kernel each does.

    Row k of the kernel takes input i to i * stride + k * dilation - cut. Where none does, a row outside stands in.
    """
    window = layer.scatter
    reached = range(window.kernel[axis])
    pairs = sorted(
        (cells // window.stride[axis], k)
        for k in reached
        if (cells := at + window.cut[axis] - k * window.dilation[axis]) % window.stride[axis] == 0
    )
    rows, kernel_rows = zip(*pairs or [(-1, 0)], strict=True)
    step = rows[1] - rows[0] if len(rows) > 1 else 1
    return range(rows[0], rows[-1] + 1, step), list(kernel_rows)


@weighted_sum.register
def _one_row(layer: OneRow, maps: Array, y: int, x: int, channel: int, shape: Shape) -> WeightedSum:
    return weighted_sum(layer.inner, maps, y, x, channel, (1, *shape))


def multiplied(layer: Layer, place: Position, maps: Array, kernel: Array, channel: int) -> WeightedSum:
    """Return the cells at a place of maps times a kernel of as many, plus the bias of the layer's output channel."""
    patch, kernel = place.cells(maps), kernel.astype(maps.dtype).astype(np.float64)  # the input decides the type
    bias = float(layer.weights["bias"][channel].astype(maps.dtype)) if "bias" in layer.weights else 0.0
    with np.errstate(invalid="ignore"):  # a weight of 0 on an infinite cell is NaN, as in the layer
        products = patch * kernel
        formula = f"sum of {products.size:,} products {products.sum():.6g}"
    if "bias" in layer.weights:
        formula += f" + bias {bias:.6g}"
    return WeightedSum(
        place=place, patch=patch, kernel=kernel, products=products, bias=bias, formula=formula, trained=True
    )
