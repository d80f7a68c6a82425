"""Pooling: one number for each window, or for each channel."""

from collections.abc import Callable
from math import prod

import numpy as np

from convlab.arrays import Array, ArrayLike, as_floats, module_of
from convlab.computing import kernels, new_array
from convlab.errors import ShapeError
from convlab.ops.images import check_image
from convlab.ops.quiet import quiet
from convlab_kernels.window import PaddingLike, Pair, Window


def max_pool2d(x: ArrayLike, size: int | Pair, stride: int | Pair | None = None, padding: PaddingLike = 0) -> Array:
    """Return the largest value in each window, (N, OH, OW, C); padding cells never win (they are -inf).

    x is (N, H, W, C); stride defaults to size; padding is at most half the window. NaN wins over any number.
    """
    (x,) = as_floats(x)
    return run_max_pool2d(x, _pool_window(x.shape, size, stride, padding))


def run_max_pool2d(x: Array, window: Window) -> Array:
    """Return the largest value of x (N, H, W, C) in each window, (N, OH, OW, C)."""
    shape = _pooled_shape(x, window)
    if pooling := kernels("pooling", x, prod(shape) * prod(window.kernel)):
        pooled = new_array(x, shape)
        pooling.max_pool(x, pooled, window)
        return pooled
    xp = module_of(x)
    return _combined(xp.maximum, _pad(x, window, -xp.inf), window, shape)


def avg_pool2d(x: ArrayLike, size: int | Pair, stride: int | Pair | None = None, padding: PaddingLike = 0) -> Array:
    """Return the mean of each window, (N, OH, OW, C), over the cells inside the image only (as Keras does).

    x is (N, H, W, C); stride defaults to size; padding is at most half the window.
    """
    (x,) = as_floats(x)
    return run_avg_pool2d(x, _pool_window(x.shape, size, stride, padding))


@quiet
def run_avg_pool2d(x: Array, window: Window) -> Array:
    """Return the mean of x (N, H, W, C) in each window, (N, OH, OW, C)."""
    shape = _pooled_shape(x, window)
    if pooling := kernels("pooling", x, prod(shape) * prod(window.kernel)):
        pooled = new_array(x, shape)
        pooling.avg_pool(x, pooled, window)
        return pooled
    total = _combined(module_of(x).add, _pad(x, window, 0), window, shape)
    total /= _cells_inside(x, window, shape)
    return total


def _cells_inside(x: Array, window: Window, shape: tuple[int, ...]) -> Array | int:
    """Return how many cells of each window lie inside the image, (1, OH, OW, 1), or the one number that all have."""
    if window.pads(x.shape[1:3]) == ((0, 0), (0, 0)):
        return prod(window.kernel)
    xp = module_of(x)
    inside = xp.ones((1, *x.shape[1:3], 1), x.dtype)
    return _combined(xp.add, _pad(inside, window, 0), window, (1, *shape[1:3], 1))


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


def _combined(combine: Callable[..., Array], x: Array, window: Window, shape: tuple[int, ...]) -> Array:
    """Combine the cells of x (N, H, W, C) that each window sees, rows first: (N, OH, W, C), then (N, OH, OW, C)."""
    (kh, kw), (sh, sw), (_, oh, ow, _) = window.kernel, window.stride, shape
    rows = _all(combine, [x[:, ky : ky + (oh - 1) * sh + 1 : sh] for ky in range(kh)])
    return _all(combine, [rows[:, :, kx : kx + (ow - 1) * sw + 1 : sw] for kx in range(kw)])


def _all(combine: Callable[..., Array], views: list[Array]) -> Array:
    """Return a new array that combines them, number by number."""
    if len(views) == 1:
        return views[0].copy()
    out = combine(views[0], views[1])
    for view in views[2:]:
        combine(out, view, out=out)
    return out


def global_max_pool2d(x: ArrayLike) -> Array:
    """Return the largest value of each channel: (N, H, W, C) -> (N, C)."""
    (x,) = as_floats(x)
    check_image(x.shape, "global_max_pool2d")
    if pooling := kernels("pooling", x, x.size):
        pooled = new_array(x, (x.shape[0], x.shape[3]))
        pooling.global_max_pool(x, pooled)
        return pooled
    return x.max(axis=(1, 2))


@quiet
def global_avg_pool2d(x: ArrayLike) -> Array:
    """Return the mean of each channel: (N, H, W, C) -> (N, C)."""
    (x,) = as_floats(x)
    check_image(x.shape, "global_avg_pool2d")
    if pooling := kernels("pooling", x, x.size):
        pooled = new_array(x, (x.shape[0], x.shape[3]))
        pooling.global_avg_pool(x, pooled)
        return pooled
    # channels last, NumPy adds one by one: in float32 the error would grow with the area
    return x.mean(axis=(1, 2), dtype=np.float64).astype(x.dtype)
