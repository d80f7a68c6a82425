"""Convolution as a matrix product whose left matrix is never made: the rows are where the windows are in the image.

Dukhan, "The indirect convolution algorithm" (arXiv 1907.02129), section 3, on top of the micro-kernel. The
columns of a window's row lie next to each other in memory, with their channels, so that a window is KH runs
of KW * C numbers; where it is dilated or sees one group of the channels, it is KH * KW runs of C / groups.

    out (P, O) = sum over runs r:  image (P, depth) from where run r of each window begins @ w_r (depth, O)

P are the places of the window. An image with padding is copied into a frame of zeros first, by each thread
the rows that it needs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out, offsets_of, readable
from convlab_kernels.cpu.activation import LINEAR, Activation, activate
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.micro_kernel import (
    AHEAD,
    HALF,
    ROWS,
    multiply_half,
    multiply_narrow,
    multiply_one,
    multiply_rows,
    panels,
    share_of_next,
)
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.scratch import scratch
from convlab_kernels.cpu.runtime.threads import parallel_for, threads
from convlab_kernels.window import Window

CHUNK = 16 * ROWS
"""Places that go through all kernels together: what they see stays in the cache."""

PACE = 40_000
"""Multiply-adds of one thread in a microsecond, roughly."""


class IndirectGemm:
    """Any convolution; the weights in panels for each group."""

    amplification = 1.0
    adds = activates = True

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        kh, kw, c, o = w.shape
        self.window = window
        self.runs = (kh, 1 if groups == 1 and window.dilation[1] == 1 else kw)
        # (KH, KW, C/G, O) -> (KH*KW*C/G, G, O/G) -> (G, KH*KW*C/G, O/G) -> (G, panels, KH*KW*C/G, panel)
        self.right = panels(w.reshape(kh * kw * c, groups, o // groups).transpose(1, 0, 2))

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
        addend: NDArray[Any] | None = None,
        activation: Activation = LINEAR,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O), and add the addend, of its shape, before ReLU."""
        check_out(out, "indirect_gemm")
        n, h, w, c = x.shape
        _, oh, ow, _ = out.shape
        (top, bottom), (left, right) = self.window.pads((h, w))
        frame = (0, 0, 0)
        if max(top, bottom, left, right) > 0:
            frame = ((oh - 1) * self.window.stride[0] + self.window.extent[0], left + w + right, c)
        team = threads()
        frames = scratch("frame", (team, *frame), x.dtype)
        by_panels = n * oh * ow <= CHUNK  # few places: the weights are what takes time to read
        where = (self.window.stride, self.window.dilation, self.runs, (top, left), by_panels)
        addition = (readable(out if addend is None else addend), addend is not None)
        limits = (relu, out.dtype.type(ceiling))
        args = (readable(x), self.right, offsets_of(bias, out), *addition, out, frames, *where, *limits, activation)
        size = self.right.shape[1] if by_panels else n * oh
        parallel_for(_convolve, args, size, cost=n * oh * ow * self.right.size / PACE, most=team)


@inlined
def _frame(x, image, frame, first, last, top, left):
    """Copy the rows first to last of a padded image (counted with the padding) to the frame's beginning."""
    _, h, w, c = x.shape
    for row in range(first, last):
        y = row - top
        for column in range(frame.shape[1]):
            x_ = column - left
            if 0 <= y < h and 0 <= x_ < w:
                for k in range(c):
                    frame[row - first, column, k] = x[image, y, x_, k]
            else:
                for k in range(c):
                    frame[row - first, column, k] = 0


@inlined
def _places(places, first, count, origin, ow, row_step, column_step):
    """Fill in the addresses of `count` windows from the first on; then the last again, for the rest of a block."""
    for i in range(count):
        y, x = divmod(first + i, ow)
        places[i] = origin + y * row_step + x * column_step
    places[count : count + ROWS + AHEAD] = places[count - 1]


@inlined
def _runs(places, runs, row_step, column_step, start):
    """Fill in where each run of a window begins, in bytes from where the window does."""
    for i in range(runs[0]):
        for j in range(runs[1]):
            places[i * runs[1] + j] = start + i * row_step + j * column_step


