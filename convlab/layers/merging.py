"""Layers that make one array of several."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, ClassVar

import numpy as np

from convlab import ops
from convlab.errors import ShapeError, UnsupportedError
from convlab.layers.base import ONE_CELL, Layout, SeveralInputs, Walk
from convlab.ops.axes import AxisLike, inner_axis
from convlab.ops.elementwise import add, merged
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, Shape, module_of


@dataclass(eq=False)
class Merge(SeveralInputs):
    """What layers share that merge value by value.

    An input of size 1 along an axis, or without it, is repeated along it; axes are aligned at the last one.
    """

    keeps_order: ClassVar[bool] = True
    layout: ClassVar[Layout] = "any"

    name: str
    arity: ClassVar[int | None] = None

    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return the shape that all inputs are repeated to."""
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise ShapeError("sizes differ, and none of them is 1") from None

    def window_on(self, *shapes: Shape) -> Walk:
        """Return that of one cell, or "varies" where the places that come out are not those of every input."""
        shape = self.infer_shape(*shapes)
        return ONE_CELL if all(given[:-1] == shape[:-1] for given in shapes) else "varies"

    @abstractmethod
    def merge(self, inputs: list[Any]) -> Array:
        """Merge arrays of as many dimensions each."""

    @quiet
    def __call__(self, *inputs: Array) -> Array:
        """Merge the batches: (N, ...) each, all aligned at the last axis."""
        return self.merge(_aligned(inputs))

    @quiet
    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient by each input: summed where a number of it was repeated."""
        aligned = _aligned(inputs)
        shares = self.shares(gradient, aligned, output)
        return tuple(
            _summed(share, like.shape).reshape(x.shape)
            for share, like, x in zip(shares, aligned, inputs, strict=True)
        )

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return, for each input, the gradient times the slope, in the shape of the output."""
        raise UnsupportedError(f"layer {self.name!r} is a {self.kind}, through which convlab has no gradient")


class Add(Merge):
    """The sum of the inputs.

    Parameters
    ----------
    name : str
        What the network calls it.

    Raises
    ------
    ShapeError
        In a network, for inputs whose sizes differ where none is 1.
    """

    def merge(self, inputs: list[Any]) -> Array:
        """Add them up, from the first to the last; in a fused network, with ReLU."""
        *others, last = inputs
        return add(reduce(add, others), last, relu=self.activation == "relu") if others else last

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return the gradient for each."""
        return [gradient] * len(inputs)


class Subtract(Merge):
    """The first input minus the second.

    Parameters
    ----------
    name : str
        What the network calls it.

    Raises
    ------
    ShapeError
        In a network, for other than two inputs, or sizes that differ where none is 1.
    """

    arity = 2

    def merge(self, inputs: list[Any]) -> Array:
        """Subtract the second."""
        return merged("subtract", *inputs)

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return the gradient, and its opposite for the second."""
        return gradient, -gradient


class Multiply(Merge):
    """The product of the inputs, value by value.

    Parameters
    ----------
    name : str
        What the network calls it.

    Raises
    ------
    ShapeError
        In a network, for inputs whose sizes differ where none is 1.
    """

    def merge(self, inputs: list[Any]) -> Array:
        """Multiply them, from the first to the last."""
        return reduce(partial(merged, "multiply"), inputs)

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return the gradient times the product of all others."""
        return [reduce(np.multiply, [*inputs[:i], *inputs[i + 1 :]], gradient) for i in range(len(inputs))]


class Average(Merge):
    """The mean of the inputs.

    Parameters
    ----------
    name : str
        What the network calls it.

    Raises
    ------
    ShapeError
        In a network, for inputs whose sizes differ where none is 1.
    """

    def merge(self, inputs: list[Any]) -> Array:
        """Add them up and divide by their number."""
        total = reduce(add, inputs)
        return merged("divide", total, total.dtype.type(len(inputs)))

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return an equal share for each."""
        return [gradient / len(inputs)] * len(inputs)


