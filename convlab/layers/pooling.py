"""Layers that summarise each window, or each channel, by one number."""

from abc import abstractmethod
from dataclasses import dataclass, field

from convlab import ops
from convlab.layers.base import Pooling
from convlab.layers.checks import options_of
from convlab.layers.sizes import image_size
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import PaddingLike, Pair, Window


@dataclass(eq=False)
class Pooling2D(Pooling):
    """What both poolings share: a window, and channels that stay apart."""

    name: str
    pool: int | Pair
    stride: int | Pair | None = None
    padding: PaddingLike = "valid"
    window: Window = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the window once."""
        with options_of(self.name):
            self.window = Window.parse(self.pool, self.pool if self.stride is None else self.stride, self.padding)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OH, OW, C)."""
        size = image_size(shape)
        ops.check_pool2d((1, *shape), self.window)
        return (*self.window.output_size(size), shape[2])


class MaxPooling2D(Pooling2D):
    """The largest value in each window: (H, W, C) to (OH, OW, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    pool : int or (int, int)
        The window's size, in cells.
    stride : int or (int, int), optional
        Cells from one place of the window to the next; by default the window's size.
    padding : "valid", "same", int, (int, int) or ((top, bottom), (left, right))
        Cells around the image that count for nothing: none; as many as make ceil(H / stride) rows and
        ceil(W / stride) columns; or so many, at most half the window.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), or for a window that lies in
        the padding alone.
    """

    def __call__(self, x: Array) -> Array:
        """Pool (N, H, W, C) to (N, OH, OW, C)."""
        return ops.run_max_pool2d(x, self.window)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient (N, H, W, C): each goes to the first cell that has the largest value."""
        return (ops.max_pool_pull_back(gradient, inputs[0], output, self.window),)


class AveragePooling2D(Pooling2D):
    """The mean of each window, over the cells inside the image: (H, W, C) to (OH, OW, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    pool : int or (int, int)
        The window's size, in cells.
    stride : int or (int, int), optional
        Cells from one place of the window to the next; by default the window's size.
    padding : "valid", "same", int, (int, int) or ((top, bottom), (left, right))
        Cells around the image that count for nothing: none; as many as make ceil(H / stride) rows and
        ceil(W / stride) columns; or so many, at most half the window.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), or for a window that lies in
        the padding alone.
    """

    def __call__(self, x: Array) -> Array:
        """Pool (N, H, W, C) to (N, OH, OW, C)."""
        return ops.run_avg_pool2d(x, self.window)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient (N, H, W, C): an equal share for each cell inside."""
        return (ops.avg_pool_pull_back(gradient, inputs[0], self.window),)


@dataclass(eq=False)
class GlobalPooling(Pooling):
    """What global poolings share, of images or volumes: a number a channel; `keepdims` leaves them one cell."""

    name: str
    keepdims: bool = False
    window = None

    def __call__(self, x: Array) -> Array:
        """Pool (N, ..., C) to (N, C), or (N, 1, ..., C)."""
        y = self.reduce(x)
        return y.reshape(len(y), *(1,) * (x.ndim - 2), y.shape[1]) if self.keepdims else y

    @abstractmethod
    def reduce(self, x: Array) -> Array:
        """Pool (N, ..., C) to (N, C)."""

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient (N, ..., C) from (N, C), or (N, 1, ..., C)."""
        (x,) = inputs
        return (self.expand(gradient.reshape(len(x), x.shape[-1]), x),)

    @abstractmethod
    def expand(self, gradient: Array, x: Array) -> Array:
        """Return the gradient (N, ..., C) by x from (N, C)."""


class GlobalPooling2D(GlobalPooling):
    """Global pooling of images (H, W, C)."""

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (C,), or (1, 1, C)."""
        image_size(shape)
        return (1, 1, shape[2]) if self.keepdims else shape[2:]


class GlobalMaxPooling2D(GlobalPooling2D):
    """The largest value of each channel: (H, W, C) to (C,).

    Parameters
    ----------
    name : str
        What the network calls it.
    keepdims : bool
        Whether an image of one cell is left, (1, 1, C).

    Raises
    ------
    ShapeError
        In a network, for an input that is not (H, W, C).
    """

    def reduce(self, x: Array) -> Array:
        """Pool (N, H, W, C) to (N, C)."""
        return ops.global_max_pool2d(x)

    def expand(self, gradient: Array, x: Array) -> Array:
        """Return the gradient by x: each goes to the first cell that has the largest value."""
        return ops.global_max_pull_back(gradient, x)


class GlobalAveragePooling2D(GlobalPooling2D):
    """The mean of each channel: (H, W, C) to (C,).

    Parameters
    ----------
    name : str
        What the network calls it.
    keepdims : bool
        Whether an image of one cell is left, (1, 1, C).

    Raises
    ------
    ShapeError
        In a network, for an input that is not (H, W, C).
    """

    def reduce(self, x: Array) -> Array:
        """Pool (N, H, W, C) to (N, C)."""
        return ops.global_avg_pool2d(x)

    def expand(self, gradient: Array, x: Array) -> Array:
        """Return the gradient by x: an equal share for each cell."""
        return ops.global_avg_pull_back(gradient, x)
