"""Winograd's convolution: 3 x 3 kernels at stride 1 with fewer multiplications than the definition has.

Lavin and Gray, "Fast algorithms for convolutional neural networks" (arXiv 1509.09308), section 4.1. The output is cut
into tiles of m x m; each comes from t x t inputs, t = m + 2, that overlap with its neighbours'. Transformed, input
tiles and kernels are multiplied cell by cell and summed over channels, which for each of the t * t cells is a matrix
product of all tiles with all kernels:

    V[cell] (tiles, C) = B.T d B      U[cell] (C, O) = G g G.T      M[cell] (tiles, O) = V[cell] @ U[cell]
    out (m, m) of a tile = A.T M A

F(4x4, 3x3) does 36 multiplications for 16 outputs where the definition has 144; F(2x2, 3x3) does 16 for 4, where it
has 36, loses less to rounding, and has fewer transformed weights to read. An input that is infinite or NaN may spoil
all outputs of the tiles that see it, and so may one beyond a hundredth of the type's largest number.
"""

from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out, readable
from convlab_kernels.cpu.activation import LINEAR, Activation, activate
from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.micro_kernel import (
    AHEAD,
    HALF,
    ROWS,
    collide,
    multiply_half,
    multiply_rows,
    panel_of,
    panels_of,
    share_of_next,
)
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.scratch import scratch
from convlab_kernels.cpu.runtime.simd import lanes
from convlab_kernels.cpu.runtime.threads import parallel_for, threads
from convlab_kernels.cpu.winograd_transforms import input_tile2, input_tile4, output_tile2, output_tile4
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.minimal_filters import F2, F4, Minimal
from convlab_kernels.window import Window

LEAST_BYTES, MOST_BYTES = 700_000, 6_000_000
"""What V and M of the tiles that are computed together take, at least and at most.

Between these it is half of what the weights take: these are read once for each such group of tiles.
"""

GROUP = 8
"""Panels of M that are computed together, at most."""

PACE = 40_000
"""Multiply-adds of one thread in a microsecond, roughly."""

FEW = 8 * ROWS
"""Tiles up to which threads share the kernels among them, and not the tiles: to read the weights takes the time."""


ALL, INPUTS, REST = range(3)
"""Stages: everything for some tiles; the transform of some tiles' inputs; the rest with some of the weights."""


