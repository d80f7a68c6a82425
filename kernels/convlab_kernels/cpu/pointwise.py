"""Convolution with kernels of 1 x 1: at each place a vector times a matrix, so the image is the left matrix as it is.

Lin, Chen and Yan, "Network in network" (arXiv 1312.4400), section 3.

    out (N * OH * OW, O) = image (N * OH * OW, C) @ w (C, O)
"""

from typing import Any

from numpy.typing import NDArray

from convlab_kernels.cpu.indirect_gemm import IndirectGemm
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window


class Pointwise(IndirectGemm):
    """The indirect convolution where it has one run, and nothing to copy: kernels of 1 x 1 without padding."""

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        padded = window.padding != "same" and max(map(max, window.padding)) > 0
        if window.kernel != (1, 1) or padded:
            raise UnsupportedError(
                f"pointwise: kernel {window.kernel}, padding {window.padding}: it takes 1 x 1 without padding;"
                " use indirect_gemm"
            )
        super().__init__(w, window, groups)
