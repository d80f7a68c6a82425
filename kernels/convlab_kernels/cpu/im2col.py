"""Convolution as one matrix product: every window is copied into a row, the kernels are the columns.

Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing" (2006),
section 3. The copied windows ("columns") are KH*KW times as large as the image, so they are made in blocks of
output rows that stay under a budget and, with it, in the processor's cache.

    for each group g:  out (P, O/G) = columns (P, KH*KW*C/G) @ w (KH*KW*C/G, O/G)      P = rows * OW places
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out
from convlab_kernels.cpu.padding import padded_images
from convlab_kernels.epilogue import finish
from convlab_kernels.window import Pair, Window

COLUMN_BYTES = 4 << 20
"""Most bytes that the copied windows may take at one time (one output row is always allowed)."""


class Im2col:
    """Blocked im2col with the weights laid out as a matrix per group."""

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        kh, kw, c, o = w.shape
        # (KH, KW, C/G, O) -> (KH*KW*C/G, G, O/G) -> (G, KH*KW*C/G, O/G)
        self.matrices = w.reshape(kh * kw * c, groups, o // groups).transpose(1, 0, 2)
        self.window, self.groups = window, groups

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        check_out(out, "im2col")  # reshaped for the product, it would be a copy, and the result lost
        _, oh, ow, _ = out.shape
        row_bytes = max(1, ow * self.matrices.shape[0] * self.matrices.shape[1] * x.itemsize)
        rows = min(oh, max(1, COLUMN_BYTES // row_bytes))
        columns = np.empty((rows, ow, self.groups, *self.window.kernel, x.shape[3] // self.groups), x.dtype)
        images = padded_images(np.ascontiguousarray(x), self.window.pads(x.shape[1:3]))
        for image, result in zip(images, out, strict=True):
            views = self._windows(image, (oh, ow))
            for first in range(0, oh, rows):
                block = slice(first, first + rows)
                self._block(views[block], columns, result[block])
                finish(result[block], bias, relu, ceiling)

    def _windows(self, image: NDArray[Any], output: Pair) -> NDArray[Any]:
        """Return the view (OH, OW, G, KH, KW, C/G) of every window, without copying it."""
        sh, sw, sc = image.strides
        (kh, kw), (dh, dw), (th, tw) = self.window.kernel, self.window.dilation, self.window.stride
        per_group = image.shape[2] // self.groups
        shape = (*output, self.groups, kh, kw, per_group)
        strides = (sh * th, sw * tw, sc * per_group, sh * dh, sw * dw, sc)
        return np.ndarray(shape, image.dtype, image, strides=strides)  # as_strided takes longer than a small image

    def _block(self, views: NDArray[Any], columns: NDArray[Any], out: NDArray[Any]) -> None:
        """Convolve views (rows, OW, G, KH, KW, C/G) into out (rows, OW, O)."""
        rows, ow, o = out.shape
        columns = columns[:rows]
        np.copyto(columns, views)
        if self.groups == 1:  # the same without a stack of one: it begins sooner
            np.dot(columns.reshape(rows * ow, -1), self.matrices[0], out.reshape(rows * ow, o))
            return
        # (G, P, K) @ (G, K, O/G) -> (G, P, O/G), which is out (P, G, O/G) seen from the group
        left = columns.reshape(rows * ow, self.groups, -1).transpose(1, 0, 2)
        right = out.reshape(rows * ow, self.groups, o // self.groups).transpose(1, 0, 2)
        np.matmul(left, self.matrices, out=right)
