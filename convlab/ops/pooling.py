"""Pooling: one number for each window, or for each channel."""

from collections.abc import Iterator

import numpy as np

from convlab.arrays import Array, ArrayLike, as_floats, module_of
from convlab.errors import ShapeError
from convlab.ops.images import check_image
from convlab.ops.quiet import quiet
from convlab_kernels.window import PaddingLike, Pair, Window


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


@quiet
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
    check_image(shape, "pool")
    for side, pads, kernel in zip(("height", "width"), window.pads((shape[1], shape[2])), window.kernel, strict=True):
        if max(pads) > kernel // 2:
            raise ShapeError(f"pool: padding {pads} in {side} is more than half of the window of {kernel}")


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
    check_image(x.shape, "global_max_pool2d")
    return x.max(axis=(1, 2))


@quiet
def global_avg_pool2d(x: ArrayLike) -> Array:
    """Return the mean of each channel: (N, H, W, C) -> (N, C)."""
    (x,) = as_floats(x)
    check_image(x.shape, "global_avg_pool2d")
    # channels last, NumPy adds one by one: in float32 the error would grow with the area
    return x.mean(axis=(1, 2), dtype=np.float64).astype(x.dtype)
