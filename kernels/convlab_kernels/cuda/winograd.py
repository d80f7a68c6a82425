"""Rung 7: Winograd's convolution, 3 x 3 at stride 1 with fewer multiplications than the definition has.

Lavin and Gray, "Fast algorithms for convolutional neural networks" (arXiv 1509.09308), section 4.1; the formulas are
in `cpu.winograd`. Here three kernels do the three steps, one after the other:

    V (cells, tiles, C) of x        M (cells, tiles, O) = V @ U        out of M, with bias, clipped

The first and the last are `winograd_transforms`; they move numbers; the one between is a batch of products of cuBLAS'
and has nearly all the multiplications: a fourth of the definition's in F(4x4, 3x3), 4 / 9 in F(2x2, 3x3). They are of
float32, CuPy's default: with factors rounded to TF32, F(4x4) would be wrong in the second digit.

An input that is infinite or NaN may spoil all outputs of the tiles that see it.
"""

from typing import Any, ClassVar

import numpy as np

from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.compiler.language import Kernel
from convlab_kernels.cuda.convolution import GpuConvolution
from convlab_kernels.cuda.flat import blocks
from convlab_kernels.cuda.winograd_transforms import input2, input4, output2, output4
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.minimal_filters import F2, F4, Minimal
from convlab_kernels.window import Window

TOGETHER = 48 << 20
"""Bytes of V and M of the tiles that go together, at most: an H100's L2 cache has 50 MB, so that little of what one
kernel writes has to come back from memory for the next. Where U is larger, its size: it is read for each such group.
"""

ROWS = 128
"""Tiles that go together come in multiples of this, the rows of one block of a product."""


class Winograd(GpuConvolution):
    """F(4x4, 3x3): 36 multiplications for 16 outputs, where the definition has 144."""

    name = "winograd"
    minimal: ClassVar[type[Minimal]] = F4
    amplification: ClassVar[float] = F4.amplification
    kernels: ClassVar[tuple[Kernel, Kernel]] = input4, output4

    def __init__(self, w: Any, window: Window, groups: int = 1) -> None:
        if window != Window((3, 3), padding=window.padding) or groups != 1:
            raise UnsupportedError(
                f"{self.name}: kernel {window.kernel}, stride {window.stride}, dilation {window.dilation},"
                f" {groups} group(s): it takes 3 x 3 kernels at stride 1 without dilation or groups; use im2col"
            )
        super().__init__(w, window, groups)

    def arranged(self, w: Any) -> Any:
        """Return U (cells, C, O) = G w G.T, computed in float64: the weights are transformed once."""
        xp = module_of(w)
        g = xp.asarray(self.minimal.filter)
        half = xp.tensordot(g, w.astype(np.float64), 1)  # (T, 3, C, O)
        u = xp.matmul(g, half.reshape(*half.shape[:2], -1))
        return u.reshape(-1, *w.shape[2:]).astype(w.dtype)

    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch the three kernels for some tiles at a time."""
        xp, (transform_input, transform_output) = module_of(x), self.kernels
        (n, h, w, c), (_, oh, ow, o), cells = x.shape, out.shape, len(self.w)
        (top, _), (left, _) = self.window.pads((h, w))
        rows, columns = (-(-size // self.minimal.outputs) for size in (oh, ow))
        tiles = n * rows * columns
        together = min(tiles, self.at_once())
        v, m = (xp.empty(cells * together * channels, np.float32) for channels in (c, o))
        for first in range(0, tiles, together):
            count = min(together, tiles - first)
            some_v, some_m = (room[: cells * count * channels] for room, channels in ((v, c), (m, o)))
            where = first, count, rows, columns
            transform_input(blocks(count * c), x, some_v, integers(*where, h, w, c, top, left))
            xp.matmul(some_v.reshape(cells, count, c), self.w, out=some_m.reshape(cells, count, o))
            geometry = integers(*where, oh, ow, o, 0, 0)
            transform_output(blocks(count * o), some_m, bias, out, low, high, geometry)

    def at_once(self) -> int:
        """Return how many tiles go together."""
        cells, c, o = self.w.shape
        tiles = max(TOGETHER, self.w.nbytes) // (self.w.itemsize * cells * (c + o))
        return max(1, tiles // ROWS) * ROWS


class Winograd2x2(Winograd):
    """F(2x2, 3x3): 16 multiplications for 4 outputs, where the definition has 36; it loses less to rounding."""

    name = "winograd2x2"
    minimal = F2
    amplification = F2.amplification
    kernels = input2, output2


def integers(*numbers: int) -> tuple[np.int32, ...]:
    """Return whole numbers as a kernel takes them."""
    return tuple(map(np.int32, numbers))
