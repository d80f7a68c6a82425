"""Functions of numbers, one by one: what a network computes with operators and functions rather than by layers."""

from collections.abc import Callable
from math import log, pi, sqrt

import numpy as np

from convlab.ops.erf import erf
from convlab.ops.piecewise import relu as relu_of
from convlab.ops.quiet import quiet
from convlab.ops.with_kernel import host_kernels
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


def _one(y: Array, *_: Array) -> Array:
    return module_of(y).ones_like(y)


def _none(y: Array, *_: Array) -> Array:
    return module_of(y).zeros_like(y)


def _power_by_exponent(y: Array, x: Array, exponent: Array) -> Array:
    return module_of(y).where(x > 0, np.log(module_of(y).where(x > 0, x, 1)) * y, 0)


SLOPES: dict[str, tuple[Callable[..., Array], ...]] = {
    "absolute": (lambda y, x: np.sign(x),),
    "add": (_one, _one),
    "ceil": (_none,),
    "clip": (lambda y, x, low, high: (x >= low) & (x <= high), lambda y, x, low, high: x < low,
             lambda y, x, low, high: x > high),
    "cos": (lambda y, x: -np.sin(x),),
    "divide": (lambda y, a, b: 1 / b, lambda y, a, b: -y / b),
    "divide_no_nan": (lambda y, a, b: _over_nothing(b * 0 + 1, b), lambda y, a, b: _over_nothing(-y, b)),
    "equal": (_none, _none),
    "erf": (lambda y, x: 2 / sqrt(pi) * np.exp(-x * x),),
    "exp": (lambda y, x: y,),
    "expm1": (lambda y, x: y + 1,),
    "floor": (_none,),
    "floor_divide": (_none, _none),
    "greater": (_none, _none),
    "greater_equal": (_none, _none),
    "less": (_none, _none),
    "less_equal": (_none, _none),
    "log": (lambda y, x: 1 / x,),
    "log10": (lambda y, x: 1 / (x * log(10)),),
    "log1p": (lambda y, x: 1 / (1 + x),),
    "log2": (lambda y, x: 1 / (x * log(2)),),
    "maximum": (lambda y, a, b: a >= b, lambda y, a, b: a < b),
    "minimum": (lambda y, a, b: a <= b, lambda y, a, b: a > b),
    "mod": (_one, lambda y, a, b: -np.floor(a / b)),
    "multiply": (lambda y, a, b: b, lambda y, a, b: a),
    "multiply_no_nan": (lambda y, a, b: b, lambda y, a, b: module_of(y).where(b == 0, 0, a)),
    "negative": (lambda y, x: -_one(y),),
    "not_equal": (_none, _none),
    "power": (lambda y, x, exponent: exponent * x ** (exponent - 1), _power_by_exponent),
    "reciprocal": (lambda y, x: -y * y,),
    "round": (_none,),
    "rsqrt": (lambda y, x: -y / (2 * x),),
    "sign": (_none,),
    "sin": (lambda y, x: np.cos(x),),
    "sqrt": (lambda y, x: 1 / (2 * y),),
    "square": (lambda y, x: 2 * x,),
    "squared_difference": (lambda y, a, b: 2 * (a - b), lambda y, a, b: 2 * (b - a)),
    "subtract": (_one, lambda y, a, b: -_one(y)),
    "where": (_none, lambda y, condition, a, b: condition != 0, lambda y, condition, a, b: condition == 0),
}  # fmt: skip
"""The derivative of each by each of its operands, from what came out and the operands.

Steps have none but 0; of two that are equal the first is the larger and the smaller one, as in TensorFlow.
"""


@quiet
def elementwise_pull_back(function: str, i: int, gradient: Array, y: Array, *operands: Array) -> Array:
    """Return the gradient by the i-th operand of `elementwise`, repeated as what came out is."""
    slope = module_of(y).asarray(SLOPES[function][i](y, *operands), y.dtype)
    pulled: Array = gradient * slope
    return pulled


@quiet
def elementwise(function: str, *operands: Array) -> Array:
    """Return a function of `FUNCTIONS` of as many arrays, or numbers of NumPy, as it takes, all of one floating type.

    Sizes of 1 are repeated, axes are aligned at the last one.
    """
    if len(operands) == 2:
        return merged(function, *operands)
    return _by_numpy(function, *operands)


def _by_numpy(function: str, *operands: Array) -> Array:
    result: Array = FUNCTIONS[function](*operands)
    return result.astype(operands[0].dtype, copy=False)  # a comparison's is bool


@quiet
def merged(function: str, a: Array, b: Array) -> Array:
    """Return a function of `FUNCTIONS` of two arrays of one floating type, sizes of 1 repeated."""
    alike = a.dtype == b.dtype and module_of(b) is np
    if alike and (compiled := host_kernels(a)) and compiled.combines(function, a.shape, b.shape):
        out = new_array(a, np.broadcast_shapes(a.shape, b.shape))
        compiled.combine(function, np.asanyarray(a), np.asanyarray(b), out)
        return out
    return _by_numpy(function, a, b)


@quiet
def add(a: Array, b: Array, relu: bool = False) -> Array:
    """Return a + b, an input of size 1 along an axis repeated along it; with `relu`, 0 where that is negative."""
    if a.shape == b.shape and a.dtype == b.dtype and (elementwise := kernels("elementwise", a, a.size)):
        out = new_array(a, a.shape)
        elementwise.add(a, b, out, relu)
        return out
    total = merged("add", a, b)
    return relu_of(total) if relu else total
