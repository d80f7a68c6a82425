"""Images in other sizes.

Output cell i of m lies over the point (i + 1/2) * n / m of an input of n cells: half-pixel centres, the rule of
TensorFlow 2 (`tf.image.resize`), Keras and OpenCV. It is followed in whole numbers, so that no rounding of positions
moves a cell: where (i + 1/2) * n / m is a whole number, frameworks that compute it in float32 may take the neighbour.
"""

from functools import reduce
from operator import add

from convlab.errors import UnsupportedError
from convlab.ops.checks import check_image
from convlab.ops.quiet import quiet
from convlab.ops.resampling import KERNELS, taps
from convlab.ops.with_kernel import host_kernels
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab.runtime.policy import new_array
from convlab.wording import unknown
from convlab_kernels.window import Pair, parse_pair

INTERPOLATIONS = ("nearest", "area", *KERNELS)


def check_interpolation(interpolation: str) -> None:
    """Raise UnsupportedError unless `resize2d` knows this interpolation."""
    if interpolation not in INTERPOLATIONS:
        raise UnsupportedError(unknown("interpolation", interpolation, INTERPOLATIONS))


@quiet
def resize2d(x: ArrayLike, size: int | Pair, interpolation: str = "bilinear", antialias: bool = False) -> Array:
    """Return x (N, H, W, C) as images of (height, width) = `size`, not smoothed first unless with `antialias`.

    "nearest" takes the cell that the point lies in, "bilinear" weighs the two (four) nearest centres by distance and
    repeats the cells at the border; "area" is the mean over the output cell's area. "bicubic", "gaussian",
    "lanczos3", "lanczos5", "mitchellcubic" are TensorFlow's, "bicubic_torch" is PyTorch's (see
    `convlab.ops.resampling`). Two are never smoothed: "nearest" and "area".
    """
    (x,) = as_floats(x)
    check_image(x.shape, "resize2d")
    check_interpolation(interpolation)
    size = parse_pair("size", size, least=1)
    if (compiled := host_kernels(x)) and interpolation in ("nearest", "bilinear") and not antialias:
        out = new_array(x, (len(x), *size, x.shape[3]))
        (compiled.nearest if interpolation == "nearest" else compiled.bilinear)(x, out)
        return out
    for axis, cells in enumerate(size, start=1):
        if interpolation == "nearest":
            x = _nearest(x, cells, axis)
        elif interpolation == "bilinear" and not antialias:
            x = _linear(x, cells, axis)
        else:
            x = _weighted(x, cells, axis, interpolation, antialias)
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


def _weighted(x: Array, cells: int, axis: int, interpolation: str, antialias: bool) -> Array:
    index, shares = taps(module_of(x), x.shape[axis], cells, interpolation, antialias)
    shape = [-1 if a == axis else 1 for a in range(x.ndim)]
    taken = (
        x.take(index[:, tap], axis) * shares[:, tap].astype(x.dtype).reshape(shape) for tap in range(index.shape[1])
    )
    return reduce(add, taken)


@quiet
def resize2d_pull_back(
    gradient: Array, x: tuple[int, ...], interpolation: str = "bilinear", antialias: bool = False
) -> Array:
    """Return the gradient (N, H, W, C) = x in shape from that by what `resize2d` makes: its adjoint.

    Along each axis `resize2d` is a matrix, which is what it makes of the unit vectors: (cells, n) @ x.
    """
    xp = module_of(gradient)
    for axis in (1, 2):
        units = xp.eye(x[axis], dtype=gradient.dtype)[None, :, None]  # images (1, n, 1, n) of one column
        matrix = resize2d(units, (gradient.shape[axis], 1), interpolation, antialias)[0, :, 0]
        gradient = xp.moveaxis(xp.tensordot(matrix, gradient, (0, axis)), 0, axis)
    return gradient
