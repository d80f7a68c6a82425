"""Rung 5: the product of matrices at the speed of the chip, for every layer from one compiled kernel a tile.

The kernel is in `implicit_gemm_kernel`, how its grid is cut in `tiles`. Here is what prepares for it. All geometry is
a number that the kernel is given: a GPU reads those as fast as constants, and nothing is compiled for a new layer. To
read four channels at once takes channels in fours, so that an image of three gets a fourth, of zeros. Where the depth
is split, blocks write the parts of their sums side by side, and a second kernel adds them in order (`split_k`).
"""

from typing import Any

import numpy as np

from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.chip import multiprocessors_of
from convlab_kernels.cuda.convolution import GpuConvolution, in_fours, round_up
from convlab_kernels.cuda.implicit_gemm_kernel import implicit_gemm
from convlab_kernels.cuda.split_k import THREADS, sum_of_parts
from convlab_kernels.cuda.tiles import DEPTH, choose_tiling


class ImplicitGemm(GpuConvolution):
    """A product of matrices, the left one of which is never written down."""

    name = "implicit_gemm"

    def arranged(self, w: Any) -> Any:
        """Return the weights (KH, KW, C, O) as a matrix (depth, columns), with zeros to DEPTH rows and fours."""
        *kernel, c, o = w.shape
        taps, c4, o4 = kernel[0] * kernel[1], round_up(c, 4), round_up(o, 4)
        matrix = module_of(w).zeros((round_up(taps * c4, DEPTH), o4), w.dtype)
        matrix[: taps * c4].reshape(*kernel, c4, o4)[:, :, :c, :o] = w
        return matrix

    def __call__(self, x: Any, out: Any, bias: Any = None, relu: bool = False, ceiling: float = np.inf) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O), C in fours."""
        super().__call__(in_fours(x), out, bias, relu, ceiling)

    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch a block for each tile and part of the depth; for parts, a thread for each output to add them."""
        geometry, o = self.geometry(x, out), out.shape[3]
        tiling = choose_tiling(int(geometry[0]), o, len(self.w) // DEPTH, multiprocessors_of(x))
        grid = (tiling.tile.count(int(geometry[0]), o), tiling.parts)
        convolve, steps = implicit_gemm(tiling.tile), np.int32(tiling.steps)
        if tiling.parts == 1:
            convolve(grid, x, self.w, bias, out, low, high, geometry, steps)
            return
        parts = module_of(x).empty((tiling.parts, *out.shape), out.dtype)
        convolve(grid, x, self.w, bias, parts, np.float32(-np.inf), np.float32(np.inf), geometry, steps)
        blocks = (-(-out.size // THREADS),)
        sum_of_parts(blocks, parts, out, low, high, np.int32(out.size), np.int32(tiling.parts))
