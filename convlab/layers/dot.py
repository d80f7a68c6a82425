"""Products of two inputs with each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers.base import SeveralInputs, Walk
from convlab.layers.checks import refused
from convlab.ops.axes import inner_axis
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, Shape, module_of
from convlab_kernels.window import Pair


@dataclass(eq=False)
class Dot(SeveralInputs):
    """Of each example, sums of products of the first input with the second, along one axis of each.

    What is left of the first's shape comes before what is left of the second's: of two vectors one number, (1,).

    Parameters
    ----------
    name : str
        What the network calls it.
    axes : int or (int, int)
        Of both inputs, or of each: counted from the batch, 0, or back from the last, -1.
    normalize : bool
        Whether each of the vectors multiplied has length 1 first: the cosine of the angle between them.

    Raises
    ------
    UnsupportedError
        For what is no axis or pair of axes.
    ShapeError
        In a network, for axes that are not there, or of different sizes.
    """

    name: str
    axes: int | Sequence[int] = -1
    normalize: bool = False
    arity = 2

    def __post_init__(self) -> None:
        """Refuse what is no axis, or pair of axes."""
        given = self.axes if isinstance(self.axes, list | tuple) else (self.axes, self.axes)
        if len(given) != 2 or not all(type(axis) is int for axis in given):
            raise refused(self, "axes", self.axes, "a whole number, or two")

    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return what is left of the first's shape, then of the second's."""
        (first, a), (second, b) = zip(shapes, self._axes(*map(len, shapes)), strict=True)
        if first[a - 1] != second[b - 1]:
            raise ShapeError(f"axis {a} has {first[a - 1]} numbers, and axis {b} of the second {second[b - 1]}")
        return (*first[: a - 1], *first[a:], *second[: b - 1], *second[b:]) or (1,)

    def window_on(self, *shapes: Shape) -> Walk:
        """Return None, all of them, of two vectors; of others there is no window."""
        return None if all(len(shape) == 1 for shape in shapes) else "varies"

    def _axes(self, first: int, second: int) -> Pair:
        """Return the axes of inputs with so many, without the batch, counted from the batch, 0."""
        a, b = self.axes if isinstance(self.axes, list | tuple) else (self.axes, self.axes)
        return inner_axis(a, first + 1), inner_axis(b, second + 1)

    def multiply_adds(self, *shapes: Shape) -> int:
        """K for each number of the output, K numbers along the axis."""
        return prod(self.infer_shape(*shapes)) * shapes[0][self._axes(*map(len, shapes))[0] - 1]

    @quiet
    def __call__(self, *inputs: Array) -> Array:
        """Multiply (N, ..., K, ...) with (N, ..., K, ...)."""
        first, second = inputs
        a, b = self._axes(first.ndim - 1, second.ndim - 1)
        if self.normalize:
            first, second = ops.unit_norm(first, a), ops.unit_norm(second, b)
        xp = module_of(first)
        rows, columns = xp.moveaxis(first, a, -1), xp.moveaxis(second, b, 1)
        left, right = rows.shape[1:-1], columns.shape[2:]
        n, terms = len(first), first.shape[a]
        # (N, A, K) @ (N, K, B) = (N, A, B)
        product = _product(rows.reshape(n, prod(left), terms), columns.reshape(n, terms, prod(right)))
        return product.reshape(n, *(left + right or (1,)))

    @quiet
    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return for each input the gradient times the other, and through the division by lengths."""
        (first, second), axes = inputs, self._axes(inputs[0].ndim - 1, inputs[1].ndim - 1)
        units = [ops.unit_norm(x, axis) if self.normalize else x for x, axis in zip(inputs, axes, strict=True)]
        xp = module_of(first)
        rows, columns = xp.moveaxis(units[0], axes[0], -1), xp.moveaxis(units[1], axes[1], 1)
        n, terms = len(first), first.shape[axes[0]]
        left, right = (
            rows.reshape(n, prod(rows.shape[1:-1]), terms),
            columns.reshape(n, terms, prod(columns.shape[2:])),
        )
        inner = gradient.reshape(n, left.shape[1], right.shape[2])
        # (N, A, K) = (N, A, B) @ (N, B, K), and (N, K, B) = (N, K, A) @ (N, A, B)
        of_first = xp.moveaxis(_product(inner, right.swapaxes(1, 2)).reshape(rows.shape), -1, axes[0])
        of_second = xp.moveaxis(_product(left.swapaxes(1, 2), inner).reshape(columns.shape), 1, axes[1])
        if not self.normalize:
            return of_first, of_second
        return (
            ops.unit_norm_pull_back(of_first, first, axes[0]),
            ops.unit_norm_pull_back(of_second, second, axes[1]),
        )


def _product(rows: Array, columns: Array) -> Array:
    """Return (N, A, K) @ (N, K, B) = (N, A, B); on a GPU term by term, for cuBLAS cannot be part of a graph."""
    xp = module_of(rows)
    if xp is np:
        return np.matmul(rows, columns)
    total = xp.zeros((len(rows), rows.shape[1], columns.shape[2]), rows.dtype)
    for term in range(rows.shape[2]):
        total += rows[:, :, term, None] * columns[:, None, term, :]
    return total
