"""What a layer adds up for one number: the cells under its window, their weights, and what is added to the sum.

Every layer here is a weighted sum of cells and a bias (a pooling's weights are 1 for the winner, or one over the
number of cells), so one form of explanation, and one picture, fits all of them.
"""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from convlab.arrays import Array
from convlab.errors import UnsupportedError
from convlab.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    ZeroPadding2D,
)
from convlab_kernels.window import Pair, Window


@dataclass(frozen=True)
class Place:
    """Where a window stands in its layer's input.

    Attributes
    ----------
    rows, columns, channels : range
        The cells it looks at; rows and columns outside `size` are padding.
    size : (int, int)
        Rows and columns of the input.
    """

    rows: range
    columns: range
    channels: range
    size: Pair

    @classmethod
    def of(cls, window: Window, maps: Array, y: int, x: int, channels: range) -> "Place":
        """Return the window's place over maps (H, W, C) for the output (y, x)."""
        size = (maps.shape[0], maps.shape[1])
        pads = window.pads(size)
        starts = [at * stride - before for at, stride, (before, _) in zip((y, x), window.stride, pads, strict=True)]
        rows, columns = (
            range(start, start + extent, step)
            for start, extent, step in zip(starts, window.extent, window.dilation, strict=True)
        )
        return cls(rows, columns, channels, size)

    @classmethod
    def cell(cls, maps: Array, y: int, x: int, channel: int) -> "Place":
        """Return the place of one cell of maps (H, W, C)."""
        return cls.of(Window((1, 1)), maps, y, x, range(channel, channel + 1))

    @property
    def padding(self) -> NDArray[np.bool_]:
        """Which cells (KH, KW) are padding."""
        sides = zip((self.rows, self.columns), self.size, strict=True)
        outside: NDArray[np.bool_] = np.logical_or.outer(*([k not in range(n) for k in cells] for cells, n in sides))
        return outside

    def cells(self, maps: Array) -> Array:
        """Return what the window sees of maps (H, W, C), in float64 (KH, KW, C); padding is 0."""
        rows, columns = (np.clip(r, 0, s - 1) for r, s in zip((self.rows, self.columns), self.size, strict=True))
        seen = maps[np.ix_(rows, columns, np.array(self.channels))].astype(np.float64)
        return np.where(self.padding[:, :, None], 0.0, seen)


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedSum:
    """What a layer computes for one unit before its activation function: sum of products + bias.

    Attributes
    ----------
    place : Place
        The cells of the layer's input.
    patch, kernel, products : float64 array (KH, KW, C)
        The cells' values (padding: 0), their weights, and what each adds to the sum: patch * kernel, except that
        batch normalisation takes the mean off first, and that cells which a pooling leaves out add nothing.
    bias : float
        What is added to the sum of products.
    formula : str
        The same in words and numbers, without the result.
    trained : bool
        Whether the kernel is the layer's own weights; a pooling's is only its choice of cells.
    winner : (int, int) or None
        Where in the patch a max pooling found its largest cell.
    """

    place: Place
    patch: Array
    kernel: Array
    products: Array
    bias: float = 0.0
    formula: str
    trained: bool = False
    winner: Pair | None = None

    @property
    def channel_sums(self) -> Array:
        """The products' sum in each input channel: (C,)."""
        sums: Array = self.products.sum(axis=(0, 1))
        return sums

    @property
    def before(self) -> float:
        """The sum of the products and the bias: the value before the activation function."""
        return float(self.products.sum()) + self.bias

    def rounding(self, unit: float) -> float:
        """Return how far off a sum may be that was computed, in any order, with unit roundoff `unit`.

        Higham, "Accuracy and Stability of Numerical Algorithms" (2nd edition), section 3.1: gamma of the roundings
        on a product's way, times the magnitudes. Batch normalisation has eight beside the additions, others fewer.
        """
        roundings = (self.products.size + 8) * unit
        return float(roundings / (1 - roundings) * (np.abs(self.products).sum() + abs(self.bias)))


