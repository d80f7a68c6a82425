"""Layers that put a border around an image."""

from dataclasses import dataclass, field

from convlab import ops
from convlab.arrays import Array
from convlab.layers.base import Layer, Shape, image_size
from convlab.layers.naming import options_of
from convlab_kernels.window import PaddingLike, Window


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
        with options_of(self.name):
            self.window = ops.border(self.padding)

    def __call__(self, x: Array) -> Array:
        """Pad (N, H, W, C)."""
        return ops.zero_pad2d(x, self.padding)
