"""Pooling of volumes (D, H, W, C): that of images with one axis more."""

from dataclasses import dataclass, field

from convlab import ops
from convlab.layers.base import Pooling
from convlab.layers.checks import options_of
from convlab.layers.pooling import GlobalPooling
from convlab.layers.sizes import volume_size
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window3d import PaddingLike3D, Triple, Window3D


@dataclass(eq=False)
class Pooling3D(Pooling):
    """What both poolings share: a window, and channels that stay apart."""

    name: str
    pool: int | Triple
    stride: int | Triple | None = None
    padding: PaddingLike3D = "valid"
    window: Window3D = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the window once."""
        with options_of(self.name):
            self.window = Window3D.parse(self.pool, self.pool if self.stride is None else self.stride, self.padding)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OD, OH, OW, C)."""
        size = volume_size(shape)
        ops.check_pool3d((1, *shape), self.window)
        return (*self.window.output_size(size), shape[3])


class MaxPooling3D(Pooling3D):
    """The largest value in each window: (D, H, W, C) to (OD, OH, OW, C).

    Parameters
    ----------
    name, pool, stride, padding
        As of `MaxPooling2D`, with three numbers for two.
    """

    def __call__(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, OD, OH, OW, C)."""
        return ops.run_max_pool3d(x, self.window)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient (N, D, H, W, C): each goes to the first cell that has the largest value."""
        return (ops.max_pool_pull_back(gradient, inputs[0], output, self.window),)


class AveragePooling3D(Pooling3D):
    """The mean of each window, over the cells inside the volume: (D, H, W, C) to (OD, OH, OW, C).

    Parameters
    ----------
    name, pool, stride, padding
        As of `AveragePooling2D`, with three numbers for two.
    """

    def __call__(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, OD, OH, OW, C)."""
        return ops.run_avg_pool3d(x, self.window)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient (N, D, H, W, C): an equal share for each cell inside."""
        return (ops.avg_pool_pull_back(gradient, inputs[0], self.window),)


class GlobalPooling3D(GlobalPooling):
    """Global pooling of volumes (D, H, W, C)."""

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (C,), or (1, 1, 1, C)."""
        volume_size(shape)
        return (1, 1, 1, shape[3]) if self.keepdims else shape[3:]


class GlobalMaxPooling3D(GlobalPooling3D):
    """The largest value of each channel: (D, H, W, C) to (C,), or (1, 1, 1, C).

    Parameters
    ----------
    name, keepdims
        As of `GlobalMaxPooling2D`.
    """

    def reduce(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, C)."""
        return ops.global_max_pool3d(x)

    def expand(self, gradient: Array, x: Array) -> Array:
        """Return the gradient by x: each goes to the first cell that has the largest value."""
        return ops.global_max_pull_back(gradient, x)


class GlobalAveragePooling3D(GlobalPooling3D):
    """The mean of each channel: (D, H, W, C) to (C,), or (1, 1, 1, C).

    Parameters
    ----------
    name, keepdims
        As of `GlobalMaxPooling2D`.
    """

    def reduce(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, C)."""
        return ops.global_avg_pool3d(x)

    def expand(self, gradient: Array, x: Array) -> Array:
        """Return the gradient by x: an equal share for each cell."""
        return ops.global_avg_pull_back(gradient, x)
