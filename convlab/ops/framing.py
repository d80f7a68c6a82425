"""Images brought to the shape of others, by what is cut off or put around them: Keras' `smart_resize` and its kin.

Where a number of cells is odd, one more is cut off at the bottom and at the right.
"""

from convlab.ops.shaping import crop2d
from convlab.runtime.arrays import Array, module_of
from convlab_kernels.window import Pair, Sides


def sides_off(size: Pair, kept: Pair) -> Sides:
    """Return the cells ((top, bottom), (left, right)) that the middle of an image of `size` has around it."""
    rows, columns = size[0] - kept[0], size[1] - kept[1]
    return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)


def crop_to_shape(x: Array, size: Pair) -> Array:
    """Return the largest part of images (N, H, W, C), of their middle, that is as wide for its height as `size`."""
    given = x.shape[1], x.shape[2]
    fitting = _with_the_shape_of(size, given)
    kept = max(min(given[0], fitting[0]), 1), max(min(given[1], fitting[1]), 1)
    return crop2d(x, sides_off(given, kept))


def pad_to_shape(x: Array, size: Pair, value: float) -> Array:
    """Return images (N, H, W, C) in a frame of `value` that makes them as wide for their height as `size`.

    As in Keras, it is as thick on both sides, so one cell may be missing.
    """
    given = x.shape[1], x.shape[2]
    fitting = _with_the_shape_of(size, given)
    top, left = (max(other - own, 0) // 2 for own, other in zip(given, fitting, strict=True))
    return module_of(x).pad(x, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=value)


def _with_the_shape_of(size: Pair, given: Pair) -> Pair:
    """Return the height that goes with the given width, and the width that goes with the given height."""
    return given[1] * size[0] // size[1], given[0] * size[1] // size[0]


def in_frame(x: Array, shape: tuple[int, ...], pads: bool = False) -> Array:
    """Return images in the shape of those they are the middle of, zeros around them: the adjoint of cutting it out.

    With `pads`, the middle of that shape of images that are larger: the adjoint of putting a frame around it.
    """
    if pads:
        top, left = ((own - other) // 2 for own, other in zip(x.shape[1:3], shape[1:3], strict=True))
        return x[:, top : top + shape[1], left : left + shape[2]]
    (top, bottom), (left, right) = sides_off((shape[1], shape[2]), (x.shape[1], x.shape[2]))
    return module_of(x).pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
