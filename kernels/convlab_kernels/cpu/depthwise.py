"""Convolution of each channel by itself: no sum over channels, so nothing for a matrix product to gain.

All channels of some windows beside each other are computed together, as many at a time as a register holds, so that
a weight once loaded is used for each of them. Cells outside the image are left out, not multiplied by zeros. Chollet,
"Xception" (arXiv 1610.02357), section 2, on where it comes from.

    out[y, x] (O) = bias (O) + sum over ky, kx of
        image[y*stride + ky*dilation, x*stride + kx*dilation] (O) * w[ky, kx] (O)
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import bounds, check_out, offsets_of, readable
from convlab_kernels.cpu.activation import LINEAR, Activation, activate
from convlab_kernels.cpu.depthwise_simd import WINDOWS, one_window, some_windows
from convlab_kernels.cpu.elementwise import clipped
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.scratch import scratch
from convlab_kernels.cpu.runtime.simd import lanes
from convlab_kernels.cpu.runtime.threads import parallel_for
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window

PACE = 16_000
"""Multiply-adds of one thread in a microsecond, roughly."""


class Depthwise:
    """Multiply-adds of windows, for kernels (KH, KW, 1, O) in as many groups as there are channels."""

    activates = True

    def __init__(self, w: NDArray[Any], window: Window, groups: int) -> None:
        if w.shape[2] != 1:
            raise UnsupportedError(
                f"depthwise: kernel {w.shape} in {groups} group(s) sees {w.shape[2]} channels at once,"
                " expected as many groups as channels: use im2col"
            )
        self.w, self.window, self.multiplier = readable(w[:, :, 0]), window, w.shape[3] // groups

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
        activation: Activation = LINEAR,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        check_out(out, "depthwise")
        n, oh, _, _ = out.shape
        (top, _), (left, _) = self.window.pads((x.shape[1], x.shape[2]))
        channels = readable(x) if self.multiplier == 1 else _repeated(readable(x), self.multiplier)
        limits = bounds(out.dtype, relu, ceiling)
        window = (self.window.stride, self.window.dilation, (top, left))
        args = (channels, self.w, offsets_of(bias, out), out, *window, lanes(out.itemsize), *limits, activation)
        parallel_for(_convolve, args, n * oh, cost=out.size * self.w[..., 0].size / PACE)


@shared
def _convolve(_, first, last, x, w, bias, out, stride, dilation, pads, lanes, low, high, activation):
    """Compute the rows first to last of out, those of all images together."""
    h, width, c = x.shape[1:]
    oh, ow = out.shape[1:3]
    kh, kw, _ = w.shape
    seen = np.empty((2, kh * kw), np.int64)
    cells, places, weights, offsets = address(seen, 0), address(seen, kh * kw), address(w, 0), address(bias, 0)
    for row in range(first, last):
        image, y = divmod(row, oh)
        top = y * stride[0] - pads[0]
        rows = _inside(top, dilation[0], kh, h)
        known, count, place = (0, 0), 0, 0
        while place < ow:
            left = place * stride[1] - pads[1]
            columns = _inside(left, dilation[1], kw, width)
            if columns != known:
                known = columns
                count = _look(seen, w.shape, dilation, width, rows, columns)
            start, target = ((image * h + top) * width + left) * c, (row * ow + place) * c
            source, result, window = address(x, start), address(out, target), stride[1] * c
            end = left + (WINDOWS - 1) * stride[1] + (kw - 1) * dilation[1]
            if c < lanes:
                _few_channels(x, start, seen[:, :count], w, bias, out[image, y, place], low, high)
                place += 1
            elif left >= 0 and end < width and place + WINDOWS <= ow:
                some_windows(source, window, cells, places, count, weights, offsets, result, c, low, high)
                place += WINDOWS
            else:
                one_window(source, window, cells, places, count, weights, offsets, result, c, low, high)
                place += 1
        activate(activation, address(out, row * ow * c), 0, 1, ow * c)


def _repeated(x: NDArray[Any], times: int) -> NDArray[Any]:
    """Return each channel of x (N, H, W, C) so many times, side by side, as there are kernels for it."""
    *places, c = x.shape
    repeated = scratch("repeated", (*places, c * times), x.dtype)
    parallel_for(_repeat, (x, repeated, times), prod(places), cost=repeated.size / PACE)
    return repeated


@shared
def _repeat(_, first, last, x, out, times):
    """Repeat the channels of the cells first to last of all images together."""
    numbers, results = x.reshape(-1), out.reshape(-1)
    c = x.shape[3]
    for i in range(first * c, last * c):
        for k in range(times):
            results[i * times + k] = numbers[i]


@inlined
def _inside(origin, dilation, kernel, size):
    """Return the first cell of a window from `origin` that lies inside the image, and the one after its last."""
    first = max(0, -(origin // dilation))
    return first, max(first, min(kernel, -((origin - size) // dilation)))


@inlined
def _look(seen, shape, dilation, width, rows, columns):
    """Fill in where a window's cells lie after its first one, and their weights; return how many there are."""
    _, kw, c = shape
    count = 0
    for ky in range(rows[0], rows[1]):
        for kx in range(columns[0], columns[1]):
            seen[0, count] = (ky * dilation[0] * width + kx * dilation[1]) * c
            seen[1, count] = (ky * kw + kx) * c
            count += 1
    return count


@inlined
def _few_channels(x, start, seen, w, bias, out, low, high):
    """Compute one window, from x.ravel()[start] on, of an image of fewer channels than a register holds."""
    numbers, weights = x.reshape(-1), w.reshape(-1)
    for channel in range(len(bias)):
        total = bias[channel]
        for i in range(seen.shape[1]):
            total += numbers[start + seen[0, i] + channel] * weights[seen[1, i] + channel]
        out[channel] = clipped(total, low, high)
