"""Reductions: many numbers along some axes become one."""

from collections.abc import Callable

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
