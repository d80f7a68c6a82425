"""Pooling: the largest number, or the mean, of each window or of each channel.

    out[n, y, x, c] = the largest of, or the mean over, the cells of x[n, :, :, c] that the window sees at (y, x)

Cells outside the image are not there: they never win, and do not count. All channels of a window are computed side by
side, as many at a time as a register holds.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out, readable
from convlab_kernels.cpu.pooling_simd import largest_of, mean_of
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.simd import lanes
from convlab_kernels.cpu.runtime.threads import parallel_for
from convlab_kernels.window import Window

CHANNELS = 256
"""Channels of a global mean that are summed at a time: a thread has at least so many."""

PACE = 6_000
"""Numbers that one thread reads in a microsecond, roughly."""


def max_pool(x: NDArray[Any], out: NDArray[Any], window: Window) -> None:
    """Write the largest number of each window of x (N, H, W, C) into out (N, OH, OW, C); NaN wins over any number."""
    _pool(x, out, window, mean=False)


def avg_pool(x: NDArray[Any], out: NDArray[Any], window: Window) -> None:
    """Write the mean of each window of x (N, H, W, C), of its cells inside the image, into out (N, OH, OW, C)."""
    _pool(x, out, window, mean=True)


def global_max_pool(x: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the largest number of each channel of x (N, H, W, C) into out (N, C); NaN wins over any number."""
    _pool(x, out[:, None, None], Window((x.shape[1], x.shape[2])), mean=False)


def global_avg_pool(x: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the mean of each channel of x (N, H, W, C), summed in float64, into out (N, C)."""
    check_out(out, "pooling")
    n, h, w, c = x.shape
    cells = readable(x).reshape(n, h * w, c)
    parallel_for(_mean_channels, (cells, out), n * -(-c // CHANNELS), cost=x.size / PACE)


def _pool(x: NDArray[Any], out: NDArray[Any], window: Window, mean: bool) -> None:
    check_out(out, "pooling")
    x = readable(x)
    (top, _), (left, _) = window.pads((x.shape[1], x.shape[2]))
    args = (x, out, window.kernel, window.stride, (top, left), mean, lanes(x.itemsize))
    cost = out.size * prod(window.kernel) / PACE
    parallel_for(_pool_rows, args, len(out) * out.shape[1], cost=cost)


@shared
def _pool_rows(_, first, last, x, out, kernel, stride, pads, mean, lanes):
    """Compute the rows first to last of out, those of all images together."""
    h, w, c = x.shape[1:]
    oh, ow = out.shape[1:3]
    for row in range(first, last):
        image, y = divmod(row, oh)
        top, bottom = _covered(y, stride[0], pads[0], kernel[0], h)
        for place in range(ow):
            left, right = _covered(place, stride[1], pads[1], kernel[1], w)
            cells = x.dtype.type((bottom - top) * (right - left))
            source = address(x, ((image * h + top) * w + left) * c)
            target = address(out, (row * ow + place) * c)
            ahead = (ow - place) * c >= lanes  # what is written beyond this place is written again
            inside = ((image * h + bottom - 1) * w + right - 1) * c + lanes <= x.size
            if c < lanes and not (ahead and inside):
                _few_channels(x[image, top:bottom, left:right], out[image, y, place], mean, cells)
            elif mean:
                mean_of(source, w * c, c, bottom - top, right - left, target, max(c, lanes), cells)
            else:
                largest_of(source, w * c, c, bottom - top, right - left, target, max(c, lanes), cells)


@inlined
def _covered(place, stride, before, kernel, size):
    """Return the first cell inside the image that a window sees, and the one after its last."""
    first = place * stride - before
    return max(first, 0), min(first + kernel, size)


@inlined
def _few_channels(seen, out, mean, cells):
    """Reduce seen (rows, columns, C) to out (C), with C less than a register holds."""
    for channel in range(len(out)):
        result = cells * 0 if mean else seen[0, 0, channel]
        for y in range(seen.shape[0]):
            for x in range(seen.shape[1]):
                number = seen[y, x, channel]
                if mean:
                    result += number
                elif number > result or number != number:  # noqa: PLR0124
                    result = number
        out[channel] = result / cells if mean else result


@shared
def _mean_channels(_, first, last, x, out):
    """Reduce x (N, H*W, C) to out (N, C), the blocks of channels first to last of all images together."""
    cells, c = x.shape[1:]
    blocks = -(-c // CHANNELS)
    sums = np.empty(CHANNELS, np.float64)
    for block in range(first, last):
        image, left = block // blocks, block % blocks * CHANNELS
        sums[:] = 0
        for i in range(cells):
            cell = x[image, i, left : left + CHANNELS]
            for k in range(len(cell)):
                sums[k] += cell[k]
        for k in range(min(CHANNELS, c - left)):
            out[image, left + k] = sums[k] / cells
