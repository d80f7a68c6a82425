"""Rung 6, the yardstick: every window is copied into a row, and the rest is one matrix product, which is cuBLAS'.

Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing" (2006),
section 3. The copied windows ("columns") are KH*KW times as large as the image, so they are made in blocks of images,
or of output rows of an image, that stay under a budget.

    for each group g:  out (P, O/G) = columns (P, KH*KW*C/G) @ w (KH*KW*C/G, O/G)      P = images * rows * OW places

It takes any convolution, of float32 and of float64, and its code any array module: CuPy's kernels do the copying.
"""

from typing import Any

import numpy as np

from convlab_kernels.arguments import check_out
from convlab_kernels.arrays import module_of
from convlab_kernels.epilogue import finish
from convlab_kernels.window import Pair, Window

COLUMN_BYTES = 256 << 20
"""Most bytes that the copied windows may take at one time (one output row is always allowed).

The columns of VGG16's largest layer, 32 images at once, would take 3.7 GB. Of its longest rows, 3*3*512 numbers, this
is 14,563: with 512 output channels 456 tiles of 128 x 128, and a GPU of 132 multiprocessors computes 264 at a time.
A budget of the size of its cache, 50 MB, would save reading the columns from memory, and leave most of it idle.
"""


class Im2col:
    """Blocked im2col with the weights laid out as a matrix per group."""

    def __init__(self, w: Any, window: Window, groups: int = 1) -> None:
        kh, kw, c, o = w.shape
        # (KH, KW, C/G, O) -> (KH*KW*C/G, G, O/G) -> (G, KH*KW*C/G, O/G)
        matrices = w.reshape(kh * kw * c, groups, o // groups).transpose(1, 0, 2)
        self.matrices = module_of(w).ascontiguousarray(matrices)
        self.window = window

    def __call__(self, x: Any, out: Any, bias: Any = None, relu: bool = False, ceiling: float = np.inf) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        check_out(out, "im2col")  # reshaped for the product, it would be a copy, and the result lost
        n, oh, ow, _ = out.shape
        row_bytes = ow * self.matrices[..., 0].size * x.itemsize
        rows = min(oh, max(1, COLUMN_BYTES // row_bytes))
        images = max(1, COLUMN_BYTES // (oh * row_bytes))  # more than one only where all rows of one fit
        for start in range(0, n, images):
            views = self._windows(self._padded(x[start : start + images]), (oh, ow))
            for first in range(0, oh, rows):
                block = out[start : start + images, first : first + rows]
                self._block(views[:, :, first : first + rows], block)
                finish(block, bias, relu, ceiling)

    def _padded(self, x: Any) -> Any:
        """Return images (N, H, W, C) with zeros around them."""
        n, h, w, c = x.shape
        (top, bottom), (left, right) = pads = self.window.pads((h, w))
        if pads == ((0, 0), (0, 0)):
            return x
        padded = module_of(x).zeros((n, top + h + bottom, left + w + right, c), x.dtype)
        padded[:, top : top + h, left : left + w] = x
        return padded

    def _windows(self, x: Any, output: Pair) -> Any:
        """Return the view (G, N, OH, OW, KH, KW, C/G) of every window, without copying it."""
        sn, sh, sw, sc = x.strides
        (kh, kw), (dh, dw), (th, tw) = self.window.kernel, self.window.dilation, self.window.stride
        groups = len(self.matrices)
        per_group = x.shape[3] // groups
        shape = (groups, len(x), *output, kh, kw, per_group)
        strides = (sc * per_group, sn, sh * th, sw * tw, sh * dh, sw * dw, sc)
        return module_of(x).lib.stride_tricks.as_strided(x, shape, strides=strides)

    def _block(self, views: Any, out: Any) -> None:
        """Convolve views (G, N, rows, OW, KH, KW, C/G) into out (N, rows, OW, O)."""
        groups, depth, width = self.matrices.shape
        xp = module_of(views)
        columns = xp.ascontiguousarray(views).reshape(groups, -1, depth)  # of 1 x 1 at stride 1, no copy
        if groups == 1:  # the same without a stack of one: it begins sooner
            xp.dot(columns[0], self.matrices[0], out.reshape(-1, width))
            return
        # (G, P, K) @ (G, K, O/G) -> (G, P, O/G), which is out (P, G, O/G) seen from the group
        xp.matmul(columns, self.matrices, out=out.reshape(-1, groups, width).transpose(1, 0, 2))
