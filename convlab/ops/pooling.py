"""Pooling: one number for each window, or for each channel."""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from convlab.errors import ShapeError
from convlab.ops.checks import check_image
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab.runtime.policy import kernels, new_array
from convlab_kernels.window import PaddingLike, Pair, Window
from convlab_kernels.window3d import Window3D


def max_pool2d(x: ArrayLike, size: int | Pair, stride: int | Pair | None = None, padding: PaddingLike = 0) -> Array:
    """Return the largest value in each window.

    Padding cells never win (they are -inf); NaN wins over any number.

    Parameters
    ----------
    x : array (N, H, W, C)
    size : int or (int, int)
        Of the window, (height, width), in cells.
    stride : int or (int, int), optional
        Cells from one place of the window to the next, down and across; by default the window's size.
    padding : int, (int, int), ((top, bottom), (left, right)), "valid" or "same"
        In cells, at most half the window.

    Returns
    -------
    array (N, OH, OW, C)

    Raises
    ------
    ShapeError
        Where x is no batch of images, or the window does not fit, with the arithmetic.
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
    return largest_in_windows(x, window, shape)


def largest_in_windows(x: Array, window: Window | Window3D, shape: tuple[int, ...]) -> Array:
    """Return the largest value in each window over an image or a volume (N, ..., C), in an array of that shape."""
    xp = module_of(x)
    return _combined(xp.maximum, _pad(x, window, -xp.inf), window, shape)


def avg_pool2d(x: ArrayLike, size: int | Pair, stride: int | Pair | None = None, padding: PaddingLike = 0) -> Array:
    """Return the mean of each window, over the cells inside the image only, as Keras does.

    Parameters
    ----------
    x : array (N, H, W, C)
    size : int or (int, int)
        Of the window, (height, width), in cells.
    stride : int or (int, int), optional
        Cells from one place of the window to the next, down and across; by default the window's size.
    padding : int, (int, int), ((top, bottom), (left, right)), "valid" or "same"
        In cells, at most half the window.

    Returns
    -------
    array (N, OH, OW, C)

    Raises
    ------
    ShapeError
        Where x is no batch of images, or the window does not fit, with the arithmetic.
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
    return means_of_windows(x, window, shape)


def means_of_windows(x: Array, window: Window | Window3D, shape: tuple[int, ...]) -> Array:
    """Return the mean of each window over an image or a volume (N, ..., C), in an array of that shape."""
    total = _combined(module_of(x).add, _pad(x, window, 0), window, shape)
    total /= _cells_inside(x, window, shape)
    return total


def _cells_inside(x: Array, window: Window | Window3D, shape: tuple[int, ...]) -> Array | int:
    """Return how many cells of each window lie inside, (1, ..., 1), or the one number that all have."""
    if not _is_padded(x, window):
        return prod(window.kernel)
    xp = module_of(x)
    inside = xp.ones((1, *x.shape[1:-1], 1), x.dtype)
    return _combined(xp.add, _pad(inside, window, 0), window, (1, *shape[1:-1], 1))


def _pool_window(shape: tuple[int, ...], size: int | Pair, stride: int | Pair | None, padding: PaddingLike) -> Window:
    window = Window.parse(size, size if stride is None else stride, padding)
    check_pool2d(shape, window)
    return window


def check_pool2d(shape: tuple[int, ...], window: Window) -> None:
    """Raise ShapeError unless a window may pool an image (N, H, W, C): no place of it lies in the padding alone."""
    check_image(shape, "pool")
    check_borders(("height", "width"), window.pads((shape[1], shape[2])), window.kernel)


def check_borders(sides: Sequence[str], pads: Sequence[Pair], kernel: Sequence[int]) -> None:
    """Raise ShapeError where a place of a window lies in the padding alone."""
    for side, both, cells in zip(sides, pads, kernel, strict=True):
        if max(both) > cells // 2:
            raise ShapeError(f"pool: padding {both} in {side} is more than half of the window of {cells}")


def _pooled_shape(x: Array, window: Window) -> tuple[int, int, int, int]:
    return (len(x), *window.output_size(x.shape[1:3]), x.shape[3])


def _is_padded(x: Array, window: Any) -> bool:
    return any(map(any, window.pads(x.shape[1:-1])))


def _pad(x: Array, window: Any, value: float) -> Array:
    if not _is_padded(x, window):
        return x
    return module_of(x).pad(x, ((0, 0), *window.pads(x.shape[1:-1]), (0, 0)), constant_values=value)


def _combined(combine: Callable[..., Array], x: Array, window: Window | Window3D, shape: tuple[int, ...]) -> Array:
    """Combine the cells of x (N, ..., C) that each window sees, one axis after the other."""
    for axis, (cells, stride, places) in enumerate(zip(window.kernel, window.stride, shape[1:-1], strict=True), 1):
        walks = [slice(k, k + (places - 1) * stride + 1, stride) for k in range(cells)]
        x = _all(combine, [x[(slice(None),) * axis + (walk,)] for walk in walks])
    return x


