"""Fully connected layers: weighted sums of all inputs, out (N, O) = x (N, K) @ w (K, O) + bias (O,).

A product of cuBLAS'; one row of float32 is a kernel's own (see `gemv`).
"""

from typing import Any

import numpy as np

from convlab_kernels.arguments import check_out
from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.convolution import LARGEST
from convlab_kernels.cuda.gemv import multiply_row
from convlab_kernels.epilogue import finish


class Dense:
    """Weighted sums with the weights w (K, O), which are kept as they are."""

    def __init__(self, w: Any) -> None:
        self.w = module_of(w).ascontiguousarray(w)

    def __call__(self, x: Any, out: Any, bias: Any = None, relu: bool = False, ceiling: float = np.inf) -> None:
        """Multiply x (N, K) into out (N, O); add bias (O,); clip at zero and the ceiling if `relu`."""
        check_out(out, "dense")
        if len(x) == 1 and ceiling == np.inf and x.dtype == np.float32 and self.w.size <= LARGEST:
            xp = module_of(x)
            offsets = xp.zeros(out.shape[1], out.dtype) if bias is None else bias
            multiply_row(xp.ascontiguousarray(x), self.w, offsets, out, relu)
            return
        module_of(out).dot(x, self.w, out)
        finish(out, bias, relu, ceiling)