class Maximum(Merge):
    """The largest of the inputs; NaN wins over any number.

    Parameters
    ----------
    name : str
        What the network calls it.

    Raises
    ------
    ShapeError
        In a network, for inputs whose sizes differ where none is 1.
    """

    def merge(self, inputs: list[Any]) -> Array:
        """Compare value by value."""
        return reduce(partial(merged, "maximum"), inputs)

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return the gradient for the first that is it, 0 for the others."""
        return _chosen(gradient, inputs, output)


class Minimum(Merge):
    """The smallest of the inputs; NaN wins over any number.

    Parameters
    ----------
    name : str
        What the network calls it.

    Raises
    ------
    ShapeError
        In a network, for inputs whose sizes differ where none is 1.
    """

    def merge(self, inputs: list[Any]) -> Array:
        """Compare value by value."""
        return reduce(partial(merged, "minimum"), inputs)

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return the gradient for the first that is it, 0 for the others."""
        return _chosen(gradient, inputs, output)


class Joining(Merge):
    """What layers share that put their inputs side by side: each number comes from one of them."""

    keeps_order: ClassVar[bool] = False


@dataclass(eq=False)
class Concatenate(Joining):
    """The inputs side by side along an axis: (..., C1) and (..., C2) to (..., C1+C2).

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int
        Which, counted from the batch, 0, or back from the last, -1.

    Raises
    ------
    ShapeError
        In a network, for inputs that differ in another size.
    """

    layout: ClassVar[Layout] = "axis"

    axis: AxisLike = -1

    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return the shape with the sizes along the axis added up."""
        ranks = {len(shape) for shape in shapes}
        if len(ranks) > 1:
            raise ShapeError("to be put side by side, inputs need equally many axes")
        axis = inner_axis(self.axis, ranks.pop() + 1) - 1
        first = shapes[0]
        if len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) > 1:
            raise ShapeError(f"to be put side by side along axis {axis + 1}, inputs may differ in no other size")
        return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])

    def merge(self, inputs: list[Any]) -> Array:
        """Put them side by side."""
        return ops.concatenate(inputs, inner_axis(self.axis, inputs[0].ndim))

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return to each input its part of the gradient."""
        axis = inner_axis(self.axis, gradient.ndim)
        ends = np.cumsum([x.shape[axis] for x in inputs])[:-1].tolist()
        return tuple(module_of(gradient).split(gradient, ends, axis=axis))


@dataclass(eq=False)
class Stack(Joining):
    """The inputs along a new axis.

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int
        Where, in what comes out: from the batch, 0, or back from the last, -1.

    Raises
    ------
    ShapeError
        In a network, for inputs of different shapes.
    """

    layout: ClassVar[Layout] = None

    axis: int = -1

    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return the inputs' shape with their number put in."""
        shape = shapes[0]
        if len(set(shapes)) > 1:
            raise ShapeError("to be stacked, inputs need one shape")
        axis = inner_axis(self.axis, len(shape) + 2) - 1
        return (*shape[:axis], len(shapes), *shape[axis:])

    def merge(self, inputs: list[Any]) -> Array:
        """Stack them."""
        return module_of(inputs[0]).stack(inputs, axis=inner_axis(self.axis, inputs[0].ndim + 1))

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return to each input its part of the gradient."""
        axis = inner_axis(self.axis, gradient.ndim)
        return tuple(gradient.take(i, axis=axis) for i in range(len(inputs)))


def _aligned(inputs: Sequence[Array]) -> list[Array]:
    """Return batches (N, ...) with axes of size 1 behind the batch, so that all have equally many."""
    rank = max(x.ndim for x in inputs)
    return [x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in inputs]


def _summed(gradient: Array, shape: Shape) -> Array:
    """Return the gradient by what was repeated from this shape: its sum along the axes of size 1."""
    axes = tuple(axis for axis, size in enumerate(shape) if size == 1 != gradient.shape[axis])
    return gradient.sum(axis=axes, keepdims=True) if axes else gradient


def _chosen(gradient: Array, inputs: list[Any], output: Array) -> list[Array]:
    """Return the gradient for the first input that is the output, number by number, and 0 for the others."""
    left, shares = module_of(output).ones(output.shape, bool), []
    for x in inputs:
        here = left & ((x == output) | module_of(x).isnan(output))
        left = left & ~here
        shares.append(gradient * here)
    return shares
