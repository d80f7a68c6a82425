"""The sides of images and volumes, and what lies along an axis, from shapes without the batch."""

from convlab.errors import ShapeError
from convlab.layers.base import ONE_CELL, Walk
from convlab.ops.axes import AxisLike, inner_axes
from convlab.runtime.arrays import Shape
from convlab_kernels.window import Pair
from convlab_kernels.window3d import Triple


def image_size(shape: Shape) -> Pair:
    """Return (H, W) of an image's shape (H, W, C); ShapeError for another."""
    if len(shape) != 3:
        raise ShapeError("expected (H, W, C)")
    return shape[0], shape[1]


def volume_size(shape: Shape) -> Triple:
    """Return (D, H, W) of a volume's shape (D, H, W, C); ShapeError for another."""
    if len(shape) != 4:
        raise ShapeError("expected (D, H, W, C)")
    return shape[0], shape[1], shape[2]


def window_along(axis: AxisLike, shape: Shape) -> Walk:
    """Return the cells that one number sees of what works along an axis, or several, of such an input."""
    axes = inner_axes(axis, len(shape) + 1)
    if axes == (len(shape),):
        return ONE_CELL
    return None if axes[: len(shape) - 1] == tuple(range(1, len(shape))) else "varies"
