"""Axes of size 1 put in and taken away."""

from dataclasses import dataclass
from typing import ClassVar

from convlab.errors import ShapeError
from convlab.layers.base import Layer
from convlab.ops.axes import AxisLike, inner_axes, inner_axis
from convlab.runtime.arrays import Array, Shape


@dataclass(eq=False)
class ExpandDims(Layer):
    """A new axis of size 1.

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int
        Where, in what comes out: from the batch, 0, or back from the last, -1.

    Raises
    ------
    ShapeError
        In a network, for a place that is none.
    """

    reshapes: ClassVar[bool] = True

    name: str
    axis: int = -1
    window = "varies"

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the shape with 1 put in."""
        axis = inner_axis(self.axis, len(shape) + 2) - 1
        return (*shape[:axis], 1, *shape[axis:])

    def __call__(self, x: Array) -> Array:
        """Put the axis into (N, ...)."""
        axis = inner_axis(self.axis, x.ndim + 1)
        return x.reshape(*x.shape[:axis], 1, *x.shape[axis:])


@dataclass(eq=False)
class Squeeze(Layer):
    """The input without axes of size 1.

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int or sequence of int, optional
        Which, from the batch, 0, or back from the last, -1; by default all.

    Raises
    ------
    ShapeError
        In a network, for an axis that is not there, or of another size.
    """

    reshapes: ClassVar[bool] = True

    name: str
    axis: AxisLike | None = None
    window = "varies"

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the sizes that are left."""
        axes = self._axes(shape)
        if any(shape[axis - 1] != 1 for axis in axes):
            raise ShapeError(f"only axes of size 1 can be taken away, axis is {self.axis}")
        return tuple(size for axis, size in enumerate(shape, start=1) if axis not in axes)

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        if self.axis is None:
            return tuple(axis for axis, size in enumerate(shape, start=1) if size == 1)
        return inner_axes(self.axis, len(shape) + 1)

    def __call__(self, x: Array) -> Array:
        """Take the axes out of (N, ...)."""
        return x.squeeze(self._axes(x.shape[1:]))
