"""Channels spread over places, and places gathered in channels: sub-pixel convolution.

Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
network" (arXiv 1609.05158), section 3.2; the order of the channels is TensorFlow's, not PyTorch's pixel_shuffle.
"""

from dataclasses import dataclass

from convlab.errors import ShapeError
from convlab.layers.base import Spatial
from convlab.layers.checks import check_count, options_of
from convlab.layers.sizes import image_size
from convlab.runtime.arrays import Array, Shape


@dataclass(eq=False)
class _Blocks(Spatial):
    name: str
    size: int = 2
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what is no size."""
        with options_of(self.name):
            check_count("size", self.size)


class DepthToSpace(_Blocks):
    """Each place's channels as a block of places, rows first: (H, W, C) to (H*size, W*size, C / size^2).

    Parameters
    ----------
    name : str
        What the network calls it.
    size : int
        Places along the side of a block.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), or has
        channels that make no blocks.
    """

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (H*size, W*size, C / size^2)."""
        (height, width), size = image_size(shape), self.size
        if shape[2] % size**2:
            raise ShapeError(f"{shape[2]} channels do not make blocks of {size} x {size} places")
        return height * size, width * size, shape[2] // size**2

    def __call__(self, x: Array) -> Array:
        """Spread (N, H, W, C)."""
        (n, height, width, channels), size = x.shape, self.size
        blocks = x.reshape(n, height, width, size, size, channels // size**2)  # (N, H, W, b, b, C / b^2)
        return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(n, height * size, width * size, channels // size**2)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient gathered again."""
        return (SpaceToDepth(self.name, self.size)(gradient),)


class SpaceToDepth(_Blocks):
    """Each block of places as the channels of one, rows first: (H, W, C) to (H / size, W / size, C*size^2).

    Parameters
    ----------
    name : str
        What the network calls it.
    size : int
        Places along the side of a block.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), or does
        not consist of blocks.
    """

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (H / size, W / size, C*size^2)."""
        (height, width), size = image_size(shape), self.size
        if height % size or width % size:
            raise ShapeError(f"{height} x {width} places are no blocks of {size} x {size}")
        return height // size, width // size, shape[2] * size**2

    def __call__(self, x: Array) -> Array:
        """Gather (N, H, W, C)."""
        (n, height, width, channels), size = x.shape, self.size
        blocks = x.reshape(n, height // size, size, width // size, size, channels)  # (N, H/b, b, W/b, b, C)
        return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // size, width // size, channels * size**2)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient spread again."""
        return (DepthToSpace(self.name, self.size)(gradient),)
