"""Functions of numbers: the cells are those of one place in every input, side by side, as in layers that merge."""

import numpy as np

from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import Elementwise
from convlab.ops.elementwise import elementwise
from convlab.runtime.arrays import Array, Shape

BETWEEN = {"add": "+", "divide": "/", "multiply": "x", "power": "^", "subtract": "-"}
TERMS = {"add": (1.0, 1.0), "subtract": (1.0, -1.0)}
OWN = 16
"""Roundings between two values of a function: NumPy errs by up to 4 units in the last place, in vectors otherwise."""


@weighted_sum.register
def _function(layer: Elementwise, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    """Take a sum for a sum; of any other function, ask for its value, and lay it all to the first input."""
    given = iter(maps[y, x])
    operands = [next(given) if one is None else _constant(one, (y, x, channel), maps) for one in layer.operands]
    are_inputs = np.array([one is None for one in layer.operands])
    place = Position(range(y, y + 1), range(x, x + 1), range(maps.shape[2]), (maps.shape[0], maps.shape[1]))
    patch = place.cells(maps)
    formula = _written(layer.function, operands)
    if layer.function in TERMS:
        terms = np.array(TERMS[layer.function]) * np.array(operands, np.float64)
        kernel = np.array(TERMS[layer.function])[are_inputs][None, None]
        bias = float(terms[~are_inputs].sum())
        return WeightedSum(
            place=place, patch=patch, kernel=kernel, products=patch * kernel, bias=bias, formula=formula
        )
    result = float(elementwise(layer.function, *(np.array([value]) for value in operands))[0])
    first = np.arange(maps.shape[2]) == 0
    share = result / patch[0, 0, 0] if patch[0, 0, 0] else 0.0
    kernel, products = np.where(first, share, 0.0)[None, None], np.where(first, result, 0.0)[None, None]
    return WeightedSum(place=place, patch=patch, kernel=kernel, products=products, formula=formula, roundings=OWN)


def _constant(constant: Array, at: tuple[int, ...], maps: Array) -> Array:
    """Return what a constant, which may be repeated, is at a place, in the inputs' type."""
    aligned = zip(constant.shape, at[len(at) - constant.ndim :], strict=True)
    value: Array = maps.dtype.type(constant[tuple(0 if size == 1 else i for size, i in aligned)])
    return value


def _written(function: str, operands: list[Array]) -> str:
    values = [f"{value:.6g}" for value in operands]
    if function in BETWEEN:
        return f" {BETWEEN[function]} ".join(values)
    return f"{function} of {', '.join(values)}"
