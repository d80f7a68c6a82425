"""The operations on volumes (N, D, H, W, C): those on images with one axis more, plain.

D planes; of a medical scan slices, of a video frames. KD KH KW kernel, OD OH OW output.
"""

from convlab.errors import ShapeError
from convlab.ops.checks import check_volume
from convlab.ops.convolution import check_kernel, run_conv2d
from convlab.ops.pooling import check_borders, largest_in_windows, means_of_channels, means_of_windows
from convlab.ops.quiet import quiet
from convlab.ops.shaping import check_left
from convlab.ops.transposed import check_adjoint
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab_kernels.cpu.im2col3d import Im2col3D
from convlab_kernels.transposed import Transposed
from convlab_kernels.transposed_window import TransposedWindow3D
from convlab_kernels.window3d import AXES, PaddingLike3D, Triple, Window3D, parse_triple

Sizes = tuple[int, ...]


def conv3d(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    stride: int | Triple = 1,
    padding: PaddingLike3D = 0,
    dilation: int | Triple = 1,
    groups: int = 1,
) -> Array:
    """Convolve volumes x (N, D, H, W, C) with kernels w (KD, KH, KW, C/groups, O): (N, OD, OH, OW, O).

    b is (O,). Options and errors are those of `conv2d`, with a (depth, height, width) triple for each pair.
    """
    x, w, b = as_floats(x, w, optional=(b,))
    check_conv3d(x.shape, w.shape, None if b is None else b.shape, groups)
    window = Window3D.parse(w.shape[:3], stride, padding, dilation)
    return run_conv2d(Im2col3D(w, window, groups), x, (*window.output_size(x.shape[1:4]), w.shape[4]), b)


def check_conv3d(x: Sizes, w: Sizes, b: Sizes | None, groups: int) -> None:
    """Raise ShapeError unless the shapes of input, kernels and bias fit together."""
    check_volume(x, "conv3d")
    check_kernel("conv3d", "KD, KH, KW", x, w, b, groups)


def conv3d_transpose(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    stride: int | Triple = 1,
    padding: PaddingLike3D = 0,
    dilation: int | Triple = 1,
    output_padding: int | Triple | None = None,
) -> Array:
    """Add each input's multiple of the kernel to the cells under its window: the adjoint of `conv3d`.

    x is (N, D, H, W, C), w (KD, KH, KW, O, C), b (O,); the result (N, OD, OH, OW, O). Options, sizes and errors are
    those of `conv2d_transpose`, with a triple for each pair.
    """
    x, w, b = as_floats(x, w, optional=(b,))
    check_conv3d_transpose(x.shape, w.shape, None if b is None else b.shape)
    window = TransposedWindow3D.parse(w.shape[:3], stride, padding, dilation, output_padding)
    return run_conv2d(Transposed(w, window), x, (*window.output_size(x.shape[1:4]), w.shape[3]), b)


def check_conv3d_transpose(x: Sizes, w: Sizes, b: Sizes | None) -> None:
    """Raise ShapeError unless the shapes of input, kernels and bias fit together."""
    check_volume(x, "conv3d_transpose")
    check_adjoint("conv3d_transpose", "KD, KH, KW", x, w, b)


def max_pool3d(
    x: ArrayLike, size: int | Triple, stride: int | Triple | None = None, padding: PaddingLike3D = 0
) -> Array:
    """Return the largest value in each window of x (N, D, H, W, C), (N, OD, OH, OW, C); as `max_pool2d`."""
    (x,) = as_floats(x)
    return run_max_pool3d(x, _pool_window(x.shape, size, stride, padding))


def run_max_pool3d(x: Array, window: Window3D) -> Array:
    """Return the largest value of x (N, D, H, W, C) in each window, (N, OD, OH, OW, C)."""
    return largest_in_windows(x, window, _pooled_shape(x, window))


def avg_pool3d(
    x: ArrayLike, size: int | Triple, stride: int | Triple | None = None, padding: PaddingLike3D = 0
) -> Array:
    """Return the mean of each window of x (N, D, H, W, C) over the cells inside, (N, OD, OH, OW, C)."""
    (x,) = as_floats(x)
    return run_avg_pool3d(x, _pool_window(x.shape, size, stride, padding))


