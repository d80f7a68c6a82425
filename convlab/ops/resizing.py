"""Images in other sizes.

Output cell i of m lies over the point (i + 1/2) * n / m of an input of n cells: half-pixel centres, the rule of
TensorFlow 2 (`tf.image.resize`), Keras and OpenCV. It is followed in whole numbers, so that no rounding of positions
moves a cell: where (i + 1/2) * n / m is a whole number, frameworks that compute it in float32 may take the neighbour.
"""

from convlab.arrays import Array, ArrayLike, as_floats, module_of
from convlab.errors import UnsupportedError
from convlab.names import unknown
from convlab.ops.images import check_image
from convlab.ops.quiet import quiet
from convlab_kernels.window import Pair, parse_pair

INTERPOLATIONS = ("nearest", "bilinear")


def check_interpolation(interpolation: str) -> None:
    """Raise UnsupportedError unless `resize2d` knows this interpolation."""
    if interpolation not in INTERPOLATIONS:
        raise UnsupportedError(unknown("interpolation", interpolation, INTERPOLATIONS))


@quiet
def resize2d(x: ArrayLike, size: int | Pair, interpolation: str = "bilinear") -> Array:
    """Return x (N, H, W, C) as images of (height, width) = `size`, without smoothing first where they get smaller.

    "nearest" takes the cell that the point lies in, "bilinear" weighs the two (four) nearest centres by distance and
    repeats the cells at the border.
    """
    (x,) = as_floats(x)
    check_image(x.shape, "resize2d")
    check_interpolation(interpolation)
    along = _nearest if interpolation == "nearest" else _linear
    for axis, cells in enumerate(parse_pair("size", size, least=1), start=1):
        x = along(x, cells, axis)
    return x


def _nearest(x: Array, cells: int, axis: int) -> Array:
    n, xp = x.shape[axis], module_of(x)
    return x.take((2 * xp.arange(cells) + 1) * n // (2 * cells), axis)


def _linear(x: Array, cells: int, axis: int) -> Array:
    n, xp = x.shape[axis], module_of(x)
    # in units of 1 / (2*cells), (i + 1/2) * n / cells - 1/2 is a whole number: how far from the first centre
    before, after = xp.divmod((2 * xp.arange(cells) + 1) * n - cells, 2 * cells)
    low, high = (x.take(index.clip(0, n - 1), axis) for index in (before, before + 1))
    shape = [-1 if a == axis else 1 for a in range(x.ndim)]
    of_low, of_high = ((parts / (2 * cells)).astype(x.dtype).reshape(shape) for parts in (2 * cells - after, after))
    return low * of_low + high * of_high  # no share of an infinite cell is NaN
