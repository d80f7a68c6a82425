"""The fastest kernel for a convolution on a GPU: the rule behind `method="auto"`.

For a single image it is `implicit_gemm`, where Winograd's three launches a group take longer than they save, unless a
CUDA graph launches them, and CuPy captures no product of cuBLAS. All reasons are estimates for an H100, not yet
measured. For each output pixel of a 3 x 3 convolution of C channels to O:

                     multiply-adds      bytes that the transforms move
    implicit_gemm    9 C O              0
    F(4x4, 3x3)      36/16 C O          (4 + 9) (C + O)
    F(2x2, 3x3)      16/4 C O           (4 + 16) (C + O)

At 23e12 multiply-adds (45 TFLOP/s, a good product) and 2.5e12 bytes a second, the three take 1.6, 1.1 and 1.8 ns a
pixel for 64 channels to 64, and 6.6, 3.0 and 5.0 ns for 128 to 128. Tensor cores multiply at five times that rate or
more, with factors rounded to TF32.

What Winograd's transforms lose to rounding was computed in float32 on a CPU, with sums in the order of their terms,
for x normal and clipped at 0 and w normal; the largest error of 100,000 outputs, in the outputs' standard deviations:

    C               64        256       512       1024
    F(4x4, 3x3)     2.4e-5    5.2e-5    7.8e-5    9.1e-5 (of 50,000)
    F(2x2, 3x3)     1.5e-6    2.7e-6    3.3e-6    4.4e-6

A layer has up to a hundred times as many outputs, of which the worst may be a third worse. 1e-4 is what is allowed.
"""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from convlab_kernels.cuda.convolution import LARGEST
from convlab_kernels.window import Window

Shape = tuple[int, ...]

ACCURATE = 256
"""Input channels up to which F(4x4) stays well within 1e-4."""

ROWS = 128
"""Tiles below which the blocks of Winograd's products are part empty, and to read U takes longer than to use it."""

DEEP = 16
"""Input channels from which matrix instructions, and not memory, set the pace of a convolution that is no 1 x 1."""


@lru_cache(1 << 10)
def fastest(
    x: Shape, w: Shape, window: Window, groups: int, dtype: Any, propagate_nan: bool = False, tf32: bool = False
) -> str:
    """Return the name in METHODS of the fastest kernel for x (N, H, W, C) and w (KH, KW, C/groups, O).

    dtype : of both
    propagate_nan : whether NaN and infinities must stay where the definition puts them, which Winograd's do not
    tf32 : whether factors may be rounded to TF32, 10 bits after the point
    """
    output = (x[0], *window.output_size((x[1], x[2])), w[3])
    if np.dtype(dtype) != np.float32 or max(prod(x[1:]), prod(output[1:])) > LARGEST:
        return "im2col"
    if groups > 1:
        return "depthwise" if w[2] == 1 else "im2col"
    if tf32 and w[2] >= DEEP:
        return "tensor_core"
    if x[0] > 1 and window == Window((3, 3), padding=window.padding) and not propagate_nan:
        return _winograd(output, w)
    return "implicit_gemm"


def _winograd(output: Shape, w: Shape) -> str:
    """Return the kernel for 3 x 3 at stride 1, for an output (N, OH, OW, O)."""
    channels = min(w[2], w[3])
    if 64 <= channels and w[2] <= ACCURATE and _tiles(output, 4) >= ROWS:
        return "winograd"
    return "winograd2x2" if channels >= 128 and _tiles(output, 2) >= ROWS else "implicit_gemm"


def _tiles(output: Shape, side: int) -> int:
    return output[0] * prod(-(-size // side) for size in output[1:3])
