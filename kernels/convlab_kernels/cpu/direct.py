"""Convolution as its definition says: four loops over the output, one sum for each number.

Slow on purpose, to be read and to check the fast kernels with: it shares no code with them, not even the padding.
Cells outside the image are skipped, which is what padding with zeros amounts to.

    out[n, y, x, o] = bias[o] + sum over ky, kx, c of
        image[n, y*stride + ky*dilation - top, x*stride + kx*dilation - left, c] * w[ky, kx, c, o]

(What neural networks call convolution is the cross-correlation of signal processing: the kernel is not flipped.
Goodfellow, Bengio and Courville, "Deep Learning", section 9.1.)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.window import Window


class Direct:
    """The definition; each number is summed in float64."""

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        self.w, self.window, self.groups = w, window, groups

    def __call__(
        self, x: NDArray[Any], out: NDArray[Any], bias: NDArray[Any] | None = None, relu: bool = False
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        outputs_per_group = out.shape[3] // self.groups
        for n, y, x_, o in np.ndindex(out.shape):
            total = self._sum(x[n], y, x_, o, group=o // outputs_per_group)
            if bias is not None:
                total += float(bias[o])
            out[n, y, x_, o] = 0.0 if relu and total < 0 else total

    def _sum(self, image: NDArray[Any], y: int, x: int, o: int, group: int) -> float:
        height, width, _ = image.shape
        (top, _), (left, _) = self.window.pads((height, width))
        kh, kw, channels, _ = self.w.shape
        total = 0.0
        for ky, kx in np.ndindex(kh, kw):
            row = y * self.window.stride[0] + ky * self.window.dilation[0] - top
            column = x * self.window.stride[1] + kx * self.window.dilation[1] - left
            if 0 <= row < height and 0 <= column < width:
                for c in range(channels):
                    total += float(image[row, column, group * channels + c]) * float(self.w[ky, kx, c, o])
        return total
