"""Layers without weights that change values one by one, or only the shape."""

from dataclasses import dataclass, field
from math import prod

from convlab import ops
from convlab.arrays import Array
from convlab.layers.base import ACTIVATIONS, Layer, Shape, check_activation, image_size
from convlab_kernels.window import PaddingLike, Window


@dataclass(eq=False)
class Activation(Layer):
    """An activation function as a layer of its own."""

    name: str
    activation: str

    def __post_init__(self) -> None:
        """Refuse an unknown function."""
        check_activation(self)

    def __call__(self, x: Array) -> Array:
        """Apply the function to each number (softmax: over the last axis)."""
        return ACTIVATIONS[self.activation](x)


@dataclass(eq=False)
class Flatten(Layer):
    """All numbers in one row: rows, then columns, then channels."""

    name: str
    window = None

    def infer_shape(self) -> Shape:
        """Return (H*W*C,)."""
        return (prod(self.input_shape),)

    def __call__(self, x: Array) -> Array:
        """Reshape (N, ...) to (N, features)."""
        return ops.flatten(x)


@dataclass(eq=False)
class ZeroPadding2D(Layer):
    """Zeros around the image."""

    name: str
    padding: PaddingLike = 1
    window: Window = field(init=False, repr=False)

    def infer_shape(self) -> Shape:
        """Return (top+H+bottom, left+W+right, C)."""
        return (*self.window.output_size(image_size(self.input_shape)), self.input_shape[2])

    def __post_init__(self) -> None:
        """Parse the padding once."""
        self.window = ops.border(self.padding)

    def __call__(self, x: Array) -> Array:
        """Pad (N, H, W, C)."""
        return ops.zero_pad2d(x, self.padding)
