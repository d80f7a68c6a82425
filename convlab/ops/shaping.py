"""Operations that move numbers and change none."""

from collections.abc import Sequence
from math import prod

from convlab.errors import ShapeError
from convlab.ops.checks import check_image
from convlab.ops.with_kernel import host_kernels
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab.runtime.policy import new_array
from convlab_kernels.window import PaddingLike, Pair, Sides, Window


def border(padding: PaddingLike) -> Window:
    """Return a padding as a window of one cell: the padded image is what it walks over."""
    if isinstance(padding, str):
        raise ShapeError(f"zero_pad2d: padding {padding!r} means nothing without a window: use ints")
    return Window.parse(1, padding=padding)


def zero_pad2d(x: ArrayLike, padding: PaddingLike) -> Array:
    """Return images with zeros around them.

    Parameters
    ----------
    x : array (N, H, W, C)
    padding : int, (int, int) or ((top, bottom), (left, right))
        How many, in cells.

    Returns
    -------
    array (N, top+H+bottom, left+W+right, C)

    Raises
    ------
    ShapeError
        Where x is no batch of images, or the padding is none.
    """
    (x,) = as_floats(x)
    check_image(x.shape, "zero_pad2d")
    pads = border(padding).pads((x.shape[1], x.shape[2]))
    return _framed(x, pads) if host_kernels(x) else module_of(x).pad(x, ((0, 0), *pads, (0, 0)))


def _framed(x: Array, pads: Sides) -> Array:
    """Return images with so many rows and columns of zeros at each side; fewer than 0: cut off."""
    (top, bottom), (left, right) = pads
    n, height, width, channels = x.shape
    out = new_array(x, (n, top + height + bottom, left + width + right, channels))
    host_kernels(x).frame(x, out, top, left)
    return out


def cropping(cells: PaddingLike) -> Window:
    """Return how many cells to take off each side as a window of one cell whose padding is negative."""
    if isinstance(cells, str):
        raise ShapeError(f"crop2d: cropping {cells!r} is unknown: use ints")
    try:
        (top, bottom), (left, right) = Window.parse(1, padding=cells).pads((1, 1))
    except ShapeError as error:
        raise ShapeError(str(error).replace("padding", "cropping")) from None
    return Window((1, 1), padding=((-top, -bottom), (-left, -right)))


def crop2d(x: ArrayLike, cells: PaddingLike) -> Array:
    """Return x (N, H, W, C) without the cells at its sides: (N, H-top-bottom, W-left-right, C).

    It is a view where no compiled kernels compute. Cells are given as padding is: an int, a pair or ((top, bottom),
    (left, right)).
    """
    (x,) = as_floats(x)
    check_image(x.shape, "crop2d")
    height, width = x.shape[1:3]
    check_cropping(cropping(cells), (height, width))
    pads = (top, bottom), (left, right) = cropping(cells).pads((height, width))
    if host_kernels(x):
        return _framed(x, pads)
    return x[:, -top : height + bottom, -left : width + right]


def check_cropping(window: Window, size: Pair) -> None:
    """Raise ShapeError unless something is left of an image of (H, W) = `size`."""
    check_left(("height", "width"), size, window.pads(size))


def check_left(sides: Sequence[str], size: Sequence[int], pads: Sequence[Pair]) -> None:
    """Raise ShapeError unless something is left along each side, of so many cells, with negative padding."""
    for side, cells, (before, after) in zip(sides, size, pads, strict=True):
        if cells + before + after < 1:
            raise ShapeError(f"cropping {(-before, -after)} leaves nothing of a {side} of {cells}")


def concatenate(arrays: Sequence[Array], axis: int) -> Array:
    """Return arrays of one type side by side along an axis, counted from the first one."""
    first = arrays[0]
    if compiled := host_kernels(first):
        shape = list(first.shape)
        shape[axis] = sum(array.shape[axis] for array in arrays)
        out = new_array(first, tuple(shape))
        compiled.join(arrays, out, axis)
        return out
    return module_of(first).concatenate(arrays, axis=axis)


def flatten(x: ArrayLike) -> Array:
    """Return all values of an example in one row: rows, then columns, then channels, as Keras does.

    Parameters
    ----------
    x : array (N, H, W, C), or of any other shape (N, ...)

    Returns
    -------
    array (N, H*W*C)
        A view where x is contiguous.
    """
    (x,) = as_floats(x)
    return x.reshape(len(x), prod(x.shape[1:]))
