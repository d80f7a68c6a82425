"""Functions of numbers, one by one: what a network computes with operators and functions rather than by layers."""

from collections.abc import Callable

import numpy as np

from convlab.ops.erf import erf
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, module_of
from convlab.runtime.policy import kernels, new_array


def _over_nothing(x: Array, y: Array) -> Array:
    """Return x / y, and 0 where y is 0."""
    return module_of(x).where(y == 0, x.dtype.type(0), np.divide(x, y))


def _times_nothing(x: Array, y: Array) -> Array:
    """Return x * y, and 0 where y is 0, whatever x is."""
    return module_of(x).where(y == 0, x.dtype.type(0), np.multiply(x, y))


def _squared_difference(x: Array, y: Array) -> Array:
    difference: Array = np.subtract(x, y)
    return difference * difference


def _clip(x: Array, lowest: Array, highest: Array) -> Array:
    return np.minimum(np.maximum(x, lowest), highest)


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "absolute": np.absolute,
    "add": np.add,
    "ceil": np.ceil,
    "clip": _clip,
    "cos": np.cos,
    "divide": np.divide,
    "divide_no_nan": _over_nothing,
    "equal": np.equal,
    "erf": erf,
    "exp": np.exp,
    "expm1": np.expm1,
    "floor": np.floor,
    "floor_divide": np.floor_divide,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mod": np.mod,
    "multiply": np.multiply,
    "multiply_no_nan": _times_nothing,
    "negative": np.negative,
    "not_equal": np.not_equal,
    "power": np.power,
    "reciprocal": lambda x: 1 / x,
    "round": np.rint,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sign": np.sign,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "square": np.square,
    "squared_difference": _squared_difference,
    "subtract": np.subtract,
    "where": lambda condition, x, y: module_of(x).where(condition != 0, x, y),
}
"""NumPy's, which are CuPy's too; NaN goes through, and wins over any number. What is true or false is 1 or 0."""


@quiet
def elementwise(function: str, *operands: Array) -> Array:
    """Return a function of `FUNCTIONS` of as many arrays, or numbers of NumPy, as it takes, all of one floating type.

    Sizes of 1 are repeated, axes are aligned at the last one.
    """
    result: Array = FUNCTIONS[function](*operands)
    return result.astype(operands[0].dtype, copy=False)  # a comparison's is bool


@quiet
def add(a: Array, b: Array, relu: bool = False) -> Array:
    """Return a + b, an input of size 1 along an axis repeated along it; with `relu`, 0 where that is negative."""
    if a.shape == b.shape and a.dtype == b.dtype and (elementwise := kernels("elementwise", a, a.size)):
        out = new_array(a, a.shape)
        elementwise.add(a, b, out, relu)
        return out
    total: Array = module_of(a).add(a, b)
    return module_of(a).maximum(total, 0) if relu else total
