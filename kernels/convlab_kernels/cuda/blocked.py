"""Rung 4: 8 x 8 outputs a thread, in registers.

A thread with one output reads two numbers of shared memory for each product. With 8 pixels of 8 channels it reads 16
for 64 products, which it adds up in registers: Volkov and Demmel, "Benchmarking GPUs to Tune Dense Linear Algebra"
(SC 2008), on products of matrices. A block has 128 x 128 outputs, so that global memory is read an eighth as often,
too. The outputs of a thread lie 16 apart, so that neighbouring threads still read and write side by side. What it
does badly: each number is read by an instruction of its own, and nothing is computed while the next are on their way.
"""

from typing import Any

import numpy as np

from convlab_kernels.cuda.compiler.language import cuda, float32, int32, kernel, uint32
from convlab_kernels.cuda.convolution import SIGNATURE, GpuConvolution
from convlab_kernels.cuda.device_functions import clipped
from convlab_kernels.cuda.tiled import cell, corner, step

ACROSS = 16
"""Threads of a block along channels, and along pixels."""

THREADS = ACROSS * ACROSS

EACH = 8
"""Channels of a thread, and its pixels."""

PRODUCTS = EACH * EACH

TILE = ACROSS * EACH
"""Channels of a block, and its pixels."""

DEPTH = 8
"""Numbers of each window that a block holds at a time."""

CELLS = TILE * DEPTH

LOADS = CELLS // THREADS
"""Numbers of each matrix that a thread brings in at a time: of one k for its pixels, of one channel for its k."""

APART = THREADS // DEPTH
"""From one pixel for which a thread brings in numbers to the next."""


@kernel(*SIGNATURE, block=(ACROSS, ACROSS), blocks=2)
def blocked(x, w, bias, out, low, high, geometry):
    """Compute 64 outputs for each thread; beyond the last pixel or channel the last once more, not written."""
    P, O = geometry[0], geometry[4]
    K = int32(geometry[7] * geometry[8] * geometry[3])
    windows = cuda.shared.array(CELLS, float32)
    weights = cuda.shared.array(CELLS, float32)
    total = cuda.local.array(PRODUCTS, float32)
    seen = cuda.local.array(EACH, float32)
    given = cuda.local.array(EACH, float32)
    image = cuda.local.array(LOADS, int32)
    top = cuda.local.array(LOADS, int32)
    left = cuda.local.array(LOADS, int32)
    column, row = int32(cuda.threadIdx.x), int32(cuda.threadIdx.y)
    pixel, o = int32(cuda.blockIdx.x * TILE + row), int32(cuda.blockIdx.y * TILE + column)
    thread = int32(row * ACROSS + column)
    bringing = int32(cuda.blockIdx.x * TILE + thread // DEPTH)
    channel = min(int32(cuda.blockIdx.y * TILE + thread % TILE), int32(O - 1))
    for i in range(PRODUCTS):
        total[i] = float32(0)
    for i in range(LOADS):
        image[i], top[i], left[i] = corner(min(int32(bringing + i * APART), int32(P - 1)), geometry)
    for first in range(0, K, DEPTH):
        k = int32(first + thread % DEPTH)
        down, right, c = step(k, geometry)
        for i in range(LOADS):
            number = cell(x, image[i], int32(top[i] + down), int32(left[i] + right), c, geometry)
            windows[uint32(thread + i * THREADS)] = number if k < K else float32(0)
        for i in range(LOADS):
            here = int32(thread + i * THREADS)
            deep = int32(first + here // TILE)
            weights[uint32(here)] = w[int32(deep * O + channel)] if deep < K else float32(0)
        cuda.syncthreads()
        for deep in range(DEPTH):
            for i in range(EACH):
                seen[i] = windows[uint32((row + i * ACROSS) * DEPTH + deep)]
                given[i] = weights[uint32(deep * TILE + column + i * ACROSS)]
            for i in range(EACH):
                for j in range(EACH):
                    total[i * EACH + j] += seen[i] * given[j]
        cuda.syncthreads()
    for i in range(EACH):
        for j in range(EACH):
            p, q = int32(pixel + i * ACROSS), int32(o + j * ACROSS)
            if p < P and q < O:
                out[int32(p * O + q)] = clipped(total[i * EACH + j] + bias[q], low, high)


class Blocked(GpuConvolution):
    """An implicit product of matrices, in tiles and in registers."""

    name = "blocked"

    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch a block for each 128 pixels and 128 output channels."""
        geometry = self.geometry(x, out)
        grid = (-(-int(geometry[0]) // TILE), -(-out.shape[3] // TILE))
        blocked(grid, x, self.w, bias, out, low, high, geometry)
