"""Reductions: many numbers along some axes become one."""

from collections.abc import Callable
from math import prod

import numpy as np

from convlab.ops.axes import AxisLike, inner_axes
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of

Axes = tuple[int, ...]


def _standard_deviation(x: Array, axes: Axes) -> Array:
    deviation: Array = np.sqrt(x.var(axis=axes, keepdims=True))
    return deviation


def _length(x: Array, axes: Axes) -> Array:
    length: Array = np.sqrt((x * x).sum(axis=axes, keepdims=True))
    return length


def _log_sum_exp(x: Array, axes: Axes) -> Array:
    """Return log(sum(exp(x))); the largest value is taken off first, where it is finite: no overflow."""
    largest = x.max(axis=axes, keepdims=True)
    largest = module_of(x).where(np.isfinite(largest), largest, 0)
    total: Array = np.log(np.exp(x - largest).sum(axis=axes, keepdims=True)) + largest
    return total


REDUCTIONS: dict[str, Callable[[Array, Axes], Array]] = {
    "log_sum_exp": _log_sum_exp,
    "max": lambda x, axes: x.max(axis=axes, keepdims=True),
    "mean": lambda x, axes: x.mean(axis=axes, keepdims=True),
    "min": lambda x, axes: x.min(axis=axes, keepdims=True),
    "norm": _length,
    "prod": lambda x, axes: x.prod(axis=axes, keepdims=True),
    "standard_deviation": _standard_deviation,
    "sum": lambda x, axes: x.sum(axis=axes, keepdims=True),
    "variance": lambda x, axes: x.var(axis=axes, keepdims=True),
}
"""Each keeps the axes, with size 1. The variance is that of a population: divided by how many numbers there are."""


@quiet
def reduce_axes(x: ArrayLike, function: str, axis: AxisLike, keepdims: bool = False) -> Array:
    """Return a function of `REDUCTIONS` of x along the axis (or axes), computed in float64.

    Parameters
    ----------
    x : array (N, ...)
    function : str
        "mean", "max", ...
    axis : int or list of int
        As Keras counts: 0 is the batch, which cannot be reduced, -1 the last.
    keepdims : bool
        Whether the axes stay, with size 1.
    """
    (x,) = as_floats(x)
    axes = inner_axes(axis, x.ndim)
    # along all but the last axis NumPy adds one by one: in float32 the error would grow with the number of terms
    wide = x if function in ("max", "min") else x.astype(np.float64, copy=False)
    reduced = REDUCTIONS[function](wide, axes).astype(x.dtype, copy=False)
    return reduced if keepdims else reduced.squeeze(axes)


def _first(gradient: Array, x: Array, y: Array, axes: Axes) -> Array:
    """Return the gradient for the first number, by rows, that is the one that came out."""
    xp = module_of(x)
    order = (*(axis for axis in range(x.ndim) if axis not in axes), *axes)
    same = (x == y).transpose(order)
    rows = same.reshape(*same.shape[: x.ndim - len(axes)], _terms(x, axes))
    first = xp.zeros(rows.shape, x.dtype)
    xp.put_along_axis(first, rows.argmax(axis=-1)[..., None], 1, axis=-1)
    back = sorted(range(x.ndim), key=lambda axis: order[axis])
    return gradient * first.reshape(same.shape).transpose(back)


def _others(gradient: Array, x: Array, y: Array, axes: Axes) -> Array:
    """Return the gradient times the product of all other numbers, also where some are 0."""
    xp = module_of(x)
    zeros = (x == 0).sum(axis=axes, keepdims=True)
    filled = xp.where(x == 0, 1, x)
    product = filled.prod(axis=axes, keepdims=True)
    return gradient * xp.where(zeros == 0, product / filled, xp.where((zeros == 1) & (x == 0), product, 0))


PULL_BACKS: dict[str, Callable[[Array, Array, Array, Axes], Array]] = {
    "log_sum_exp": lambda g, x, y, axes: g * np.exp(x - y),
    "max": _first,
    "mean": lambda g, x, y, axes: module_of(x).broadcast_to(g / _terms(x, axes), x.shape),
    "min": _first,
    "norm": lambda g, x, y, axes: g * module_of(x).where(y > 0, x / y, 0),
    "prod": _others,
    "standard_deviation": lambda g, x, y, axes: (
        g * module_of(x).where(y > 0, _distance(x, axes) / y, 0) / _terms(x, axes)
    ),
    "sum": lambda g, x, y, axes: module_of(x).broadcast_to(g, x.shape),
    "variance": lambda g, x, y, axes: g * 2 * _distance(x, axes) / _terms(x, axes),
}
"""The gradient by x from that by y = reduction of x, which keeps the axes with size 1."""


def _distance(x: Array, axes: Axes) -> Array:
    return x - x.mean(axis=axes, keepdims=True)


def _terms(x: Array, axes: Axes) -> int:
    """Return how many numbers become one."""
    return prod(x.shape[axis] for axis in axes)


@quiet
def reduce_axes_pull_back(gradient: Array, x: Array, function: str, axis: AxisLike) -> Array:
    """Return the gradient by the input of `reduce_axes`, computed in float64."""
    axes = inner_axes(axis, x.ndim)
    kept = [1 if i in axes else size for i, size in enumerate(x.shape)]
    wide = x.astype(np.float64, copy=False)
    y = REDUCTIONS[function](wide, axes)
    return PULL_BACKS[function](gradient.reshape(kept), wide, y, axes).astype(x.dtype, copy=False)
