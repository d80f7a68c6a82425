"""Convolution of each channel by itself: no sum over channels, so nothing for a matrix product to gain.

Neighbouring threads have neighbouring channels: a warp reads 32 numbers of x side by side, and their 32 weights. Each
has some windows beside each other, so that a weight once loaded, and what it takes to find it, serves them all. Cells
outside the image are left out, not multiplied by zeros. Chollet, "Xception" (arXiv 1610.02357), section 2, on where
it comes from.

    out[y, x] (O) = bias (O) + sum over ky, kx of
        image[y*stride + ky*dilation, x*stride + kx*dilation] (O) * w[ky, kx] (O)
"""

from typing import Any

import numpy as np

from convlab_kernels.cuda.compiler.language import cuda, float32, int32, kernel, uint32
from convlab_kernels.cuda.convolution import SIGNATURE, GpuConvolution
from convlab_kernels.cuda.device_functions import clipped, divmod_uint32
from convlab_kernels.cuda.flat import THREADS, blocks
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window

SIDE = 4
"""Windows of a thread, side by side in a row of the output."""


@kernel(*SIGNATURE, block=(THREADS,))
def depthwise(x, w, bias, out, low, high, geometry):
    """Compute an output channel of some windows beside each other for each thread."""
    P, H, W, C, O, OH, OW, KH, KW, SY, SX, DY, DX, TOP, LEFT = geometry
    some, o = divmod_uint32(int32(cuda.blockIdx.x * THREADS + cuda.threadIdx.x), O)
    across, _ = divmod_uint32(int32(OW + SIDE - 1), SIDE)
    row, ox = divmod_uint32(some, across)
    rows, _ = divmod_uint32(P, OW)
    if row < rows:
        ox = int32(ox * SIDE)
        n, oy = divmod_uint32(row, OH)
        multiplier, _ = divmod_uint32(O, C)
        c, _ = divmod_uint32(o, multiplier)
        top, left = int32(oy * SY - TOP), int32(ox * SX - LEFT)
        totals = cuda.local.array(SIDE, float32)
        for k in range(SIDE):
            totals[k] = bias[o]
        for ky in range(KH):
            y = int32(top + ky * DY)
            if uint32(y) < uint32(H):
                line = int32((n * H + y) * W * C + c)
                for kx in range(KW):
                    weight = w[int32((ky * KW + kx) * O + o)]
                    for k in range(SIDE):
                        place = int32(left + kx * DX + k * SX)
                        if uint32(place) < uint32(W):
                            totals[k] += x[int32(line + place * C)] * weight
        for k in range(SIDE):
            if int32(ox + k) < OW:
                out[int32((row * OW + ox + k) * O + o)] = clipped(totals[k], low, high)


class Depthwise(GpuConvolution):
    """Multiply-adds of windows, for kernels (KH, KW, 1, O) in as many groups as there are channels."""

    name = "depthwise"

    def __init__(self, w: Any, window: Window, groups: int) -> None:
        if w.shape[2] != 1:
            raise UnsupportedError(
                f"depthwise: kernel {w.shape} in {groups} group(s) sees {w.shape[2]} channels at once,"
                " expected as many groups as channels: use im2col"
            )
        super().__init__(w, window)

    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch a thread for each few outputs."""
        n, oh, ow, o = out.shape
        depthwise(blocks(n * oh * -(-ow // SIDE) * o), x, self.w, bias, out, low, high, self.geometry(x, out))
