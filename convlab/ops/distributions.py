"""Functions that turn the numbers along an axis into a probability distribution, or its logarithm."""

from convlab.errors import ShapeError
from convlab.ops.quiet import quiet
from convlab.ops.with_kernel import function_kernels
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab.runtime.policy import new_array

Axis = int | tuple[int, ...]


@quiet
def softmax(x: ArrayLike, axis: Axis = -1) -> Array:
    """Return exp(x) / sum(exp(x)) along an axis; the largest value is taken off first, so that nothing overflows.

    Parameters
    ----------
    x : array (..., classes), or with its classes along another axis
    axis : int or tuple of int
        Along which the results add up to 1.

    Returns
    -------
    array of the shape of x

    Raises
    ------
    ShapeError
        Where an axis is not there, or has no size.
    """
    x = _checked(x, axis, "softmax")
    last = x.ndim - 1
    if axis in (-1, last, (last,)) and (elementwise := function_kernels(x)):
        shares = new_array(x, x.shape)
        elementwise.softmax(x, shares)
        return shares
    powers: Array = module_of(x).exp(x - x.max(axis=axis, keepdims=True))
    powers /= powers.sum(axis=axis, keepdims=True)
    return powers


def softmax_pull_back(gradient: Array, y: Array, axis: Axis = -1) -> Array:
    """Return the gradient by the input of `softmax` from what it made: y (g - sum(g y))."""
    return y * (gradient - (gradient * y).sum(axis=axis, keepdims=True))


@quiet
def log_softmax(x: ArrayLike, axis: Axis = -1) -> Array:
    """Return log(softmax(x)), also where softmax itself is too small for the type."""
    x = _below_largest(x, axis, "log_softmax")
    xp = module_of(x)
    return x - xp.log(xp.exp(x).sum(axis=axis, keepdims=True))


def log_softmax_pull_back(gradient: Array, y: Array) -> Array:
    """Return the gradient by the input of `log_softmax` from what it made: g - exp(y) sum(g)."""
    return gradient - module_of(y).exp(y) * gradient.sum(axis=-1, keepdims=True)


@quiet
def sparsemax(x: ArrayLike) -> Array:
    """Return the distribution nearest to x over the last axis: max(x - tau, 0), with the tau that makes the sum 1.

    Martins and Astudillo, arXiv 1602.02068, algorithm 1. Keras computes another tau up to version 3.15 (its issue
    23425), with which the sum is 1 only where a single number is left.
    """
    x = _below_largest(x, -1, "sparsemax")
    xp = module_of(x)
    ranked = xp.sort(x, axis=-1)[..., ::-1]
    excess = xp.cumsum(ranked, axis=-1) - 1
    ranks = xp.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    kept = xp.maximum((ranked * ranks > excess).sum(axis=-1, keepdims=True), 1)  # none in a row of NaN
    tau = xp.take_along_axis(excess, kept - 1, axis=-1) / kept.astype(x.dtype)
    return xp.maximum(x - tau, 0)


def sparsemax_pull_back(gradient: Array, y: Array) -> Array:
    """Return the gradient by the input of `sparsemax` from what it made: where y > 0, g less its mean over those."""
    kept = (y > 0).astype(y.dtype)
    mean = (gradient * kept).sum(axis=-1, keepdims=True) / kept.sum(axis=-1, keepdims=True)
    return kept * (gradient - mean)


def _below_largest(x: ArrayLike, axis: Axis, op: str) -> Array:
    """Return x minus its largest value along the axis."""
    x = _checked(x, axis, op)
    difference: Array = x - x.max(axis=axis, keepdims=True)
    return difference


def _checked(x: ArrayLike, axis: Axis, op: str) -> Array:
    """Return x as floats; ShapeError where an axis is not there, or has no size."""
    (x,) = as_floats(x)
    axes = (axis,) if isinstance(axis, int) else axis
    if not all(-x.ndim <= a < x.ndim and x.shape[a] for a in axes):
        where = "(..., classes)" if axis == -1 else f"classes along axis {axis}"
        raise ShapeError(f"{op}: input has shape {x.shape}, expected {where} with at least one class")
    return x
