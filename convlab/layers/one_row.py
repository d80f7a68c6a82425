"""A layer on sequences (W, C) as the layer on images, given an image of one row.

Weights and outputs have the shapes they have in Keras, without the row.
"""

from collections.abc import Mapping
from typing import ClassVar, cast

from convlab.errors import ShapeError
from convlab.layers.base import Activated, Layer, Layout
from convlab.layers.wrapping import Wrapping
from convlab.runtime.arrays import Array, Shape


class OneRow(Wrapping):
    """A layer on sequences (W, C) that does what another does on images (1, W, C).

    Parameters
    ----------
    inner : Layer
        The layer on images, whose name it bears.

    Raises
    ------
    ShapeError
        In a network, for an input that is not (W, C).
    """

    layout: ClassVar[Layout] = "channels_last"

    def __init__(self, inner: Layer) -> None:
        super().__init__(inner)
        self.window = inner.window

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the inner shapes without the row, the first axis of every kernel."""
        if len(shape) != 2:
            raise ShapeError("expected (W, C)")
        inner = self._unweighted.weight_shapes((1, *shape))
        return {name: _without_row(weight, images=4) for name, weight in inner.items()}

    def inner_shapes(self) -> Mapping[str, Shape]:
        """Return the shapes with the row."""
        return {name: (1, *shape) if len(shape) == 3 else shape for name, shape in self.shapes.items()}

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OW, C), or (C,)."""
        return _without_row(self._unweighted.infer_shape((1, *shape)), images=3)

    def multiply_adds(self, shape: Shape) -> int:
        """Return those of the image of one row."""
        return self._unweighted.multiply_adds((1, *shape))

    def fan_in(self, weight: str, shape: Shape) -> float:
        """Return that of the image of one row."""
        return self._unweighted.fan_in(weight, (1, *shape))

    def __call__(self, x: Array) -> Array:
        """Compute (N, W, C) as (N, 1, W, C)."""
        return _sequences(self.inner(x[:, None]))

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Pull back through the image of one row."""
        (x,) = inputs
        (pulled,) = self.inner.pull_back(_images(gradient), (x[:, None],), _images(output))
        return (pulled[:, 0],)


class ActivatedOneRow(OneRow, Activated):
    """The same for a layer with an activation function of its own."""

    def linear(self, x: Array) -> Array:
        """Compute the batch without the activation function."""
        inner = cast(Activated, self.inner)
        return _sequences(inner.linear(x[:, None]))

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Pull back through the image of one row."""
        return cast(Activated, self.inner).pull_back_linear(_images(gradient), x[:, None])[:, 0]

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Pull back through the image of one row, activation function and all."""
        return OneRow.pull_back(self, gradient, inputs, output)


def _images(y: Array) -> Array:
    return y[:, None] if y.ndim == 3 else y


def _sequences(y: Array) -> Array:
    return y[:, 0] if y.ndim == 4 else y


def _without_row(shape: Shape, images: int) -> Shape:
    return shape[1:] if len(shape) == images else shape
