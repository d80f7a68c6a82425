"""Convolution of each channel by itself: no sum over channels, so nothing for a matrix product to gain.

Some windows beside each other are computed together, as many channels at a time as a few registers hold, so that what
is once loaded, weights or cells, is used for several of them. Cells outside the image are left out, not multiplied by
zeros. Chollet, "Xception" (arXiv 1610.02357), section 2, on where it comes from.

    out[y, x] (O) = bias (O) + sum over ky, kx of
        image[y*stride + ky*dilation, x*stride + kx*dilation] (O) * w[ky, kx] (O)
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import bounds, check_out, offsets_of, readable
from convlab_kernels.cpu.activation import LINEAR, Activation, activate
from convlab_kernels.cpu.depthwise_simd import UNROLLED, WINDOWS, some_windows
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.scratch import scratch
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
        args = (channels, self.w, offsets_of(bias, out), out, self._unrolled, *window, *limits, activation)
        parallel_for(_convolve, args, n * oh, cost=out.size * self.w[..., 0].size / PACE)

    @property
    def _unrolled(self) -> int:
        """Return which of UNROLLED the window is, or a number behind them."""
        shape = self.window.kernel[1], self.window.stride[1]
        fits = self.window.dilation[1] == 1 and shape in UNROLLED
        return UNROLLED.index(shape) if fits else len(UNROLLED)


@shared
def _convolve(_, first, last, x, w, bias, out, unrolled, stride, dilation, pads, low, high, activation):
    """Compute the rows first to last of out, those of all images together."""
    h, width, c = x.shape[1:]
    oh, ow = out.shape[1:3]
    kh, kw, _ = w.shape
    for row in range(first, last):
        image, y = divmod(row, oh)
        top = y * stride[0] - pads[0]
        above, below = _inside(top, dilation[0], kh, h)
        start = (image * h + top + above * dilation[0]) * width
        for place in range(0, ow, WINDOWS):
            count, column = min(WINDOWS, ow - place), place * stride[1] - pads[1]
            end = max(0, min(width, column + (count - 1) * stride[1] + (kw - 1) * dilation[1] + 1))
            some_windows(
                unrolled, address(x, (start + column) * c), column, end, c, dilation[0] * width * c, below - above,
                kw, stride[1], dilation[1], address(w, above * kw * c), address(bias, 0),
                address(out, (row * ow + place) * c), count, low, high,
            )  # fmt: skip
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
