"""Axes as Keras counts them: 0 is the batch, -1 the last."""

from collections.abc import Sequence
from numbers import Integral

from convlab.errors import ShapeError

AxisLike = int | Sequence[int]


def inner_axes(axis: AxisLike, ndim: int) -> tuple[int, ...]:
    """Return the axis, or axes, of a batch with `ndim` dimensions counted from the front and in order.

    ShapeError for one that is not there, is named twice, or is the batch itself.
    """
    given = (axis,) if isinstance(axis, Integral) else tuple(axis) if isinstance(axis, list | tuple) else (None,)
    if not given or not all(isinstance(a, Integral) and not isinstance(a, bool) for a in given):
        raise ShapeError(f"axis {axis!r} is neither an int nor a list of ints")
    axes = sorted(int(a) % ndim if -ndim <= a < ndim else 0 for a in given)
    if 0 in axes or len(set(axes)) < len(axes):
        last = ndim - 1
        raise ShapeError(f"axis {axis!r} of {ndim} dimensions, the batch (0) among them: expected 1 to {last}, once")
    return tuple(axes)


def inner_axis(axis: AxisLike, ndim: int) -> int:
    """Return the one axis that is named."""
    axes = inner_axes(axis, ndim)
    if len(axes) != 1:
        raise ShapeError(f"axis {axis!r} names {len(axes)} axes, expected 1")
    return axes[0]


def is_last(axis: AxisLike, ndim: int) -> bool:
    """Tell whether the last axis is named, and no other."""
    return inner_axes(axis, ndim) == (ndim - 1,)
