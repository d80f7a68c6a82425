"""Convolution as a matrix product whose left matrix is never made: the rows are where the windows are in the image.

Dukhan, "The indirect convolution algorithm" (arXiv 1907.02129), section 3, on top of the micro-kernel of `gemm`. The
columns of a window's row lie next to each other in memory, with their channels, so that a window is KH runs
of KW * C numbers; where it is dilated or sees one group of the channels, it is KH * KW runs of C / groups.

    out (P, O) = sum over runs r:  image (P, depth) from where run r of each window begins @ w_r (depth, O)

P are the places of the window. An image with padding is copied into a frame of zeros first, by each thread
the rows that it needs.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.cpu.arguments import check_out, readable
from convlab_kernels.cpu.compiled import address, compiled, inlined
from convlab_kernels.cpu.gemm import HALF, ROWS, multiply_half, multiply_rows, panels
from convlab_kernels.cpu.scratch import scratch
from convlab_kernels.cpu.threads import spread
from convlab_kernels.window import Window

Part = tuple[int, int]

CHUNK = 16 * ROWS
"""Places that go through all kernels together: what they see stays in the cache."""

PACE = 40_000
"""Multiply-adds of one thread in a microsecond, roughly."""


class Indirect:
    """Any convolution; the weights in panels for each group."""

    amplification = 1.0

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        kh, kw, c, o = w.shape
        self.window, self.groups, self.channels, self.outputs = window, groups, c, o // groups
        self.whole_rows = groups == 1 and window.dilation[1] == 1
        self.runs = (kh, 1 if self.whole_rows else kw)
        # (KH, KW, C/G, O) -> (KH*KW*C/G, G, O/G) -> (G, KH*KW*C/G, O/G) -> (G, panels, KH*KW*C/G, panel)
        self.right = panels(w.reshape(kh * kw * c, groups, o // groups).transpose(1, 0, 2))

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        check_out(out, "indirect")
        x = readable(x)
        n, h, w, c = x.shape
        _, oh, ow, _ = out.shape
        (top, bottom), (left, right) = self.window.pads((h, w))
        framed = max(top, bottom, left, right) > 0
        width = left + w + right if framed else w
        frame = (oh - 1) * self.window.stride[0] + self.window.extent[0] if framed else 0
        taps = self._taps(width * c, c) * x.itemsize
        offsets = self._offsets(bias, out.dtype)
        limit = out.dtype.type(ceiling)
        count = self.right.shape[1]
        cost = n * oh * ow * prod(self.right.shape) / PACE

        def convolve(rows: Part, panels: Part) -> None:
            room = scratch("frame", (frame, width, c), x.dtype)
            _convolve(
                x, self.right, offsets, out, room, taps, self.window.stride, (top, left), *rows, *panels, relu, limit
            )

        if n * oh * ow <= CHUNK:  # few places: the weights are what takes time to read
            spread(lambda first, last: convolve((0, n * oh), (first, last)), count, cost=cost)
        else:
            spread(lambda first, last: convolve((first, last), (0, count)), n * oh, cost=cost)

    def _taps(self, row: int, column: int) -> NDArray[np.int64]:
        """Return where each run of a window begins, (G, runs), in numbers from where the window does."""
        (dh, dw), (rows, columns) = self.window.dilation, self.runs
        runs = (np.arange(rows)[:, None] * dh * row + np.arange(columns) * dw * column).ravel()
        return np.arange(self.groups)[:, None] * self.channels + runs

    def _offsets(self, bias: NDArray[Any] | None, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the bias as the panels have the columns: (G, panels * panel)."""
        groups, count, _, panel = self.right.shape
        offsets = np.zeros((groups, count * panel), dtype)
        if bias is not None:
            offsets[:, : self.outputs] = bias.reshape(groups, self.outputs)
        return offsets


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
    places[count : count + ROWS] = places[count - 1]


@inlined
def _panel(places, count, taps, depth, right, offsets, out, start, columns, tile, relu, ceiling):
    """Multiply the windows at so many places with a panel, into columns of out (places, O) from out.ravel()[start].

    The last block overlaps with the one before; what is smaller than a block goes through the tile.
    """
    outputs, width = out.shape[3], tile.shape[1]
    for place in range(0, count, ROWS):
        rows = ROWS if count - place > HALF else HALF
        begin = max(0, min(place, count - rows))
        direct = columns == width and begin + rows <= count
        target = address(out, start + begin * outputs) if direct else address(tile, 0)
        step = outputs if direct else width
        left, runs = address(places, begin), address(taps, 0)
        if rows == ROWS:
            multiply_rows(left, runs, len(taps), depth, right, offsets, target, step, relu, ceiling)
        else:
            multiply_half(left, runs, len(taps), depth, right, offsets, target, step, relu, ceiling)
        if not direct:
            flat = out.reshape(-1)
            for row in range(min(rows, count - begin)):
                for column in range(columns):
                    flat[start + (begin + row) * outputs + column] = tile[row, column]


@compiled
def _convolve(x, right, offsets, out, frame, taps, stride, pads, first, last, first_panel, last_panel, relu, ceiling):
    """Convolve into the rows first to last of all images together, with some of each group's panels."""
    _, h, w, c = x.shape
    _, oh, ow, o = out.shape
    groups, _, size, width = right.shape
    top, left = pads
    depth = size // taps.shape[1]
    places, tile = np.empty(CHUNK + ROWS, np.int64), np.empty((ROWS, width), x.dtype)
    line = frame.shape[1] if len(frame) else w
    row_step, column_step = stride[0] * line * c * x.itemsize, stride[1] * c * x.itemsize
    while first < last:
        image, y = divmod(first, oh)
        end = min(oh, y + last - first)
        if len(frame):
            _frame(
                x, image, frame, y * stride[0], (end - 1) * stride[0] + len(frame) - (oh - 1) * stride[0], top, left
            )
            origin = address(frame, 0) - y * row_step
        else:
            origin = address(x, ((image * h - top) * w - left) * c)
        for place in range(y * ow, end * ow, CHUNK):
            count = min(CHUNK, end * ow - place)
            _places(places, place, count, origin, ow, row_step, column_step)
            for group in range(groups):
                for panel in range(first_panel, last_panel):
                    column = panel * width
                    start = (image * oh * ow + place) * o + group * (o // groups) + column
                    weights = address(right, (group * right.shape[1] + panel) * size * width)
                    _panel(
                        places, count, taps[group], depth, weights,
                        address(offsets, group * offsets.shape[1] + column), out, start,
                        min(width, o // groups - column), tile, relu, ceiling,
                    )  # fmt: skip
        first += end - y
