"""Convolution of each channel by itself: no sum over channels, so nothing for a matrix product to gain.

Some windows beside each other are computed together, as many channels at a time as a few registers hold, so that a
weight once loaded is used for each of them. Cells outside the image are left out, not multiplied by zeros. Chollet,
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
from convlab_kernels.cpu.depthwise_simd import SUMS, WINDOWS, one_window, some_windows
from convlab_kernels.cpu.elementwise import clipped
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.scratch import scratch
from convlab_kernels.cpu.runtime.simd import lanes
from convlab_kernels.cpu.runtime.threads import parallel_for
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window

NEAR = 8192
"""Bytes of the weights with which a row of windows is computed before the next: they stay in the cache."""

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
    block = lanes * SUMS // 2  # what one window by itself is computed in
    chunk = max(1, NEAR // (kh * kw * block * x.itemsize)) * block
    runs = _runs_of_places(ow, stride[1], pads[1], dilation[1], kw, width)
    counts, seen, known = np.zeros(len(runs), np.int64), np.empty((len(runs), 2, kh * kw), np.int64), (0, 0)
    for row in range(first, last):
        image, y = divmod(row, oh)
        top = y * stride[0] - pads[0]
        rows = _inside(top, dilation[0], kh, h)
        if rows != known:
            known = rows
            for i in range(len(runs)):
                counts[i] = _look(seen[i], w.shape, dilation, width, rows, (runs[i, 1], runs[i, 2]))
        for channel in range(0, c, chunk):
            channels = (c, channel, min(c, channel + chunk))
            for i in range(len(runs)):
                place, end = runs[i, 0], runs[i + 1, 0] if i + 1 < len(runs) else ow
                while place < end:
                    start = ((image * h + top) * width + place * stride[1] - pads[1]) * c
                    windows = (
                        address(x, start), stride[1] * c, address(seen, 2 * i * kh * kw),
                        address(seen, (2 * i + 1) * kh * kw), counts[i], address(w, 0), address(bias, 0),
                        address(out, (row * ow + place) * c), *channels, low, high,
                    )  # fmt: skip
                    if c < lanes:
                        _few_channels(x, start, seen[i, :, : counts[i]], w, bias, out[image, y, place], low, high)
                        place += 1
                    elif place + WINDOWS <= end:
                        some_windows(*windows)
                        place += WINDOWS
                    else:
                        one_window(*windows)
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
def _runs_of_places(places, stride, pad, dilation, kernel, size):
    """Return (runs, 3): the first of some places beside each other with the same columns inside the image, and these.

    They are the first column and the one after the last.
    """
    runs = np.empty((places, 3), np.int64)
    count = 0
    for place in range(places):
        first, last = _inside(place * stride - pad, dilation, kernel, size)
        if count == 0 or first != runs[count - 1, 1] or last != runs[count - 1, 2]:
            runs[count, 0], runs[count, 1], runs[count, 2] = place, first, last
            count += 1
    return runs[:count]


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
