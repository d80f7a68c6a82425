"""The sums, or the choices, of reductions."""

import numpy as np

from convlab.errors import UnsupportedError
from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import Reduce
from convlab.ops.axes import inner_axes
from convlab.runtime.arrays import Array, Shape

CHOOSING = {"max": "largest", "min": "smallest"}
ADDING = ("mean", "sum")


@weighted_sum.register
def _reduced(layer: Reduce, maps: Array, y: int, x: int, channel: int, shape: Shape) -> WeightedSum:
    place = _place(layer, maps, (y, x, channel), shape)
    patch = place.cells(maps)
    if layer.function in CHOOSING:
        return _chosen(place, patch, layer.function)
    if layer.function not in ADDING:
        raise UnsupportedError(f"layer {layer.name!r} is the {layer.function} of numbers, which is no weighted sum")
    count = patch.size if layer.function == "mean" else 1
    formula = f"sum of {patch.size:,} cells {patch.sum():.6g}" + (f" / {count:,}" if count > 1 else "")
    kernel = np.full_like(patch, 1 / count)
    # it is summed in float64
    return WeightedSum(place=place, patch=patch, kernel=kernel, products=patch * kernel, formula=formula, roundings=1)


def _place(layer: Reduce, maps: Array, at: tuple[int, int, int], shape: Shape) -> Position:
    """Return the cells of maps (H, W, C), or what is simpler, that go into one number."""
    rank = len(shape)
    axes = inner_axes(layer.axis, rank + 1)
    kept = rank if layer.keepdims else rank - len(axes)
    own = iter(at[3 - kept :])
    cells = []
    for axis, size in enumerate(shape, start=1):
        index = next(own) if layer.keepdims or axis not in axes else 0
        cells.append(range(size) if axis in axes else range(index, index + 1))
    rows, columns, channels = [range(1)] * (3 - rank) + cells
    return Position(rows, columns, channels, (maps.shape[0], maps.shape[1]))


def _chosen(place: Position, patch: Array, function: str) -> WeightedSum:
    chosen = patch.argmax() if function == "max" else patch.argmin()
    row, column, channel = (int(i) for i in np.unravel_index(int(chosen), patch.shape))
    kernel = np.zeros_like(patch)
    kernel[row, column, channel] = 1
    formula = (
        f"{CHOOSING[function]} of {patch.size:,} cells, at row {place.rows[row]}, column {place.columns[column]},"
        f" channel {place.channels[channel]}"
    )
    products = np.where(kernel == 1, patch, 0)
    return WeightedSum(place=place, patch=patch, kernel=kernel, products=products, formula=formula, roundings=0)