@quiet
def run_avg_pool3d(x: Array, window: Window3D) -> Array:
    """Return the mean of x (N, D, H, W, C) in each window, (N, OD, OH, OW, C)."""
    return means_of_windows(x, window, _pooled_shape(x, window))


def _pool_window(shape: Sizes, size: int | Triple, stride: int | Triple | None, padding: PaddingLike3D) -> Window3D:
    window = Window3D.parse(size, size if stride is None else stride, padding)
    check_pool3d(shape, window)
    return window


def check_pool3d(shape: Sizes, window: Window3D) -> None:
    """Raise ShapeError unless a window may pool (N, D, H, W, C): no place of it lies in the padding alone."""
    check_volume(shape, "pool")
    check_borders(AXES, window.pads((shape[1], shape[2], shape[3])), window.kernel)


def _pooled_shape(x: Array, window: Window3D) -> Sizes:
    return (len(x), *window.output_size(x.shape[1:4]), x.shape[4])


def global_max_pool3d(x: ArrayLike) -> Array:
    """Return the largest value of each channel: (N, D, H, W, C) -> (N, C)."""
    (x,) = as_floats(x)
    check_volume(x.shape, "global_max_pool3d")
    return x.max(axis=(1, 2, 3))


@quiet
def global_avg_pool3d(x: ArrayLike) -> Array:
    """Return the mean of each channel: (N, D, H, W, C) -> (N, C)."""
    (x,) = as_floats(x)
    check_volume(x.shape, "global_avg_pool3d")
    return means_of_channels(x)


def border3d(padding: PaddingLike3D) -> Window3D:
    """Return a padding as a window of one cell: the padded volume is what it walks over."""
    if isinstance(padding, str):
        raise ShapeError(f"zero_pad3d: padding {padding!r} means nothing without a window: use ints")
    return Window3D.parse(1, padding=padding)


def zero_pad3d(x: ArrayLike, padding: PaddingLike3D) -> Array:
    """Return x (N, D, H, W, C) with zeros around it; six sides are ((front, back), (top, bottom), (left, right))."""
    (x,) = as_floats(x)
    check_volume(x.shape, "zero_pad3d")
    return module_of(x).pad(x, ((0, 0), *border3d(padding).pads(x.shape[1:4]), (0, 0)))


def cropping3d(cells: PaddingLike3D) -> Window3D:
    """Return how many cells to take off each side as a window of one cell whose padding is negative."""
    if isinstance(cells, str):
        raise ShapeError(f"crop3d: cropping {cells!r} is unknown: use ints")
    try:
        sides = Window3D.parse(1, padding=cells).pads((1, 1, 1))
    except ShapeError as error:
        raise ShapeError(str(error).replace("padding", "cropping")) from None
    depth, height, width = ((-before, -after) for before, after in sides)
    return Window3D((1, 1, 1), padding=(depth, height, width))


def crop3d(x: ArrayLike, cells: PaddingLike3D) -> Array:
    """Return x (N, D, H, W, C) without the cells at its sides, a view; cells are given as padding is."""
    (x,) = as_floats(x)
    check_volume(x.shape, "crop3d")
    size = x.shape[1:4]
    check_cropping3d(cropping3d(cells), size)
    sides = zip(cropping3d(cells).pads(size), size, strict=True)
    return x[(slice(None), *(slice(-before, n + after) for (before, after), n in sides))]


def check_cropping3d(window: Window3D, size: Triple) -> None:
    """Raise ShapeError unless something is left of a volume of (D, H, W) = `size`."""
    check_left(AXES, size, window.pads(size))


def upsample3d(x: ArrayLike, factors: int | Triple) -> Array:
    """Return x (N, D, H, W, C) with each cell repeated so many times along each axis."""
    (x,) = as_floats(x)
    check_volume(x.shape, "upsample3d")
    for axis, times in enumerate(parse_triple("size", factors, least=1), start=1):
        x = x.repeat(times, axis)
    return x
