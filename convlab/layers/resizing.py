"""Layers that give an image another size."""

from dataclasses import dataclass

from convlab import ops
from convlab.errors import UnsupportedError
from convlab.layers.base import Spatial, Walk
from convlab.layers.checks import options_of
from convlab.layers.sizes import image_size
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import Pair, parse_pair


@dataclass(eq=False)
class UpSampling2D(Spatial):
    """The image `size` times as high and wide: (H, W, C) to (H*rows, W*columns, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    size : int or (int, int)
        How many times.
    interpolation : str
        Where the new values come from: "nearest", "bilinear", or another of `convlab.ops.INTERPOLATIONS`.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C).
    UnsupportedError
        For an interpolation that is not known.
    """

    name: str
    size: int | Pair = 2
    interpolation: str = "nearest"
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what has no meaning or is not known."""
        with options_of(self.name):
            self.factors = parse_pair("size", self.size, least=1)
            ops.check_interpolation(self.interpolation)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OH, OW, C)."""
        return (*self._enlarged(image_size(shape)), shape[2])

    def _enlarged(self, size: Pair) -> Pair:
        return size[0] * self.factors[0], size[1] * self.factors[1]

    def __call__(self, x: Array) -> Array:
        """Enlarge (N, H, W, C)."""
        return ops.resize2d(x, self._enlarged(x.shape[1:3]), self.interpolation)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient, shared out as the values were."""
        return (ops.resize2d_pull_back(gradient, inputs[0].shape, self.interpolation),)


@dataclass(eq=False)
class Resizing(Spatial):
    """The image in another size, stretched unless an option says otherwise: (H, W, C) to (height, width, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    height, width : int
        The size, in cells.
    interpolation : str
        Where the new values come from: "bilinear", "nearest", or another of `convlab.ops.INTERPOLATIONS`.
    antialias : bool
        Whether the image is smoothed where it gets smaller.
    crop_to_aspect_ratio : bool
        Take the middle of the image that has the new shape, and stretch nothing.
    pad_to_aspect_ratio : bool
        Or put a border around it, until it has the new shape.
    fill_value : float
        The border's value.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C).
    UnsupportedError
        For an interpolation that is not known, or where it is to crop and to pad.
    """

    name: str
    height: int
    width: int
    interpolation: str = "bilinear"
    antialias: bool = False
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_value: float = 0.0
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what has no meaning or is not known."""
        with options_of(self.name):
            self.size = parse_pair("size", (self.height, self.width), least=1)
            ops.check_interpolation(self.interpolation)
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise UnsupportedError(
                f"layer {self.name!r} is to crop and to pad to the aspect ratio, expected one of them"
            )

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (height, width, C)."""
        image_size(shape)
        return (*self.size, shape[2])

    def __call__(self, x: Array) -> Array:
        """Resize (N, H, W, C)."""
        if self.crop_to_aspect_ratio:
            x = ops.crop_to_shape(x, self.size)
        elif self.pad_to_aspect_ratio:
            x = ops.pad_to_shape(x, self.size, self.fill_value)
        return ops.resize2d(x, self.size, self.interpolation, self.antialias)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient, shared out as the values were, cut or framed as the image was not."""
        (x,) = inputs
        framed = x
        if self.crop_to_aspect_ratio:
            framed = ops.crop_to_shape(x, self.size)
        elif self.pad_to_aspect_ratio:
            framed = ops.pad_to_shape(x, self.size, 0)
        pulled = ops.resize2d_pull_back(gradient, framed.shape, self.interpolation, self.antialias)
        return (ops.in_frame(pulled, x.shape, pads=self.pad_to_aspect_ratio),)


@dataclass(eq=False)
class CenterCrop(Spatial):
    """The middle of the image: (H, W, C) to (height, width, C); of a smaller image, the most in that shape, enlarged.

    Parameters
    ----------
    name : str
        What the network calls it.
    height, width : int
        Its size, in cells.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C).
    """

    name: str
    height: int
    width: int

    def __post_init__(self) -> None:
        """Refuse what is no size."""
        with options_of(self.name):
            self.size = parse_pair("size", (self.height, self.width), least=1)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (height, width, C)."""
        image_size(shape)
        return (*self.size, shape[2])

    def window_on(self, shape: Shape) -> Walk:
        """Return one cell that starts inside the image; of an image that is enlarged, "varies"."""
        size = image_size(shape)
        return ops.cropping(ops.sides_off(size, self.size)) if self._fits(size) else "varies"

    def _fits(self, size: Pair) -> bool:
        return size[0] >= self.height and size[1] >= self.width

    def __call__(self, x: Array) -> Array:
        """Crop (N, H, W, C) to (N, height, width, C)."""
        size = x.shape[1], x.shape[2]
        if self._fits(size):
            return ops.crop2d(x, ops.sides_off(size, self.size))
        return ops.resize2d(ops.crop_to_shape(x, self.size), self.size)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient with zeros where something was cut off."""
        (x,) = inputs
        if not self._fits((x.shape[1], x.shape[2])):
            gradient = ops.resize2d_pull_back(gradient, ops.crop_to_shape(x, self.size).shape)
        return (ops.in_frame(gradient, x.shape),)
