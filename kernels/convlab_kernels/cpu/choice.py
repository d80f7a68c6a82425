"""The fastest kernel for a convolution: the rule behind `method="auto"`.

`python -m benchmarks.choice` measures what it costs over 200 convolutions of known networks;
benchmarks/results/choice.md has the table: within 10 % of the fastest for 96 % of them.
"""

from functools import lru_cache
from math import prod

from convlab_kernels.window import Window

Shape = tuple[int, ...]


@lru_cache(1 << 10)
def fastest(x: Shape, w: Shape, window: Window, groups: int, compiled: bool, propagate_nan: bool = False) -> str:
    """Return the name in METHODS of the fastest kernel for x (N, H, W, C) and w (KH, KW, C/groups, O).

    compiled : whether it may be a compiled one
    propagate_nan : whether NaN and infinities must stay where the definition puts them, which Winograd's do not, nor
        the widened kernel's
    """
    output = (x[0], *window.output_size((x[1], x[2])))
    if groups > 1 and w[2] == 1:
        return "depthwise" if compiled else "shifted"
    if not compiled:
        return _by_numpy(x, w, groups)
    if window.kernel == (1, 1) and window.pads((x[1], x[2])) == ((0, 0), (0, 0)):
        return "pointwise"
    if window == Window((3, 3), padding=window.padding) and groups == 1 and not propagate_nan:
        return _winograd(output, w, window)
    return _indirect_gemm(output, w, window, groups, propagate_nan)


def _by_numpy(x: Shape, w: Shape, groups: int) -> str:
    """Return the kernel without compiled ones: im2col's copies take as long as so many products by zero."""
    return "toeplitz" if groups == 1 and w[1] > 1 and x[2] * x[3] * w[3] <= 384 else "im2col"


def _indirect_gemm(output: Shape, w: Shape, window: Window, groups: int, propagate_nan: bool = False) -> str:
    """Return the kernel for an output (N, OH, OW) where there is no faster algorithm."""
    few = groups == 1 and w[3] <= 16 and output[2] % 2 == 0  # kernels: two of each fit in the widest panel
    dense = window.dilation[1] == 1 and w[1] >= 2 * window.stride[1]  # what neighbours see is much the same
    return "widened" if few and dense and not propagate_nan else "indirect_gemm"


def _winograd(output: Shape, w: Shape, window: Window) -> str:
    """Return the kernel for 3 x 3 at stride 1, for an output (N, OH, OW)."""
    if w[2] < 16 or w[3] < 16:  # few channels: the transforms cost more than the products they save
        return _indirect_gemm(output, w, window, 1)
    if _tiles(output, 4) >= 40:
        return "winograd"
    # few tiles: reading the weights takes the time, and F(2x2) has less than half of those of F(4x4)
    much = w[2] * w[3] >= 1 << 16  # weights to share among threads
    return "winograd2x2" if _tiles(output, 2) >= (16 if much else 40) else "indirect_gemm"


def _tiles(output: Shape, side: int) -> int:
    return output[0] * prod(-(-size // side) for size in output[1:])
