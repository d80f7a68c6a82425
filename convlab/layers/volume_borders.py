"""Borders around volumes (D, H, W, C), taken off or put there, and volumes enlarged."""

from dataclasses import dataclass, field

from convlab import ops
from convlab.layers.base import Spatial
from convlab.layers.checks import options_of
from convlab.layers.sizes import volume_size
from convlab.runtime.arrays import Array, Shape, module_of
from convlab_kernels.window3d import PaddingLike3D, Triple, Window3D, parse_triple


@dataclass(eq=False)
class ZeroPadding3D(Spatial):
    """Zeros around the volume: (D, H, W, C) to (front+D+back, top+H+bottom, left+W+right, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    padding : int, (int, int, int) or ((front, back), (top, bottom), (left, right))
        How many, in cells.
    """

    name: str
    padding: PaddingLike3D = 1
    window: Window3D = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the padding once."""
        with options_of(self.name):
            self.window = ops.border3d(self.padding)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (front+D+back, top+H+bottom, left+W+right, C)."""
        return (*self.window.output_size(volume_size(shape)), shape[3])

    def __call__(self, x: Array) -> Array:
        """Pad (N, D, H, W, C)."""
        return ops.zero_pad3d(x, self.padding)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient without its border."""
        pads, sizes = self.window.pads(inputs[0].shape[1:4]), inputs[0].shape[1:4]
        return (gradient[(slice(None), *(slice(b, b + n) for (b, _), n in zip(pads, sizes, strict=True)))],)


@dataclass(eq=False)
class Cropping3D(Spatial):
    """The volume without cells at its sides: (D, H, W, C) to (D-front-back, H-top-bottom, W-left-right, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    cropping : int, (int, int, int) or ((front, back), (top, bottom), (left, right))
        How many, in cells.

    Raises
    ------
    ShapeError
        As of `Cropping2D`.
    """

    name: str
    cropping: PaddingLike3D = 1
    window: Window3D = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the cropping once: a window of one cell that starts inside the volume."""
        with options_of(self.name):
            self.window = ops.cropping3d(self.cropping)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (D-front-back, H-top-bottom, W-left-right, C)."""
        size = volume_size(shape)
        ops.check_cropping3d(self.window, size)
        return (*self.window.output_size(size), shape[3])

    def __call__(self, x: Array) -> Array:
        """Crop (N, D, H, W, C)."""
        return ops.crop3d(x, self.cropping)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient with zeros where something was cut off."""
        pads = [(-before, -after) for before, after in self.window.pads(inputs[0].shape[1:4])]
        return (module_of(gradient).pad(gradient, ((0, 0), *pads, (0, 0))),)


@dataclass(eq=False)
class UpSampling3D(Spatial):
    """Each cell several times along each axis: (D, H, W, C) to a volume so many times as large.

    Parameters
    ----------
    name : str
        What the network calls it.
    size : int or (int, int, int)
        How many times.
    """

    name: str
    size: int | Triple = 2
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        with options_of(self.name):
            self.factors = parse_triple("size", self.size, least=1)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OD, OH, OW, C)."""
        depth, height, width = (n * times for n, times in zip(volume_size(shape), self.factors, strict=True))
        return depth, height, width, shape[3]

    def __call__(self, x: Array) -> Array:
        """Enlarge (N, D, H, W, C)."""
        return ops.upsample3d(x, self.factors)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the sums of the gradients of each cell's copies."""
        for axis, times in enumerate(self.factors, start=1):
            size = gradient.shape
            gradient = gradient.reshape(*size[:axis], size[axis] // times, times, *size[axis + 1 :]).sum(
                axis=axis + 1
            )
        return (gradient,)