def _all(combine: Callable[..., Array], views: list[Array]) -> Array:
    """Return a new array that combines them, number by number."""
    if len(views) == 1:
        return views[0].copy()
    out = combine(views[0], views[1])
    for view in views[2:]:
        combine(out, view, out=out)
    return out


def global_max_pool2d(x: ArrayLike) -> Array:
    """Return the largest value of each channel.

    Parameters
    ----------
    x : array (N, H, W, C)

    Returns
    -------
    array (N, C)

    Raises
    ------
    ShapeError
        Where x is no batch of images.
    """
    (x,) = as_floats(x)
    check_image(x.shape, "global_max_pool2d")
    if pooling := kernels("pooling", x, x.size):
        pooled = new_array(x, (x.shape[0], x.shape[3]))
        pooling.global_max_pool(x, pooled)
        return pooled
    return x.max(axis=(1, 2))


@quiet
def global_avg_pool2d(x: ArrayLike) -> Array:
    """Return the mean of each channel.

    Parameters
    ----------
    x : array (N, H, W, C)

    Returns
    -------
    array (N, C)

    Raises
    ------
    ShapeError
        Where x is no batch of images.
    """
    (x,) = as_floats(x)
    check_image(x.shape, "global_avg_pool2d")
    if pooling := kernels("pooling", x, x.size):
        pooled = new_array(x, (x.shape[0], x.shape[3]))
        pooling.global_avg_pool(x, pooled)
        return pooled
    return means_of_channels(x)


def means_of_channels(x: Array) -> Array:
    """Return the mean of each channel of (N, ..., C)."""
    # channels last, NumPy adds one by one: in float32 the error would grow with the area
    return x.mean(axis=tuple(range(1, x.ndim - 1)), dtype=np.float64).astype(x.dtype)


def max_pool_pull_back(gradient: Array, x: Array, y: Array, window: Window | Window3D) -> Array:
    """Return the gradient by x (N, ..., C) of the largest in each window, y: each goes to the first cell that has it.

    The first by rows, then columns, as in TensorFlow and PyTorch.
    """
    xp = module_of(x)
    padded, inside = _around(x, window, -xp.inf)
    out, left = xp.zeros_like(padded), xp.ones(y.shape, bool)
    for walk in _walks(window, y.shape):
        here = left & ~(padded[walk] < y)  # of NaN, which is neither less nor equal, it is the first of all cells
        left &= ~here
        out[walk] += gradient * here
    return out[inside]


def avg_pool_pull_back(gradient: Array, x: Array, window: Window | Window3D) -> Array:
    """Return the gradient by x (N, ..., C) of the mean of each window: an equal share for each cell inside."""
    padded, inside = _around(x, window, 0)
    out = module_of(x).zeros_like(padded)
    share = gradient / _cells_inside(x, window, gradient.shape)
    for walk in _walks(window, gradient.shape):
        out[walk] += share
    return out[inside]


def global_max_pull_back(gradient: Array, x: Array) -> Array:
    """Return the gradient by x (N, ..., C) of the largest of each channel, (N, C): the first cell that has it."""
    xp = module_of(x)
    cells = x.reshape(len(x), prod(x.shape[1:-1]), x.shape[-1])
    out = xp.zeros_like(cells)
    first = cells.argmax(axis=1)[:, None]
    xp.put_along_axis(out, first, gradient[:, None], axis=1)
    return out.reshape(x.shape)


def global_avg_pull_back(gradient: Array, x: Array) -> Array:
    """Return the gradient by x (N, ..., C) of the mean of each channel, (N, C): an equal share for each cell."""
    share = gradient / prod(x.shape[1:-1])
    return module_of(x).broadcast_to(share.reshape(len(x), *(1,) * (x.ndim - 2), x.shape[-1]), x.shape)


def _around(x: Array, window: Window | Window3D, value: float) -> tuple[Array, tuple[slice, ...]]:
    """Return x with its padding, and where x lies in that."""
    before = [pads[0] for pads in window.pads(x.shape[1:-1])]
    inside = [slice(start, start + size) for start, size in zip(before, x.shape[1:-1], strict=True)]
    return _pad(x, window, value), (slice(None), *inside, slice(None))


def _walks(window: Window | Window3D, shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield, for each cell of the window, by rows, where it lies at each place of the window in the padded input."""
    for cell in np.ndindex(*window.kernel):
        yield (
            slice(None),
            *(slice(k, k + (n - 1) * s + 1, s) for k, n, s in zip(cell, shape[1:-1], window.stride, strict=True)),
            slice(None),
        )
