"""The operations of a convolutional network on channels-last arrays: check once, choose a kernel, call it.

N batch, H W rows and columns, C input channels, O output channels, KH KW kernel, OH OW output. Arrays are NumPy's
(or CuPy's); results are float32, or float64 where the caller gives a float64 array. Inputs are never written to.
"""

from collections.abc import Iterator
from math import prod
from numbers import Integral

import numpy as np

from convlab.arrays import Array, ArrayLike, as_floats, module_of
from convlab.errors import ShapeError, UnsupportedError
from convlab_kernels.cpu import METHODS, Convolution
from convlab_kernels.window import PaddingLike, Pair, Window, parse_pair


def output_size(
    size: int | Pair,
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: PaddingLike = 0,
    dilation: int | Pair = 1,
) -> int | Pair:
    """Return how many places a window has: an int for an int `size`, (OH, OW) for (H, W).

    floor((size + padding before + padding after - dilation*(kernel - 1) - 1) / stride) + 1; ShapeError, showing the
    arithmetic, where that is not positive. Dumoulin and Visin, arXiv 1603.07285, relationship 15.
    """
    height, width = Window.parse(kernel, stride, padding, dilation).output_size(parse_pair("size", size, least=1))
    if isinstance(size, tuple | list):
        return height, width
    if height != width:
        raise ShapeError(f"output is {height} x {width}: the window is not square, so give the size as (H, W)")
    return height


def conv2d(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    stride: int | Pair = 1,
    padding: PaddingLike = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    method: str = "auto",
) -> Array:
    """Convolve a batch of images with a bank of kernels (cross-correlation, as in every framework).

    Parameters
    ----------
    x : array (N, H, W, C)
    w : array (KH, KW, C/groups, O)
    b : array (O,), optional
    stride, padding, dilation
        As in `Window`: ints or (height, width) pairs; padding also four sides, "valid" or "same".
    groups : int
        Channels are split into so many groups, each seen only by its own share of the kernels.
    method : str
        "im2col", "direct" (slow, to study and to check with), or "auto".

    Returns
    -------
    array (N, OH, OW, O)

    Raises
    ------
    ShapeError
        Where the sizes do not fit together, with the arithmetic.
    """
    x, w, b = as_floats(x, w, optional=(b,))
    check_conv2d(x.shape, w.shape, None if b is None else b.shape, groups)
    window = Window.parse(w.shape[:2], stride, padding, dilation)
    return run_conv2d(
        prepare_conv2d(w, window, groups, method), x, (*window.output_size(x.shape[1:3]), w.shape[3]), b
    )


def check_conv2d(x: tuple[int, ...], w: tuple[int, ...], b: tuple[int, ...] | None, groups: int) -> None:
    """Raise ShapeError unless the shapes of input, kernels and bias fit together."""
    _check_image(x, "conv2d")
    if len(w) != 4 or min(w) < 1:
        raise ShapeError(f"conv2d: kernel has shape {w}, expected (KH, KW, C/groups, O), none of them 0")
    if isinstance(groups, bool) or not isinstance(groups, Integral) or groups < 1:
        raise ShapeError(f"conv2d: groups is {groups!r}, expected a whole number of at least 1")
    if x[3] != w[2] * groups:
        hint = " (is the input channels first? convlab is channels last)" if x[1] == w[2] * groups else ""
        raise ShapeError(
            f"conv2d: input {x} has {x[3]} channels, but kernel {w} in {groups} group(s)"
            f" takes {w[2]} * {groups} = {w[2] * groups}{hint}"
        )
    if w[3] % groups:
        raise ShapeError(f"conv2d: {w[3]} output channels cannot be split into {groups} groups")
    if b is not None and b != (w[3],):
        raise ShapeError(f"conv2d: bias has shape {b}, expected ({w[3]},), one number for each output channel")


def prepare_conv2d(w: Array, window: Window, groups: int, method: str = "auto") -> Convolution:
    """Choose a kernel and prepare w (KH, KW, C/groups, O) for it, to be used any number of times."""
    if method != "auto" and method not in METHODS:
        raise UnsupportedError(f"conv2d: method {method!r} is unknown: use auto, {', '.join(METHODS)}")
    return METHODS["im2col" if method == "auto" else method](w, window, groups)


