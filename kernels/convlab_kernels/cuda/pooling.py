"""Pooling: the largest number, or the mean, of each window or of each channel.

    out[n, y, x, c] = the largest of, or the mean over, the cells of x[n, :, :, c] that the window sees at (y, x)

Cells outside the image are not there: they never win, and do not count. NaN wins over any number.

A window is one thread's. Of a channel, each thread of a block reduces some cells, and the block what its threads
found, two and two, in shared memory: Harris, "Optimizing parallel reduction in CUDA" (NVIDIA, 2007). Where there are
more cells than a block takes, what blocks found is reduced in the same way again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convlab_kernels.arguments import check_out
from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.compiler.language import (
    FLOAT,
    FLOATS,
    Kernel,
    cuda,
    device_function,
    float32,
    int32,
    ints,
    kernel,
)
from convlab_kernels.cuda.convolution import parts
from convlab_kernels.cuda.device_functions import divmod_uint32
from convlab_kernels.cuda.flat import THREADS, blocks, readable
from convlab_kernels.window import Window

LANES, ROWS = 32, 8
"""Channels of a block of a reduction, and the threads that share each of them."""

BLOCK = LANES * ROWS
"""Threads of such a block."""

SHARE = 32
"""Cells that a thread reduces."""


def max_pool(x: Any, out: Any, window: Window) -> None:
    """Write the largest number of each window of x (N, H, W, C) into out (N, OH, OW, C); NaN wins over any number."""
    _pool(_largest_of_windows, x, out, window)


def avg_pool(x: Any, out: Any, window: Window) -> None:
    """Write the mean of each window of x (N, H, W, C), of its cells inside the image, into out (N, OH, OW, C)."""
    _pool(_mean_of_windows, x, out, window)


def global_max_pool(x: Any, out: Any) -> None:
    """Write the largest number of each channel of x (N, H, W, C) into out (N, C); NaN wins over any number."""
    _pool_channels(_largest_of_channels, x, out, 1)


def global_avg_pool(x: Any, out: Any) -> None:
    """Write the mean of each channel of x (N, H, W, C) into out (N, C).

    A number goes through SHARE - 1 additions in its thread and log2(ROWS) in its block, 34, at each of the levels
    that it takes to come from SHARE * ROWS cells to one; then the sum is divided. So for H * W up to 256^L the error
    is at most gamma(34 L + 2) times the mean of magnitudes, where Higham's gamma(k) = k u / (1 - k u): "Accuracy and
    Stability of Numerical Algorithms" (2nd edition), section 4.2. For 512 x 512 cells that is 6e-6.
    """
    _pool_channels(_sum_of_channels, x, out, x.shape[1] * x.shape[2])


def _pool(kernel: Kernel, x: Any, out: Any, window: Window) -> None:
    check_out(out, "pooling")
    x, out = readable("pooling", x, out)
    _, h, w, c = x.shape
    (top, _), (left, _) = window.pads((h, w))
    for part in parts("pooling", x.shape, out.shape):
        results = out[part]
        geometry = (results.size, h, w, c, *out.shape[1:3], *window.kernel, *window.stride, top, left)
        kernel(blocks(results.size), x[part], results, tuple(map(np.int32, geometry)))


def _pool_channels(kernel: Kernel, x: Any, out: Any, divisor: int) -> None:
    check_out(out, "pooling")
    x, out = readable("pooling", x, out)
    n, h, w, c = x.shape
    cells = x.reshape(n, h * w, c)
    for part in parts("pooling", x.shape, out.shape):
        _reduce(kernel, cells[part], out[part], divisor)


def _reduce(kernel: Kernel, x: Any, out: Any, divisor: int) -> None:
    """Reduce x (N, cells, C) to out (N, C), which is divided."""
    n, cells, c = x.shape
    shares = -(-cells // (ROWS * SHARE))
    found = out if shares == 1 else module_of(x).empty((n, shares, c), x.dtype)
    sizes = tuple(map(np.int32, (cells, c, shares)))
    kernel((n * shares, -(-c // LANES)), x, found, sizes, np.float32(divisor if shares == 1 else 1))
    if shares > 1:
        _reduce(kernel, found, out, divisor)


@device_function
def larger(best, number):
    """Return the larger of two numbers, or NaN if one of them is."""
    return number if number > best or number != number else best  # noqa: PLR0124


@device_function
def added(total, number):
    """Return the sum of two numbers."""
    return total + number


def _of_windows(name: str, combined: Callable[..., Any], start: float, mean: bool) -> Kernel:
    """Return the kernel that combines the cells of each window inside the image, and divides by how many they are."""

    @kernel(FLOATS, FLOATS, ints(12), block=(THREADS,), name=name)
    def pool(x, out, geometry):
        size, H, W, C, OH, OW, KH, KW, SY, SX, TOP, LEFT = geometry
        i = int32(cuda.blockIdx.x * THREADS + cuda.threadIdx.x)
        if i < size:
            pixel, c = divmod_uint32(i, C)
            row, ox = divmod_uint32(pixel, OW)
            n, oy = divmod_uint32(row, OH)
            top, left = int32(oy * SY - TOP), int32(ox * SX - LEFT)
            bottom, right = int32(min(int32(top + KH), H)), int32(min(int32(left + KW), W))
            top, left = int32(max(top, 0)), int32(max(left, 0))
            total = float32(start)
            for y in range(top, bottom):
                for place in range(left, right):
                    total = combined(total, x[int32(((n * H + y) * W + place) * C + c)])
            cells = float32(int32((bottom - top) * (right - left))) if mean else float32(1)
            out[i] = total / cells

    return pool


def _of_channels(name: str, combined: Callable[..., Any], start: float) -> Kernel:
    """Return the kernel that combines the cells of each channel of an image, or of a part of it for each block."""

    @kernel(FLOATS, FLOATS, ints(3), FLOAT, block=(LANES, ROWS), name=name)
    def reduce(x, out, sizes, divisor):
        cells, C, shares = sizes
        found = cuda.shared.array(BLOCK, float32)
        lane, row = int32(cuda.threadIdx.x), int32(cuda.threadIdx.y)
        n, share = divmod_uint32(int32(cuda.blockIdx.x), shares)
        c = int32(cuda.blockIdx.y * LANES + lane)
        total = float32(start)
        if c < C:
            first = int32(share * (ROWS * SHARE))
            for cell in range(int32(first + row), int32(min(int32(first + ROWS * SHARE), cells)), int32(ROWS)):
                total = combined(total, x[int32((n * cells + cell) * C + c)])
        place = int32(row * LANES + lane)
        found[place] = total
        rows = int32(ROWS)
        while rows > 1:
            rows = int32(rows >> 1)
            cuda.syncthreads()
            if row < rows:
                found[place] = combined(found[place], found[place + rows * LANES])
        if row == 0 and c < C:
            out[int32(cuda.blockIdx.x * C + c)] = found[lane] / divisor

    return reduce


_largest_of_windows = _of_windows("max_pool", larger, -np.inf, mean=False)
_mean_of_windows = _of_windows("avg_pool", added, 0.0, mean=True)
_largest_of_channels = _of_channels("global_max_pool", larger, -np.inf)
_sum_of_channels = _of_channels("global_avg_pool", added, 0.0)
