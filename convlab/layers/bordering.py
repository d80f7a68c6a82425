"""Layers that put a border around an image, or take one off."""

from dataclasses import dataclass, field

from convlab import ops
from convlab.layers.base import Spatial
from convlab.layers.checks import options_of
from convlab.layers.sizes import image_size
from convlab.runtime.arrays import Array, Shape, module_of
from convlab_kernels.window import PaddingLike, Window


@dataclass(eq=False)
class ZeroPadding2D(Spatial):
    """Zeros around the image: (H, W, C) to (top+H+bottom, left+W+right, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    padding : int, (int, int) or ((top, bottom), (left, right))
        How many, in cells.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C).
    """

    name: str
    padding: PaddingLike = 1
    window: Window = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the padding once."""
        with options_of(self.name):
            self.window = ops.border(self.padding)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (top+H+bottom, left+W+right, C)."""
        return (*self.window.output_size(image_size(shape)), shape[2])

    def __call__(self, x: Array) -> Array:
        """Pad (N, H, W, C)."""
        return ops.zero_pad2d(x, self.padding)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient without its border."""
        (top, _), (left, _) = self.window.pads(inputs[0].shape[1:3])
        height, width = inputs[0].shape[1:3]
        return (gradient[:, top : top + height, left : left + width],)


@dataclass(eq=False)
class Cropping2D(Spatial):
    """The image without cells at its sides: (H, W, C) to (H-top-bottom, W-left-right, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    cropping : int, (int, int) or ((top, bottom), (left, right))
        How many, in cells.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), or of which
        nothing is left.
    """

    name: str
    cropping: PaddingLike = 0
    window: Window = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the cropping once: a window of one cell that starts inside the image."""
        with options_of(self.name):
            self.window = ops.cropping(self.cropping)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (H-top-bottom, W-left-right, C)."""
        size = image_size(shape)
        ops.check_cropping(self.window, size)
        return (*self.window.output_size(size), shape[2])

    def __call__(self, x: Array) -> Array:
        """Crop (N, H, W, C)."""
        return ops.crop2d(x, self.cropping)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient with zeros where something was cut off."""
        pads = [(-before, -after) for before, after in self.window.pads(inputs[0].shape[1:3])]
        return (module_of(gradient).pad(gradient, ((0, 0), *pads, (0, 0))),)
