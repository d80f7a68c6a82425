"""Convolution as a matrix product whose left matrix is never made: the rows are where the windows are in the image.

Dukhan, "The indirect convolution algorithm" (arXiv 1907.02129), section 3, on top of the micro-kernel. The
columns of a window's row lie next to each other in memory, with their channels, so that a window is KH runs
of KW * C numbers; where it is dilated or sees one group of the channels, it is KH * KW runs of C / groups.

    out (P, O) = sum over runs r:  image (P, depth) from where run r of each window begins @ w_r (depth, O)

P are the places of the window, in all images together. Where it is better not to read the images themselves, what
windows see is copied into frames first (`frames.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out, offsets_of, readable
from convlab_kernels.cpu.activation import LINEAR, Activation, activate
from convlab_kernels.cpu.frames import copy_row, layout
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

COPY, MULTIPLY, BOTH = range(3)
"""Stages: some rows of frames; some blocks of the output; some places of the output, with frames of their own."""


class IndirectGemm:
    """Any convolution; the weights in panels for each group."""

    amplification = 1.0
    adds = activates = True

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        kh, kw, c, o = w.shape
        self.window, self.groups = window, groups
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
        places, team = n * oh * ow, threads()
        few = places <= CHUNK  # the weights are what takes time to read
        part = (oh, ow) if few else (min(oh, (CHUNK - 2) // ow + 2), min(ow, CHUNK))  # that a chunk may lie in
        lies = layout(self.window, x.shape[1:], x.itemsize, (oh, ow), part)
        rows, columns = lies.size
        room = (1, n * rows) if few else (team, rows)
        frames = scratch("frame", (*room, columns, lies.pixel), x.dtype)
        joined = self.groups == 1 and self.window.dilation[1] == 1 and lies.pixel == c
        runs = (self.window.kernel[0], 1 if joined else self.window.kernel[1])
        (top, _), (left, _) = self.window.pads((h, w))
        where = (lies.stride, self.window.stride, self.window.extent, self.window.dilation, runs, (top, left))
        addition = (readable(out if addend is None else addend), addend is not None)
        limits = (relu, out.dtype.type(ceiling))
        args = (readable(x), self.right, offsets_of(bias, out), *addition, out, frames, *where, *limits, activation)
        cost = places * self.right.size / PACE
        if few:
            blocks = self.groups * self.right.shape[1] * -(-places // ROWS)
            parallel_for(_convolve, (COPY, *args), frames.shape[1], cost=cost, pieces=2)
            parallel_for(_convolve, (MULTIPLY, *args), blocks, cost=cost)
        else:
            parallel_for(_convolve, (BOTH, *args), places, ROWS, cost, most=team)


@inlined
def _frame(x, frame, first, count, places, stride, step, extent, pads):
    """Copy what some places see, from the first on: those of one image, and of one row where they are many.

    Return how many, and the row and column of the place whose window begins where the frame does.
    """
    oh, ow = places
    line, left = divmod(first, ow)
    image, top = divmod(line, oh)
    if ow <= CHUNK:
        count, left = min(count, (image + 1) * oh * ow - first), 0
    else:
        count = min(count, ow - left)
    bottom = (first + count - 1) // ow - image * oh
    for row in range((bottom - top) * stride[0] + extent[0]):
        y, x_ = (top * stride[0] + row) * step[0] - pads[0], left * stride[1] * step[1] - pads[1]
        copy_row(x, image, y, x_, step[1], frame[row])
    return count, top, left


@inlined
def _places(places, first, count, origin, size, steps):
    """Fill in the addresses of `count` windows from the first on; then the last again, for the rest of a block."""
    line, x = divmod(first, size[1])
    image, y = divmod(line, size[0])
    for i in range(count):
        places[i] = origin + image * steps[0] + y * steps[1] + x * steps[2]
        x += 1
        if x == size[1]:
            y, x = y + 1, 0
            if y == size[0]:
                image, y = image + 1, 0
    places[count : count + ROWS + AHEAD] = places[count - 1]


@inlined
def _runs(places, runs, row_step, column_step, start):
    """Fill in where each run of a window begins, in bytes from where the window does."""
    for i in range(runs[0]):
        for j in range(runs[1]):
            places[i * runs[1] + j] = start + i * row_step + j * column_step


@inlined
def _panel(places, top, bottom, runs, depth, right, bias, addend, adds, out, start, columns, tile, relu, ceiling):
    """Multiply the windows at the places top to bottom with a panel, into columns of out (places, O).

    The first place's are those of out.ravel() from `start` on. The last block overlaps with the one before; what is
    smaller than a block goes through the tile.
    """
    outputs, width = out.shape[3], tile.shape[1]
    narrow = 2 * columns <= width
    for place in range(top, bottom, ROWS):
        rows = 1 if bottom - top == 1 else ROWS if narrow or bottom - place > HALF else HALF
        begin = max(top, min(place, bottom - rows))
        direct = begin + rows <= bottom
        first, rest = start + begin * outputs, (min(rows, bottom - begin), columns)
        target = address(out, first) if direct else address(tile, 0)
        more = 0 if not adds else address(addend, first) if direct else target
        step = outputs if direct else width
        if adds and not direct:
            _copy(addend.reshape(-1)[first:], outputs, tile.reshape(-1), width, rest)
        following = address(places, begin + ROWS)
        ahead = share_of_next(right, len(runs) * depth, (place - top) // ROWS)
        below = address(out, first + ROWS * outputs)
        block = (
            address(places, begin), address(runs, 0), len(runs), depth, right, following, ahead, below, bias, more,
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
    worker, begin, end, stage, x, right, bias, addend, adds, out, frames, stride, window_stride, extent, dilation,
    runs, pads, relu, ceiling, activation,
):  # fmt: skip
    """Do a stage: copy the rows begin to end of all frames, or multiply into the blocks, or the places, begin to end.

    Blocks are counted down the first panel, then down the next. One function for all stages: each by itself would be
    compiled with all that it calls.
    """
    _, h, w, c = x.shape
    n, oh, ow, o = out.shape
    groups, panels, size, width = right.shape
    framed = frames.shape[2] > 0
    step = (window_stride[0] // stride[0], window_stride[1] // stride[1])
    tall = frames.shape[1] // n
    if stage == COPY:
        for row in range(begin, end):
            image, y = divmod(row, tall)
            copy_row(x, image, y * step[0] - pads[0], -pads[1], step[1], frames[0, row])
        return
    pixel = frames.shape[3] * x.itemsize
    line = (frames.shape[2] if framed else w) * pixel
    steps = (0 if stage == BOTH and framed else (tall if framed else h) * line, stride[0] * line, stride[1] * pixel)
    origin = (
        address(frames[worker if stage == BOTH else 0], 0) if framed else address(x, -(pads[0] * w + pads[1]) * c)
    )
    places, tile = np.empty(CHUNK + ROWS + AHEAD, np.int64), np.empty((ROWS, width), x.dtype)
    taps, rest = np.empty(runs[0] * runs[1], np.int64), np.zeros(width, x.dtype)
    first, last = (begin, end) if stage == BOTH else (0, n * oh * ow)
    while first < last:
        count, top, left = min(CHUNK, last - first), 0, 0
        if stage == BOTH and framed:
            count, top, left = _frame(x, frames[worker], first, count, (oh, ow), stride, step, extent, pads)
        _places(places, first, count, origin - top * steps[1] - left * steps[2], (oh, ow), steps)
        blocks = -(-count // ROWS)
        begins, ends = (0, groups * panels * blocks) if stage == BOTH else (begin, end)
        for panel in range(begins // blocks, -(-ends // blocks)):
            group = panel // panels
            _runs(taps, runs, dilation[0] * line, dilation[1] * pixel, group * (c // groups) * x.itemsize)
            column = panel % panels * width
            columns, channel = min(width, o // groups - column), group * (o // groups) + column
            for k in range(columns if columns < width else 0):
                rest[k] = bias[channel + k]
            top, bottom = max(0, begins - panel * blocks) * ROWS, min(count, (ends - panel * blocks) * ROWS)
            _panel(
                places, top, bottom, taps, size // len(taps), address(right, panel * size * width),
                address(rest, 0) if columns < width else address(bias, channel), addend, adds, out,
                first * o + channel, columns, tile, relu, ceiling,
            )  # fmt: skip
            activate(activation, address(out, (first + top) * o + channel), o, bottom - top, columns)
        first += count
