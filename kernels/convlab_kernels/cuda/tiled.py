"""Rung 3: a block's numbers in shared memory, each read once from global memory and used 16 times.

A convolution is a product of matrices: a row for each pixel, the numbers k = (ky * KW + kx) * C + c of its window,
times the weights (KH * KW * C, O). The first matrix is never written down: a thread finds number k of a window where
it lies in x. Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning" (2014, arXiv 1410.0759), section 3. The
product goes by tiles, as in NVIDIA's "CUDA C++ Programming Guide" ("Shared Memory", matrix multiplication): a block
of 16 x 16 outputs brings in 16 x 16 numbers of each matrix, waits until all are there, adds up their products, waits
until all are used, and goes on along k. What it does badly: two reads of shared memory for each product.
"""

from typing import Any

import numpy as np

from convlab_kernels.cuda.compiler.language import cuda, device_function, float32, int32, kernel, uint32
from convlab_kernels.cuda.convolution import SIGNATURE, GpuConvolution
from convlab_kernels.cuda.device_functions import clipped

TILE = 16
"""Pixels and output channels of a block, and numbers of each window that it holds at a time."""

CELLS = TILE * TILE


@device_function
def corner(pixel, geometry):
    """Return the image of a pixel, and the row and column of x where its window begins, which may be padding."""
    OH, OW, SY, SX, TOP, LEFT = geometry[5], geometry[6], geometry[9], geometry[10], geometry[13], geometry[14]
    row = int32(uint32(pixel) // uint32(OW))
    n = int32(uint32(row) // uint32(OH))
    return n, int32((row - n * OH) * SY - TOP), int32((pixel - row * OW) * SX - LEFT)


@device_function
def step(k, geometry):
    """Return where number k of a window lies: rows and columns from its corner, and the channel."""
    C, KW, DY, DX = geometry[3], geometry[8], geometry[11], geometry[12]
    tap = int32(uint32(k) // uint32(C))
    ky = int32(uint32(tap) // uint32(KW))
    return int32(ky * DY), int32((tap - ky * KW) * DX), int32(k - tap * C)


@device_function
def cell(x, n, i, j, c, geometry):
    """Return x[n, i, j, c], and 0 in the padding."""
    H, W, C = geometry[1], geometry[2], geometry[3]
    if uint32(i) < uint32(H) and uint32(j) < uint32(W):
        return x[int32(((n * H + i) * W + j) * C + c)]
    return float32(0)


@kernel(*SIGNATURE, block=(TILE, TILE))
def tiled(x, w, bias, out, low, high, geometry):
    """Compute one output for each thread; beyond the last pixel or channel the last once more, not written."""
    P, O = geometry[0], geometry[4]
    K = int32(geometry[7] * geometry[8] * geometry[3])
    windows = cuda.shared.array(CELLS, float32)
    weights = cuda.shared.array(CELLS, float32)
    column, row = int32(cuda.threadIdx.x), int32(cuda.threadIdx.y)
    pixel, o = int32(cuda.blockIdx.x * TILE + row), int32(cuda.blockIdx.y * TILE + column)
    n, top, left = corner(min(pixel, int32(P - 1)), geometry)
    channel, here, total = min(o, int32(O - 1)), uint32(row * TILE + column), float32(0)
    for first in range(0, K, TILE):
        down, right, c = step(int32(first + column), geometry)
        number = cell(x, n, int32(top + down), int32(left + right), c, geometry)
        windows[here] = number if first + column < K else float32(0)
        weights[here] = w[int32((first + row) * O + channel)] if first + row < K else float32(0)
        cuda.syncthreads()
        for k in range(TILE):
            total += windows[uint32(row * TILE + k)] * weights[uint32(k * TILE + column)]
        cuda.syncthreads()
    if pixel < P and o < O:
        out[int32(pixel * O + o)] = clipped(total + bias[o], low, high)


class Tiled(GpuConvolution):
    """An implicit product of matrices, in tiles."""

    name = "tiled"

    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch a block for each 16 pixels and 16 output channels."""
        geometry = self.geometry(x, out)
        grid = (-(-int(geometry[0]) // TILE), -(-out.shape[3] // TILE))
        tiled(grid, x, self.w, bias, out, low, high, geometry)
