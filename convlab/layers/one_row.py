"""A layer on sequences (W, C) as the layer on images, given an image of one row.

Weights and outputs have the shapes they have in Keras, without the row.
"""

from copy import copy

from convlab.arrays import Array, ArrayLike
from convlab.errors import ShapeError
from convlab.layers.base import Activated, Layer, Shape


class OneRow(Layer):
    """A layer on sequences (W, C) that does what `inner` does on images (1, W, C)."""

    def __init__(self, inner: Layer) -> None:
        self.inner, self.name, self.window, self.activation = inner, inner.name, inner.window, inner.activation

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the inner shapes without the row, the first axis of every kernel."""
        if len(self.input_shape) != 2:
            raise ShapeError("expected (W, C)")
        self.inner.input_shapes = ((1, *self.input_shape),)
        return {name: _without_row(shape, images=4) for name, shape in self.inner.weight_shapes().items()}

    def infer_shape(self) -> Shape:
        """Return (OW, C), or (C,)."""
        self.inner.shapes = self.inner.weight_shapes()
        self.inner.output_shape = self.inner.infer_shape()
        return _without_row(self.inner.output_shape, images=3)

    def multiply_adds(self, output_shape: Shape) -> int:
        """Return those of the image of one row."""
        return self.inner.multiply_adds((1, *output_shape))

    def set_weights(self, **weights: ArrayLike) -> None:
        """Replace the named weights."""
        super().set_weights(**weights)
        self.inner = copy(self.inner)  # it may belong to a copy of this layer too
        self.inner.set_weights(**{name: w.reshape(self.inner.shapes[name]) for name, w in self._weights.items()})

    def drop_prepared(self) -> None:
        """Forget what was prepared from the weights."""
        super().drop_prepared()
        self.inner.drop_prepared()

    def __call__(self, x: Array) -> Array:
        """Compute (N, W, C) as (N, 1, W, C)."""
        return _sequences(self.inner(x[:, None]))


class ActivatedOneRow(OneRow, Activated):
    """The same for a layer with an activation function of its own."""

    inner: Activated

    def linear(self, x: Array) -> Array:
        """Compute the batch without the activation function."""
        return _sequences(self.inner.linear(x[:, None]))


def _sequences(y: Array) -> Array:
    return y[:, 0] if y.ndim == 4 else y


def _without_row(shape: Shape, images: int) -> Shape:
    return shape[1:] if len(shape) == images else shape
