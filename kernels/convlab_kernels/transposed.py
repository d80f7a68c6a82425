"""Transposed convolution: every input adds its multiple of the kernel to the cells under its window.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (arXiv 1603.07285), section 4. Each cell of
the kernel is one matrix product, added to a strided view of the output; what falls outside is left out. It computes
with the array module of its weights.

    for each ky, kx:  out[ky*dilation - cut :: stride] (N, H, W, O) += x (N*H*W, C) @ w[ky, kx] (C, O)

The same for volumes, which have one axis more.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arrays import module_of
from convlab_kernels.epilogue import finish
from convlab_kernels.transposed_window import TransposedWindow, TransposedWindow3D


class Transposed:
    """Scattered matrix products, with a matrix for each cell of the kernels (KH, KW, O, C) or (KD, KH, KW, O, C)."""

    def __init__(self, w: NDArray[Any], window: TransposedWindow | TransposedWindow3D) -> None:
        # (..., O, C) -> (..., C, O)
        self.matrices = module_of(w).ascontiguousarray(w.swapaxes(-1, -2))
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
        if module_of(x) is np:
            for image, result in zip(x, out, strict=True):  # one stays in a CPU's cache
                self._scatter(image, result, np.matmul)
        else:  # all fill a GPU, and one product of all places too
            self._scatter(x, out, _product)
        finish(out, bias, relu, ceiling)

    def _scatter(self, x: NDArray[Any], out: NDArray[Any], product: Callable[..., NDArray[Any]]) -> None:
        """Add each input of images (..., H, W, C), times the kernel, to out (..., OH, OW, O)."""
        kernel = self.matrices.shape[:-2]
        sizes = x.shape[-1 - len(kernel) : -1], out.shape[-1 - len(kernel) : -1]
        for cell in np.ndindex(kernel):
            cells = [
                self._cells(k, axis, *of_both) for axis, (k, *of_both) in enumerate(zip(cell, *sizes, strict=True))
            ]
            seen, under = ((..., *slices, slice(None)) for slices in zip(*cells, strict=True))
            out[under] += product(x[seen], self.matrices[cell])

    def _cells(self, k: int, axis: int, size: int, output: int) -> tuple[slice, slice]:
        """Return which inputs put their k-th cell inside the output, and where."""
        stride = self.window.stride[axis]
        start = k * self.window.dilation[axis] - self.window.cut[axis]  # where the first input puts it
        first = max(0, -(start // stride))
        end = max(first, min(size, (output - 1 - start) // stride + 1))
        return slice(first, end), slice(start + first * stride, start + end * stride, stride)


def _product(x: NDArray[Any], w: NDArray[Any]) -> NDArray[Any]:
    """Return x (N, H, W, C) @ w (C, O), computed as one product of matrices: `matmul` makes N * H of it."""
    return x.reshape(-1, w.shape[0]).dot(w).reshape(*x.shape[:-1], w.shape[1])
