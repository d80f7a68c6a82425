"""Rung 1: the definition, one output a thread, neighbouring threads on neighbouring pixels.

It is the loop of `cpu.direct`, with a thread for each of the two outer loops. The threads of a warp read x C numbers
apart and write out O numbers apart: each of 32 numbers comes in a transaction of its own, of which 28 of 32 bytes are
thrown away. What is read once by every warp is read again from the caches.
"""

from typing import Any

import numpy as np

from convlab_kernels.cuda.compiler.language import cuda, device_function, float32, int32, kernel
from convlab_kernels.cuda.convolution import SIGNATURE, GpuConvolution
from convlab_kernels.cuda.device_functions import clipped, divmod_uint32

THREADS = 128


@device_function
def convolved(x, w, pixel, o, geometry):
    """Return one output without bias: the sum over the window of a pixel, for the output channel o."""
    _, H, W, C, O, OH, OW, KH, KW, SY, SX, DY, DX, TOP, LEFT = geometry
    row, ox = divmod_uint32(pixel, OW)
    n, oy = divmod_uint32(row, OH)
    top, left = int32(oy * SY - TOP), int32(ox * SX - LEFT)
    total = float32(0)
    for ky in range(KH):
        for kx in range(KW):
            i, j = int32(top + ky * DY), int32(left + kx * DX)
            if 0 <= i < H and 0 <= j < W:
                cell, tap = int32(((n * H + i) * W + j) * C), int32((ky * KW + kx) * C * O + o)
                for c in range(C):
                    total += x[int32(cell + c)] * w[int32(tap + c * O)]
    return total


@kernel(*SIGNATURE, block=(THREADS,))
def direct_strided(x, w, bias, out, low, high, geometry):
    """Compute one output for each thread of a block, all of one channel."""
    P, O = geometry[0], geometry[4]
    part, o = divmod_uint32(cuda.blockIdx.x, O)
    pixel = int32(part * THREADS + cuda.threadIdx.x)
    if pixel < P:
        out[int32(pixel * O + o)] = clipped(convolved(x, w, pixel, o, geometry) + bias[o], low, high)


class DirectStrided(GpuConvolution):
    """The definition, uncoalesced."""

    name = "direct_strided"

    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch a block for so many pixels of each output channel."""
        geometry = self.geometry(x, out)
        grid = (-(-int(geometry[0]) // THREADS) * out.shape[3],)
        direct_strided(grid, x, self.w, bias, out, low, high, geometry)
