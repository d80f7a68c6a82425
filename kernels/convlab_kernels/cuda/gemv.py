"""One row times a matrix, (K) @ (K, O): reading the matrix is all the time it takes.

A warp reads 32 numbers of a row of w side by side. The rows are shared out among the warps of a block, whose sums are
added in shared memory two and two, and among blocks, each of which writes its part; a second kernel adds the parts,
always in the same order. cuBLAS has a product for this too, but CuPy captures none of it in a CUDA graph.
"""

from typing import Any

import numpy as np

from convlab_kernels.arguments import bounds
from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.chip import multiprocessors_of
from convlab_kernels.cuda.compiler.language import FLOATS, INT, cuda, float32, int32, kernel
from convlab_kernels.cuda.split_k import THREADS, sum_of_parts

COLUMNS, WARPS = 32, 8
"""Columns of a block, and the warps that share its rows."""

BLOCK = COLUMNS * WARPS
"""Threads of a block."""

BLOCKS = 8
"""Blocks that a multiprocessor has room for: 2,048 threads."""

LEAST = 64
"""Rows of a block, if there are so many: fewer are not worth a part."""


@kernel(*[FLOATS] * 4, INT, INT, INT, block=(COLUMNS, WARPS))
def part_of_row(x, w, bias, parts, K, O, share):
    """Compute part blockIdx.y, of `share` rows, for 32 columns; the first part begins with the bias."""
    sums = cuda.shared.array(BLOCK, float32)
    lane, warp, part = int32(cuda.threadIdx.x), int32(cuda.threadIdx.y), int32(cuda.blockIdx.y)
    column = int32(cuda.blockIdx.x * COLUMNS + lane)
    place = int32(warp * COLUMNS + lane)
    total = float32(0)
    if column < O:
        if part == 0 and warp == 0:
            total = bias[column]
        first = int32(part * share)
        last = int32(min(int32(first + share), K))
        for k in range(int32(first + warp), last, int32(WARPS)):
            total += x[k] * w[int32(k * O + column)]
    sums[place] = total
    warps = int32(WARPS)
    while warps > 1:
        warps = int32(warps >> 1)
        cuda.syncthreads()
        if warp < warps:
            sums[place] += sums[place + warps * COLUMNS]
    if warp == 0 and column < O:
        parts[int32(part * O + column)] = sums[lane]


def multiply_row(x: Any, w: Any, bias: Any, out: Any, relu: bool) -> None:
    """Write x (1, K) @ w (K, O) + bias (O,) into out (1, O), clipped at zero if `relu`; all of float32."""
    depth, o = w.shape
    columns = -(-o // COLUMNS)
    parts = max(1, min(-(-BLOCKS * multiprocessors_of(x) // columns), -(-depth // LEAST)))
    share = -(-depth // parts)
    xp = module_of(x)
    sums = xp.empty((parts, o), x.dtype)
    part_of_row((columns, parts), x, w, bias, sums, np.int32(depth), np.int32(o), np.int32(share))
    limits = bounds(out.dtype, relu, np.inf)
    blocks = (-(-o // THREADS),)
    sum_of_parts(blocks, sums, out, *limits, np.int32(o), np.int32(parts))