@singledispatch
def weighted_sum(layer: Layer, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    """Return what the layer adds up of its input, maps (H, W, C), for its output (y, x, channel)."""
    known = ", ".join(kind.__name__ for kind in weighted_sum.registry if kind not in (object, Layer))
    raise UnsupportedError(f"layer {layer.name!r} is a {type(layer).__name__}, which explain does not know: {known}")


@weighted_sum.register
def _convolution(layer: Conv2D, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    kernel = layer.weights["kernel"][..., channel]  # (KH, KW, C/groups)
    first = channel // (layer.filters // layer.groups) * kernel.shape[2]
    place = Place.of(layer.window, maps, y, x, range(first, first + kernel.shape[2]))
    return _multiplied(layer, place, maps, kernel, channel)


@weighted_sum.register
def _dense(layer: Dense, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    place = Place(range(1), range(1), range(maps.shape[2]), (1, 1))
    return _multiplied(layer, place, maps, layer.weights["kernel"][None, None, :, channel], channel)


def _multiplied(layer: Layer, place: Place, maps: Array, kernel: Array, channel: int) -> WeightedSum:
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


@weighted_sum.register
def _largest_in_window(layer: MaxPooling2D, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    return _largest(Place.of(layer.window, maps, y, x, _one(channel)), maps)


@weighted_sum.register
def _largest_of_all(layer: GlobalMaxPooling2D, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    return _largest(_everywhere(maps, channel), maps)


@weighted_sum.register
def _mean_in_window(layer: AveragePooling2D, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    return _mean(Place.of(layer.window, maps, y, x, _one(channel)), maps)


@weighted_sum.register
def _mean_of_all(layer: GlobalAveragePooling2D, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    return _mean(_everywhere(maps, channel), maps)


def _one(channel: int) -> range:
    return range(channel, channel + 1)


def _everywhere(maps: Array, channel: int) -> Place:
    height, width, _ = maps.shape
    return Place(range(height), range(width), _one(channel), (height, width))


def _largest(place: Place, maps: Array) -> WeightedSum:
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
    )


def _mean(place: Place, maps: Array) -> WeightedSum:
    patch = place.cells(maps)
    inside = ~place.padding[:, :, None]
    kernel = inside / inside.sum()
    formula = f"sum of {inside.sum():,} cells {patch.sum():.6g} / {inside.sum():,}"
    return WeightedSum(place=place, patch=patch, kernel=kernel, products=patch * kernel, formula=formula)


@weighted_sum.register
def _normalised(layer: BatchNormalization, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    w = {name: float(weight[channel].astype(maps.dtype)) for name, weight in layer.weights.items()}
    value, scale = float(maps[y, x, channel]), w["gamma"] / np.sqrt(w["moving_variance"] + layer.epsilon)
    formula = (
        f"(input {value:.6g} - mean {w['moving_mean']:.6g}) / sqrt(variance {w['moving_variance']:.6g}"
        f" + epsilon {layer.epsilon:g}) x gamma {w['gamma']:.6g} + beta {w['beta']:.6g}"
    )
    return WeightedSum(
        place=Place.cell(maps, y, x, channel),
        patch=np.array([[[value]]]),
        kernel=np.array([[[scale]]]),
        products=np.array([[[(value - w["moving_mean"]) * scale]]]),
        bias=w["beta"],
        formula=formula,
    )


@weighted_sum.register
def _single(layer: Activation, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    return _copied(Place.cell(maps, y, x, channel), maps)


@weighted_sum.register
def _framed(layer: ZeroPadding2D, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    return _copied(Place.of(layer.window, maps, y, x, _one(channel)), maps)


@weighted_sum.register
def _flattened(layer: Flatten, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    row, column, depth = (int(i) for i in np.unravel_index(channel, maps.shape))
    return _copied(Place.cell(maps, row, column, depth), maps)


def _copied(place: Place, maps: Array) -> WeightedSum:
    patch, channel = place.cells(maps), place.channels[0]
    if place.padding.all():
        formula = "padding"
    elif place.size == (1, 1):
        formula = f"input unit {channel}"
    else:
        formula = f"input at row {place.rows[0]}, column {place.columns[0]}, channel {channel}"
    return WeightedSum(place=place, patch=patch, kernel=np.ones_like(patch), products=patch, formula=formula)
