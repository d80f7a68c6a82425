"""Convolution as its definition says: loops over the output, one sum for each number.

To be read, and to check the fast kernels with: it shares no code with them, not even the padding. Cells outside the
image are skipped, which is what padding with zeros amounts to.

    out[n, y, x, o] = bias[o] + sum over ky, kx, c of
        image[n, y*stride + ky*dilation - top, x*stride + kx*dilation - left, c] * w[ky, kx, c, o]

(What neural networks call convolution is the cross-correlation of signal processing: the kernel is not flipped.
Goodfellow, Bengio and Courville, "Deep Learning", section 9.1.)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import offsets_of, readable
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for
from convlab_kernels.window import Window


class Direct:
    """The definition; each number is summed in float64."""

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        self.w, self.window, self.groups = readable(w), window, groups

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        (top, _), (left, _) = self.window.pads(x.shape[1:3])
        steps = (self.window.stride, self.window.dilation, (top, left), self.groups)
        args = (readable(x), self.w, offsets_of(bias, out), out, *steps, relu, float(ceiling))
        parallel_for(_convolve, args, out.shape[0] * out.shape[1])


@shared
def _convolve(_, first, last, x, w, bias, out, stride, dilation, corner, groups, relu, ceiling):
    """Compute the rows first to last of all images' outputs."""
    height, width = x.shape[1:3]
    kh, kw, channels, filters = w.shape
    oh, ow = out.shape[1:3]
    for row in range(first, last):
        n, y = divmod(row, oh)
        for x_ in range(ow):
            for o in range(filters):
                group = o // (filters // groups)
                total = np.float64(bias[o])
                for ky in range(kh):
                    for kx in range(kw):
                        i = y * stride[0] + ky * dilation[0] - corner[0]
                        j = x_ * stride[1] + kx * dilation[1] - corner[1]
                        if 0 <= i < height and 0 <= j < width:
                            for c in range(channels):
                                total += np.float64(x[n, i, j, group * channels + c]) * np.float64(w[ky, kx, c, o])
                if relu and total < 0:
                    total = np.float64(0)
                if relu and total > ceiling:
                    total = ceiling
                out[n, y, x_, o] = total
