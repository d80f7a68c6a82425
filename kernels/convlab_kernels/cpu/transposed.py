"""Transposed convolution: every input adds its multiple of the kernel to the cells under its window.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (arXiv 1603.07285), section 4. Each cell of
the kernel is one matrix product, added to a strided view of the output; what falls outside is left out.

    for each ky, kx:  out[ky*dilation - cut :: stride] (H, W, O) += x (H*W, C) @ w[ky, kx] (C, O)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.cpu.finishing import finish
from convlab_kernels.transposed_window import TransposedWindow


class Transposed:
    """Scattered matrix products, with a matrix for each cell of the kernels (KH, KW, O, C)."""

    def __init__(self, w: NDArray[Any], window: TransposedWindow) -> None:
        self.matrices = np.ascontiguousarray(w.swapaxes(2, 3))  # (KH, KW, O, C) -> (KH, KW, C, O)
        self.window = window

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Scatter x (N, H, W, C) into out (N, OH, OW, O); add bias (O,); clip at zero if `relu`."""
        out[...] = 0
        for image, result in zip(x, out, strict=True):
            self._scatter(image, result)
        finish(out, bias, relu, ceiling)

    def _scatter(self, image: NDArray[Any], out: NDArray[Any]) -> None:
        """Add each input of an image (H, W, C), times the kernel, to out (OH, OW, O)."""
        kh, kw, _, _ = self.matrices.shape
        for ky, kx in np.ndindex(kh, kw):
            rows, under_rows = self._cells(ky, 0, image.shape[0], out.shape[0])
            columns, under_columns = self._cells(kx, 1, image.shape[1], out.shape[1])
            out[under_rows, under_columns] += image[rows, columns] @ self.matrices[ky, kx]

    def _cells(self, k: int, axis: int, size: int, output: int) -> tuple[slice, slice]:
        """Return which inputs put their k-th cell inside the output, and where."""
        stride = self.window.stride[axis]
        start = k * self.window.dilation[axis] - self.window.cut[axis]  # where the first input puts it
        first = max(0, -(start // stride))
        end = max(first, min(size, (output - 1 - start) // stride + 1))
        return slice(first, end), slice(start + first * stride, start + end * stride, stride)