class Winograd:
    """F(4x4, 3x3), the weights transformed."""

    minimal: ClassVar[type[Minimal]] = F4
    amplification: ClassVar[float] = F4.amplification
    activates: ClassVar[bool] = True

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        if window.kernel != (3, 3) or window.stride != (1, 1) or window.dilation != (1, 1) or groups != 1:
            raise UnsupportedError(
                f"winograd: kernel {window.kernel}, stride {window.stride}, dilation {window.dilation},"
                f" {groups} group(s): it takes 3 x 3 kernels at stride 1 without dilation or groups;"
                " use indirect_gemm"
            )
        w = readable(w)
        _, _, c, o = w.shape
        width = lanes(w.itemsize)
        self.window, self.channels = window, -(-c // width) * width  # V has whole vectors of channels
        apart = collide(self.channels * w.itemsize, ROWS)
        self.pitch = self.channels + LINE // w.itemsize * apart  # numbers from one tile of V to the next
        cells = (self.minimal.outputs + 2) ** 2
        self.u = np.zeros((cells, panels_of(o, w.itemsize), c, panel_of(w.itemsize)), w.dtype)
        parallel_for(_transform_kernels, (w, self.minimal.filter, self.u), self.u.shape[1])

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
        check_out(out, "winograd")
        x = readable(x)
        (top, _), (left, _) = self.window.pads(x.shape[1:3])
        offsets = np.zeros(self.u.shape[1] * self.u.shape[3], out.dtype)
        if bias is not None:
            offsets[: len(bias)] = bias
        size, team = self.minimal.outputs, threads()
        tiles = prod((len(x), -(-out.shape[1] // size), -(-out.shape[2] // size)))
        by_panels = tiles <= FEW and self.u.shape[1] >= 2 * team
        step, group = self._together(tiles, team, by_panels)
        v = self._rooms("v", 1 if by_panels else team, step, self.pitch, x.dtype)
        m = self._rooms("m", team, step, group * self.u.shape[3], x.dtype)
        where, last = (size, (top, left), tiles), (relu, out.dtype.type(ceiling), activation)
        args = (step, x, v, (self.channels, self.pitch), self.u, offsets, out, m, group, *where, *last)
        cost = tiles * self.u.size / PACE
        if by_panels:
            parallel_for(_convolve, (INPUTS, *args), tiles, cost=tiles * len(self.u) * self.channels / PACE)
            parallel_for(_convolve, (REST, *args), self.u.shape[1], cost=cost, pieces=2, most=team)
        else:
            pieces = -(-tiles // (step * team))
            parallel_for(_convolve, (ALL, *args), tiles, ROWS, cost, pieces, most=team)

    def _together(self, tiles: int, team: int, by_panels: bool) -> tuple[int, int]:
        """Return how many tiles, and how many panels of the weights, go together."""
        cells, panels, _, panel = self.u.shape
        if by_panels:
            return tiles, min(GROUP, -(-panels // (2 * team)))
        group = min(GROUP, panels)
        block = cells * ROWS * (self.pitch + group * panel) * self.u.itemsize
        return ROWS * max(1, min(MOST_BYTES, max(LEAST_BYTES, self.u.nbytes // 2)) // block), group

    def _rooms(self, name: str, team: int, tiles: int, channels: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return room for V or M for each of a team, (team, cells, tiles * channels), the tiles in whole blocks."""
        return scratch(name, (team, len(self.u), -(-tiles // ROWS) * ROWS * channels), dtype)


class Winograd2x2(Winograd):
    """F(2x2, 3x3), the weights transformed."""

    minimal = F2
    amplification = F2.amplification


@inlined
def _place(tile, m, shape):
    """Return image, first row and first column of a tile's outputs."""
    columns = -(-shape[2] // m)
    line, column = divmod(tile, columns)
    image, row = divmod(line, -(-shape[1] // m))
    return image, row * m, column * m


@inlined
def _transform_inputs(x, v, row, shape, m, corner, begin, first, last):
    """Transform the tiles first to last of x (N, H, W, C) into v (cells, tiles * pitch) from `begin` on.

    row : channels of a tile of v, and its pitch
    """
    channels, pitch = row
    _, h, w, c = x.shape
    t = m + 2
    patch = np.zeros((t, t, channels), x.dtype)
    one = x.dtype.type(1)
    for tile in range(first, last):
        image, y, x_ = _place(tile, m, shape)
        y, x_ = y - corner[0], x_ - corner[1]
        target = address(v, (tile - begin) * pitch)
        if y >= 0 and x_ >= 0 and y + t <= h and x_ + t <= w and channels == c:
            source, row_step = address(x, ((image * h + y) * w + x_) * c), w * c
        else:
            _cut(x, image, y, x_, patch)
            source, row_step = address(patch, 0), t * channels
        if m == 4:
            input_tile4(source, row_step, channels, target, v.shape[1], channels, one)
        else:
            input_tile2(source, row_step, channels, target, v.shape[1], channels, one)


@inlined
def _cut(x, image, y, x_, patch):
    """Copy what of an image lies under a patch with its corner at (y, x_); the rest of the patch is 0."""
    _, h, w, c = x.shape
    for i in range(patch.shape[0]):
        for j in range(patch.shape[1]):
            if 0 <= y + i < h and 0 <= x_ + j < w:
                for k in range(c):
                    patch[i, j, k] = x[image, y + i, x_ + j, k]
            else:
                for k in range(c):
                    patch[i, j, k] = 0


@inlined
def _multiply(v, pitch, u, m_, outputs, tiles, first, last):
    """m_[cell] (tiles, outputs) of the panels first to last = v[cell] (tiles, C) @ u[cell]."""
    cells, panels, depth, width = u.shape
    places, runs, zeros = np.zeros(ROWS + AHEAD, np.int64), np.zeros(1, np.int64), np.zeros(width, v.dtype)
    rows, run, bias, none = address(places, 0), address(runs, 0), address(zeros, 0), v.dtype.type(0)
    for cell in range(cells):
        for panel in range(first, last):
            right = address(u, (cell * panels + panel) * depth * width)
            for tile in range(0, tiles, ROWS):
                for row in range(ROWS + AHEAD):
                    places[row] = address(v, cell * v.shape[1] + (tile + row) * pitch)
                following, ahead = address(places, ROWS), share_of_next(right, depth, tile // ROWS)
                out = address(m_, cell * m_.shape[1] + tile * outputs + (panel - first) * width)
                block = (rows, run, 1, depth, right, following, ahead, out, bias, 0, out, outputs, width, False, none)
                if tiles - tile > HALF:
                    multiply_rows(*block)
                else:
                    multiply_half(*block)


@inlined
def _transform_outputs(m_, outputs, offsets, out, m, first, last, channel, channels, relu, ceiling, activation):
    """Transform the tiles first to last of m_ (cells, tiles * outputs) to some channels of out (N, OH, OW, O)."""
    _, h, w, o = out.shape
    patch = np.empty((m, m, channels), out.dtype)
    for tile in range(first, last):
        image, y, x = _place(tile, m, out.shape)
        source, bias = address(m_, (tile - first) * outputs), address(offsets, channel)
        inside = channel + channels <= o and y + m <= h and x + m <= w
        if inside:
            target, row_step, step = address(out, ((image * h + y) * w + x) * o + channel), w * o, o
        else:
            target, row_step, step = address(patch, 0), m * channels, channels
        if m == 4:
            output_tile4(source, m_.shape[1], bias, target, row_step, step, channels, relu, ceiling)
        else:
            output_tile2(source, m_.shape[1], bias, target, row_step, step, channels, relu, ceiling)
        if not inside:
            for i in range(min(m, h - y)):
                for j in range(min(m, w - x)):
                    for k in range(min(channels, o - channel)):
                        out[image, y + i, x + j, channel + k] = patch[i, j, k]
        for i in range(min(m, h - y)):
            row = address(out, ((image * h + y + i) * w + x) * o + channel)
            activate(activation, row, o, min(m, w - x), min(channels, o - channel))


@inlined
def _multiply_and_leave(v, pitch, u, offsets, out, m_, group, m, tiles, panels, relu, ceiling, activation):
    """Multiply the tiles first to last, which v holds, with some of the panels, and transform them back."""
    width = u.shape[3]
    first, last = tiles
    for panel in range(panels[0], panels[1], group):
        end = min(panels[1], panel + group)
        _multiply(v, pitch, u, m_, group * width, last - first, panel, end)
        some = (panel * width, (end - panel) * width)
        _transform_outputs(m_, group * width, offsets, out, m, first, last, *some, relu, ceiling, activation)


@shared
def _convolve(
    worker, first, last, stage, step, x, v, row, u, offsets, out, m_, group, m, corner, tiles, relu, ceiling,
    activation,
):  # fmt: skip
    """Do a stage for the tiles first to last, `step` at a time, or with the panels first to last for all tiles.

    One function for all stages: each by itself would be compiled with all that it calls.
    """
    room = v[worker if stage == ALL else 0]
    for i in range(first, last, last - first if stage == REST else step):
        part = (i, min(last, i + step))
        some, panels = ((0, tiles), (first, last)) if stage == REST else (part, (0, u.shape[1]))
        if stage != REST:
            _transform_inputs(x, room, row, out.shape, m, corner, i if stage == ALL else 0, *some)
        if stage != INPUTS:
            _multiply_and_leave(
                room, row[1], u, offsets, out, m_[worker], group, m, some, panels, relu, ceiling, activation
            )


@shared
def _transform_kernels(_, first, last, w, g, u):
    """Make u (cells, panels, C, panel) = G w G.T, in float64, of w (3, 3, C, O), for the panels first to last."""
    t = len(g)
    depth, o = w.shape[2:]
    width = u.shape[3]
    half = np.empty((t, 3, width))
    for panel in range(first, last):
        count = min(width, o - panel * width)
        for c in range(depth):
            for i in range(t):
                for j in range(3):
                    for k in range(count):
                        column = panel * width + k
                        half[i, j, k] = (
                            g[i, 0] * w[0, j, c, column] + g[i, 1] * w[1, j, c, column] + g[i, 2] * w[2, j, c, column]
                        )
            for i in range(t):
                for j in range(t):
                    for k in range(count):
                        u[i * t + j, panel, c, k] = (
                            half[i, 0, k] * g[j, 0] + half[i, 1, k] * g[j, 1] + half[i, 2, k] * g[j, 2]
                        )