@inlined
def _panel(places, count, runs, depth, right, bias, addend, adds, out, start, columns, tile, relu, ceiling):
    """Multiply the windows at so many places with a panel, into columns of out (places, O) from out.ravel()[start].

    The last block overlaps with the one before; what is smaller than a block goes through the tile.
    """
    outputs, width = out.shape[3], tile.shape[1]
    narrow = 2 * columns <= width
    for place in range(0, count, ROWS):
        rows = 1 if count == 1 else ROWS if narrow or count - place > HALF else HALF
        begin = max(0, min(place, count - rows))
        direct = begin + rows <= count
        first, rest = start + begin * outputs, (min(rows, count - begin), columns)
        target = address(out, first) if direct else address(tile, 0)
        more = 0 if not adds else address(addend, first) if direct else target
        step = outputs if direct else width
        if adds and not direct:
            _copy(addend.reshape(-1)[first:], outputs, tile.reshape(-1), width, rest)
        following = address(places, begin + ROWS)
        ahead = share_of_next(right, len(runs) * depth, place // ROWS)
        block = (
            address(places, begin), address(runs, 0), len(runs), depth, right, following, ahead, bias, more,
            target, step, columns, relu, ceiling,
        )  # fmt: skip
        if rows == 1:
            multiply_one(*block)
        elif narrow:
            multiply_narrow(*block)
        elif rows == ROWS:
            multiply_rows(*block)
        else:
            multiply_half(*block)
        if not direct:
            _copy(tile.reshape(-1), width, out.reshape(-1)[first:], outputs, rest)


@inlined
def _copy(source, source_step, target, target_step, size):
    """Copy so many rows and columns; the steps lead from one row to the next."""
    for row in range(size[0]):
        for column in range(size[1]):
            target[row * target_step + column] = source[row * source_step + column]


@shared
def _convolve(
    worker, begin, end, x, right, bias, addend, adds, out, frames, stride, dilation, runs, pads, by_panels, relu,
    ceiling, activation,
):  # fmt: skip
    """Convolve into the rows begin to end of all images together; or with the panels begin to end, into all rows."""
    h, w, c = x.shape[1:]
    n, oh, ow, o = out.shape
    groups, panels, size, width = right.shape
    top, left = pads
    first, last = (0, n * oh) if by_panels else (begin, end)
    first_panel, last_panel = (begin, end) if by_panels else (0, panels)
    frame = frames[worker]
    line = (frame.shape[1] if len(frame) else w) * c * x.itemsize
    row_step, column_step = stride[0] * line, stride[1] * c * x.itemsize
    places, tile = np.empty(CHUNK + ROWS + AHEAD, np.int64), np.empty((ROWS, width), x.dtype)
    taps, rest = np.empty(runs[0] * runs[1], np.int64), np.zeros(width, x.dtype)
    depth = size // len(taps)
    while first < last:
        image, y = divmod(first, oh)
        below = min(oh, y + last - first)
        if len(frame):
            bottom = len(frame) - (oh - below) * stride[0]
            _frame(x, image, frame, y * stride[0], bottom, top, left)
            origin = address(frame, 0) - y * row_step
        else:
            origin = address(x, ((image * h - top) * w - left) * c)  # a crop is a negative padding
        for place in range(y * ow, below * ow, CHUNK):
            count = min(CHUNK, below * ow - place)
            _places(places, place, count, origin, ow, row_step, column_step)
            for group in range(groups):
                seen = group * (c // groups) * x.itemsize
                _runs(taps, runs, dilation[0] * line, dilation[1] * c * x.itemsize, seen)
                for panel in range(first_panel, last_panel):
                    columns = min(width, o // groups - panel * width)
                    channel = group * (o // groups) + panel * width
                    for k in range(columns if columns < width else 0):
                        rest[k] = bias[channel + k]
                    _panel(
                        places, count, taps, depth, address(right, (group * panels + panel) * size * width),
                        address(rest, 0) if columns < width else address(bias, channel), addend, adds, out,
                        (image * oh * ow + place) * o + channel, columns, tile, relu, ceiling,
                    )  # fmt: skip
                written = group * (o // groups) + first_panel * width
                across = min(o // groups, last_panel * width) - first_panel * width
                activate(activation, address(out, (image * oh * ow + place) * o + written), o, count, across)
        first += below - y