def run_conv2d(
    kernel: Convolution, x: Array, output: tuple[int, int, int], b: Array | None = None, relu: bool = False
) -> Array:
    """Call a prepared kernel on x (N, H, W, C) and return a new array (N, *output)."""
    out: Array = module_of(x).empty((len(x), *output), x.dtype)
    kernel(x, out, b, relu)
    return out


def max_pool2d(x: ArrayLike, size: int | Pair, stride: int | Pair | None = None, padding: PaddingLike = 0) -> Array:
    """Return the largest value in each window, (N, OH, OW, C); padding cells never win (they are -inf).

    x is (N, H, W, C); stride defaults to size; padding is at most half the window. NaN wins over any number.
    """
    (x,) = as_floats(x)
    window = _pool_window(x.shape, size, stride, padding)
    xp = module_of(x)
    out: Array = xp.full(_pooled_shape(x, window), -xp.inf, x.dtype)
    for view in _shifted_views(_pad(x, window, -xp.inf), window, out.shape[1:3]):
        xp.maximum(out, view, out=out)
    return out


def avg_pool2d(x: ArrayLike, size: int | Pair, stride: int | Pair | None = None, padding: PaddingLike = 0) -> Array:
    """Return the mean of each window, (N, OH, OW, C), over the cells inside the image only (as Keras does).

    x is (N, H, W, C); stride defaults to size; padding is at most half the window.
    """
    (x,) = as_floats(x)
    window = _pool_window(x.shape, size, stride, padding)
    xp = module_of(x)
    total: Array = xp.zeros(_pooled_shape(x, window), x.dtype)
    for view in _shifted_views(_pad(x, window, 0), window, total.shape[1:3]):
        total += view
    inside = xp.zeros((1, *total.shape[1:3], 1), x.dtype)
    for view in _shifted_views(_pad(xp.ones((1, *x.shape[1:3], 1), x.dtype), window, 0), window, total.shape[1:3]):
        inside += view
    total /= inside
    return total


def _pool_window(shape: tuple[int, ...], size: int | Pair, stride: int | Pair | None, padding: PaddingLike) -> Window:
    window = Window.parse(size, size if stride is None else stride, padding)
    check_pool2d(shape, window)
    return window


def check_pool2d(shape: tuple[int, ...], window: Window) -> None:
    """Raise ShapeError unless a window may pool an image (N, H, W, C): no place of it lies in the padding alone."""
    _check_image(shape, "pool")
    for side, pads, kernel in zip(("height", "width"), window.pads((shape[1], shape[2])), window.kernel, strict=True):
        if max(pads) > kernel // 2:
            raise ShapeError(f"pool: padding {pads} in {side} is more than half of the window of {kernel}")


def _check_image(shape: tuple[int, ...], op: str) -> None:
    if len(shape) != 4 or 0 in shape[1:]:
        raise ShapeError(f"{op}: input has shape {shape}, expected four dimensions (N, H, W, C), only N may be 0")


def _pooled_shape(x: Array, window: Window) -> tuple[int, int, int, int]:
    return (len(x), *window.output_size(x.shape[1:3]), x.shape[3])


def _pad(x: Array, window: Window, value: float) -> Array:
    pads = window.pads(x.shape[1:3])
    if pads == ((0, 0), (0, 0)):
        return x
    return module_of(x).pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)


def _shifted_views(x: Array, window: Window, output: Pair) -> Iterator[Array]:
    """Yield, for each cell of the window, the view (N, OH, OW, C) of what that cell sees at every place."""
    (kh, kw), (sh, sw), (oh, ow) = window.kernel, window.stride, output
    for ky in range(kh):
        for kx in range(kw):
            yield x[:, ky : ky + (oh - 1) * sh + 1 : sh, kx : kx + (ow - 1) * sw + 1 : sw]


def global_max_pool2d(x: ArrayLike) -> Array:
    """Return the largest value of each channel: (N, H, W, C) -> (N, C)."""
    (x,) = as_floats(x)
    _check_image(x.shape, "global_max_pool2d")
    return x.max(axis=(1, 2))


