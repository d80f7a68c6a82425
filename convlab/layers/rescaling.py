"""Layers that move and scale an image's numbers before a network sees them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import ops
from convlab.errors import ShapeError, UnsupportedError
from convlab.layers.base import Layer, Layout
from convlab.layers.checks import numbers
from convlab.ops.axes import AxisLike, inner_axes
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, Shape, module_of

_LEAST = 1e-7  # Keras' epsilon, the least it divides by


@dataclass(eq=False)
class Rescaling(Layer):
    """x * scale + offset.

    Parameters
    ----------
    name : str
        What the network calls it.
    scale, offset : float or array
        Each a number, or one for each channel.

    Raises
    ------
    UnsupportedError
        For what is no number.
    ShapeError
        In a network, for numbers that do not fit the channels.
    """

    keeps_order: ClassVar[bool] = True
    layout: ClassVar[Layout] = "any"

    name: str
    scale: Any
    offset: Any = 0.0

    def __post_init__(self) -> None:
        """Read the numbers once."""
        self.scale, self.offset = numbers(self, "scale", self.scale), numbers(self, "offset", self.offset)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the input's shape."""
        for name, array in (("scale", self.scale), ("offset", self.offset)):
            _check_fits(name, array.shape, shape)
        return shape

    @quiet
    def __call__(self, x: Array) -> Array:
        """Scale, then move."""
        scale, offset = self.option_as("scale", x), self.option_as("offset", x)
        if (scaled := ops.scale_channels(x, 0, scale, offset)) is not None:
            return scaled
        return x * scale + offset

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient times the scale."""
        return (gradient * self.option_as("scale", gradient),)


@dataclass(eq=False)
class Normalization(Layer):
    """(x - mean) / sqrt(variance), or back again.

    Mean and variance are options, or else weights mean, variance and count, as Keras keeps what it has measured.

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int, sequence of int or None
        Axes that have a mean for each place, from the batch, 0, or back from the last, -1; None: one mean for all.
    mean, variance : float or array, optional
        Both, or none.
    invert : bool
        x * sqrt(variance) + mean instead.

    Raises
    ------
    UnsupportedError
        For one of mean and variance alone, or what is no number.
    ShapeError
        In a network, for numbers that do not fit the axes.
    """

    keeps_order: ClassVar[bool] = True
    layout: ClassVar[Layout] = "axis"

    name: str
    axis: AxisLike | None = -1
    mean: Any = None
    variance: Any = None
    invert: bool = False
    positive_weights = ("variance",)

    def __post_init__(self) -> None:
        """Read the numbers once."""
        if (self.mean is None) != (self.variance is None):
            raise UnsupportedError(f"layer {self.name!r}: of mean and variance, both are needed or none")
        if self.mean is not None:
            self.mean, self.variance = numbers(self, "mean", self.mean), numbers(self, "variance", self.variance)

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of mean, variance and the count of examples, unless the options have them."""
        kept = tuple(shape[axis - 1] for axis in self._axes(len(shape) + 1))
        if self.mean is None:
            return {"mean": kept, "variance": kept, "count": ()}
        for name, array in (("mean", self.mean), ("variance", self.variance)):
            _check_fits(name, array.shape, kept)
        return {}

    def _axes(self, ndim: int) -> tuple[int, ...]:
        return () if self.axis in (None, (), []) else inner_axes(self.axis, ndim)

    @quiet
    def __call__(self, x: Array) -> Array:
        """Normalise (N, ...), or undo it."""
        mean, deviation = self._along("mean", x), self._deviation(x)
        if self.invert:
            by_kernel = ops.scale_channels(x, 0, deviation, mean)
        else:
            by_kernel = ops.scale_channels(x, mean, 1 / deviation, 0)
        if by_kernel is not None:
            return by_kernel
        return mean + x * deviation if self.invert else (x - mean) / deviation

    def _deviation(self, x: Array) -> Array:
        xp = module_of(x)
        return xp.maximum(xp.sqrt(self._along("variance", x)), _LEAST)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient divided by the deviation, or times it."""
        deviation = self._deviation(gradient)
        return (gradient * deviation if self.invert else gradient / deviation,)

    def _along(self, name: str, x: Array) -> Array:
        """Return mean or variance in such a shape that it lies along its axes of x."""
        array = self.weight_as(name, x) if getattr(self, name) is None else self.option_as(name, x)
        axes = self._axes(x.ndim)
        kept = np.broadcast_to(array, tuple(x.shape[axis] for axis in axes))
        return kept.reshape([size if axis in axes else 1 for axis, size in enumerate(x.shape)])


def _check_fits(name: str, given: Shape, shape: Shape) -> None:
    """Raise ShapeError unless an array of the given shape can be repeated to the other."""
    aligned = zip(reversed(given), reversed(shape), strict=False)
    if len(given) > len(shape) or any(own not in (1, size) for own, size in aligned):
        raise ShapeError(f"{name} has shape {given}, expected {shape}, or a single number")
