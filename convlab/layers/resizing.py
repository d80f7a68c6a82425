"""Layers that give an image another size."""

from dataclasses import dataclass

from convlab import ops
from convlab.arrays import Array
from convlab.layers.base import Layer, Shape, image_size
from convlab.layers.naming import options_of
from convlab_kernels.window import Pair, parse_pair


@dataclass(eq=False)
class UpSampling2D(Layer):
    """The image `size` times as high and wide."""

    name: str
    size: int | Pair = 2
    interpolation: str = "nearest"
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what has no meaning or is not known."""
        with options_of(self.name):
            self.factors = parse_pair("size", self.size, least=1)
            ops.check_interpolation(self.interpolation)

    def infer_shape(self) -> Shape:
        """Return (OH, OW, C)."""
        return (*self._enlarged(image_size(self.input_shape)), self.input_shape[2])

    def _enlarged(self, size: Pair) -> Pair:
        return size[0] * self.factors[0], size[1] * self.factors[1]

    def __call__(self, x: Array) -> Array:
        """Enlarge (N, H, W, C)."""
        return ops.resize2d(x, self._enlarged(x.shape[1:3]), self.interpolation)


@dataclass(eq=False)
class Resizing(Layer):
    """The image in another size, whatever it was; it is stretched, not cropped, padded or smoothed first."""

    name: str
    height: int
    width: int
    interpolation: str = "bilinear"
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what has no meaning or is not known."""
        with options_of(self.name):
            self.size = parse_pair("size", (self.height, self.width), least=1)
            ops.check_interpolation(self.interpolation)

    def infer_shape(self) -> Shape:
        """Return (height, width, C)."""
        image_size(self.input_shape)
        return (*self.size, self.input_shape[2])

    def __call__(self, x: Array) -> Array:
        """Resize (N, H, W, C)."""
        return ops.resize2d(x, self.size, self.interpolation)
