"""Many numbers made one, along any axes but the batch."""

from dataclasses import dataclass

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers.base import ONE_CELL, Layer, Walk
from convlab.ops.axes import AxisLike, inner_axes
from convlab.ops.reducing import REDUCTIONS, reduce_axes, reduce_axes_pull_back
from convlab.runtime.arrays import Array, Shape
from convlab.wording import unknown


@dataclass(eq=False)
class Reduce(Layer):
    """A function of `convlab.ops.reducing.REDUCTIONS` along an axis, or several.

    Parameters
    ----------
    name : str
        What the network calls it.
    function : str
        Which one.
    axis : int or sequence of int
        Counted from the batch, 0, or back from the last, -1.
    keepdims : bool
        Whether the axes stay, with size 1.

    Raises
    ------
    UnsupportedError
        For a function that is not known.
    ShapeError
        In a network, for an axis that is not there, or has nothing along it.
    """

    name: str
    function: str
    axis: AxisLike
    keepdims: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown function."""
        if self.function not in REDUCTIONS:
            raise UnsupportedError(f"layer {self.name!r}: {unknown('function', self.function, REDUCTIONS)}")

    @property
    def says(self) -> str:
        """What it does: the function it has, and along what."""
        return f"The {self.function} along axis {self.axis}, counted from the batch."

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the sizes with 1 for those axes, or without them."""
        axes = inner_axes(self.axis, len(shape) + 1)
        if not all(shape[axis - 1] for axis in axes):
            raise ShapeError(f"there is nothing along axis {self.axis}")
        kept = {axis: 1 if axis in axes else size for axis, size in enumerate(shape, start=1)}
        return tuple(size for axis, size in kept.items() if self.keepdims or axis not in axes)

    def window_on(self, shape: Shape) -> Walk:
        """Return None where it sees every place, that of one cell along channels that stay an axis, else "varies"."""
        rank = len(shape) + 1
        axes = inner_axes(self.axis, rank)
        if set(range(1, max(rank - 1, 2))) <= set(axes):
            return None
        return ONE_CELL if axes == (rank - 1,) and self.keepdims else "varies"

    def __call__(self, x: Array) -> Array:
        """Reduce (N, ...)."""
        return reduce_axes(x, self.function, self.axis, self.keepdims)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient (N, ...), as the function shares it out."""
        return (reduce_axes_pull_back(gradient, inputs[0], self.function, self.axis),)
