"""Parts of an input: slices, and chosen places along an axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from reprlib import repr as shortened
from types import EllipsisType
from typing import ClassVar

import numpy as np

from convlab.errors import ShapeError
from convlab.layers.base import ONE_CELL, Layer, Layout, Walk
from convlab.layers.checks import check_count, options_of
from convlab.ops.axes import inner_axis, is_last
from convlab.runtime.arrays import Array, Shape, kind_of, module_of
from convlab.runtime.once import once

Index = slice | int | EllipsisType | None


@dataclass(eq=False)
class Slice(Layer):
    """x[:, *index]: of each example what slices and indices of NumPy take.

    Parameters
    ----------
    name : str
        What the network calls it.
    index : sequence of slice, int, ... or None
        One for each axis but the batch; None is a new axis.

    Raises
    ------
    ShapeError
        In a network, for what is not there.
    """

    name: str
    index: Sequence[Index]

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the shape of what is taken."""
        try:
            return self(np.broadcast_to(np.float32(0), (1, *shape))).shape[1:]
        except (IndexError, ValueError) as error:
            raise ShapeError(f"what is asked for is not there: {error}") from None

    def window_on(self, shape: Shape) -> Walk:
        """Return that of one cell where it is channels that are taken, else "varies"."""
        *others, last = self.index or [None]
        whole = [slice(None)] * (len(shape) - 1)
        of_channels = isinstance(last, slice) and list(others) in ([Ellipsis], whole)
        return ONE_CELL if of_channels else "varies"

    def __call__(self, x: Array) -> Array:
        """Take the part of each example of (N, ...)."""
        part: Array = x[(slice(None), *self.index)]
        return part

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient where it was taken from, 0 elsewhere."""
        out = module_of(gradient).zeros(inputs[0].shape, gradient.dtype)
        out[(slice(None), *self.index)] = gradient
        return (out,)


@dataclass(eq=False)
class Split(Layer):
    """One of several equal parts along an axis.

    Parameters
    ----------
    name : str
        What the network calls it.
    parts : int
        How many.
    axis : int
        Which, counted from the batch, 0, or back from the last, -1.
    number : int
        Which part, from 0.

    Raises
    ------
    ShapeError
        For a part that is none; in a network, for a size that is no multiple of `parts`.
    """

    layout: ClassVar[Layout] = "axis"

    name: str
    parts: int
    axis: int = -1
    number: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no part."""
        with options_of(self.name):
            check_count("parts", self.parts)
            if self.number not in range(self.parts):
                raise ShapeError(f"number is {self.number}, expected 0 to {self.parts - 1}")

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the shape of one part."""
        axis = inner_axis(self.axis, len(shape) + 1) - 1
        size = shape[axis]
        if size % self.parts:
            raise ShapeError(f"{size} cannot be split into {self.parts} equal parts")
        return (*shape[:axis], size // self.parts, *shape[axis + 1 :])

    def window_on(self, shape: Shape) -> Walk:
        """Return that of one cell along the channels, else "varies"."""
        return ONE_CELL if is_last(self.axis, len(shape) + 1) else "varies"

    def __call__(self, x: Array) -> Array:
        """Take the part of (N, ...)."""
        axis = inner_axis(self.axis, x.ndim)
        size = x.shape[axis] // self.parts
        part: Array = x[(*[slice(None)] * axis, slice(self.number * size, (self.number + 1) * size))]
        return part

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient where it was taken from, 0 elsewhere."""
        axis, (x,) = inner_axis(self.axis, gradient.ndim), inputs
        size = gradient.shape[axis]
        out = module_of(gradient).zeros(x.shape, gradient.dtype)
        out[(*[slice(None)] * axis, slice(self.number * size, (self.number + 1) * size))] = gradient
        return (out,)


@dataclass(eq=False)
class Take(Layer):
    """Chosen places along an axis.

    Parameters
    ----------
    name : str
        What the network calls it.
    indices : sequence of int
        Which, in their order; negative ones count back from the last.
    axis : int
        Along which, counted from the batch, 0, or back from the last, -1.

    Raises
    ------
    ShapeError
        In a network, for a place that is not there.
    """

    layout: ClassVar[Layout] = "axis"

    name: str
    indices: Sequence[int]
    axis: int = -1

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the shape with so many places along the axis."""
        axis = inner_axis(self.axis, len(shape) + 1) - 1
        size = shape[axis]
        if any(index not in range(-size, size) for index in self.indices):
            raise ShapeError(f"indices {shortened(list(self.indices))}, expected 0 to {size - 1}")
        return (*shape[:axis], len(self.indices), *shape[axis + 1 :])

    def window_on(self, shape: Shape) -> Walk:
        """Return that of one cell along the channels, else "varies"."""
        return ONE_CELL if is_last(self.axis, len(shape) + 1) else "varies"

    def __call__(self, x: Array) -> Array:
        """Take the places of (N, ...)."""
        places = once(self._held.prepared, ("indices", kind_of(x)), lambda: self._places(x))
        return x.take(places, inner_axis(self.axis, x.ndim))

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient where it was taken from, added up where that was more than once."""
        xp, axis = module_of(gradient), inner_axis(self.axis, gradient.ndim)
        out = xp.zeros(inputs[0].shape, gradient.dtype)
        xp.add.at(xp.moveaxis(out, axis, 0), self._places(gradient), xp.moveaxis(gradient, axis, 0))
        return (out,)

    def _places(self, x: Array) -> Array:
        places: Array = module_of(x).asarray(np.array(self.indices, np.int32))
        return places