def global_avg_pool2d(x: ArrayLike) -> Array:
    """Return the mean of each channel: (N, H, W, C) -> (N, C)."""
    (x,) = as_floats(x)
    _check_image(x.shape, "global_avg_pool2d")
    # channels last, NumPy adds one by one: in float32 the error would grow with the area
    return x.mean(axis=(1, 2), dtype=np.float64).astype(x.dtype)


def border(padding: PaddingLike) -> Window:
    """Return a padding as a window of one cell: the padded image is what it walks over."""
    if isinstance(padding, str):
        raise ShapeError(f"zero_pad2d: padding {padding!r} means nothing without a window: use ints")
    return Window.parse(1, padding=padding)


def zero_pad2d(x: ArrayLike, padding: PaddingLike) -> Array:
    """Return x (N, H, W, C) with zeros around it: (N, top+H+bottom, left+W+right, C)."""
    (x,) = as_floats(x)
    _check_image(x.shape, "zero_pad2d")
    return module_of(x).pad(x, ((0, 0), *border(padding).pads(x.shape[1:3]), (0, 0)))


def dense(x: ArrayLike, w: ArrayLike, b: ArrayLike | None = None) -> Array:
    """Return x @ w + b: (N, in) and (in, out) -> (N, out)."""
    x, w, b = as_floats(x, w, optional=(b,))
    if x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[0]:
        raise ShapeError(f"dense: input {x.shape} and kernel {w.shape} do not fit: (N, in) and (in, out) expected")
    if b is not None and b.shape != (w.shape[1],):
        raise ShapeError(f"dense: bias has shape {b.shape}, expected ({w.shape[1]},)")
    out: Array = x @ w  # (N, out) = (N, in) @ (in, out)
    if b is not None:
        out += b
    return out


def flatten(x: ArrayLike) -> Array:
    """Return (N, H*W*C): rows, then columns, then channels, as Keras does. A view where x is contiguous."""
    (x,) = as_floats(x)
    return x.reshape(len(x), prod(x.shape[1:]))


def batch_norm(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
) -> Array:
    """Normalise each channel with known statistics: gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    x is (..., C), the rest (C,). Ioffe and Szegedy, arXiv 1502.03167, algorithm 2. Epsilon defaults to Keras'.
    """
    x, mean, variance, gamma, beta = as_floats(x, mean, variance, optional=(gamma, beta))
    for name, p in (("mean", mean), ("variance", variance), ("gamma", gamma), ("beta", beta)):
        if p is not None and p.shape != x.shape[-1:]:
            raise ShapeError(f"batch_norm: {name} has shape {p.shape}, expected {x.shape[-1:]}, the channels of x")
    scale = 1 / module_of(x).sqrt(variance + x.dtype.type(epsilon))
    if gamma is not None:
        scale = gamma * scale
    out: Array = (x - mean) * scale
    if beta is not None:
        out += beta
    return out


def relu(x: ArrayLike) -> Array:
    """Return max(x, 0); NaN stays NaN."""
    (x,) = as_floats(x)
    return module_of(x).maximum(x, 0)


def tanh(x: ArrayLike) -> Array:
    """Return the hyperbolic tangent."""
    (x,) = as_floats(x)
    return module_of(x).tanh(x)


def sigmoid(x: ArrayLike) -> Array:
    """Return 1 / (1 + exp(-x)), computed from exp(-|x|), which is at most 1, so that nothing overflows."""
    (x,) = as_floats(x)
    xp = module_of(x)
    powers = xp.exp(-xp.abs(x))
    return xp.where(x < 0, powers, x.dtype.type(1)) / (1 + powers)


def softmax(x: ArrayLike) -> Array:
    """Return exp(x) / sum(exp(x)) over the last axis; the largest value is taken off first, so nothing overflows."""
    (x,) = as_floats(x)
    xp = module_of(x)
    if 0 in x.shape[-1:] or not x.ndim:
        raise ShapeError(f"softmax: input has shape {x.shape}, expected (..., classes) with at least one class")
    with np.errstate(over="ignore", invalid="ignore"):  # a difference beyond the type is -inf, infinities make NaN
        powers: Array = xp.exp(x - x.max(axis=-1, keepdims=True))
        powers /= powers.sum(axis=-1, keepdims=True)
    return powers
