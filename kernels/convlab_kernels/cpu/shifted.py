"""Convolution of each channel by itself: no sum over channels, so nothing for a matrix product to gain.

Each cell of the window is one multiply-add of a strided view of the image, all channels at once, in blocks of output
rows that stay in the processor's cache. Chollet, "Xception" (arXiv 1610.02357), section 2, on where it comes from.

    out (OH, OW, O) = sum over ky, kx of image[ky::stride, kx::stride] (OH, OW, O) * w[ky, kx] (O)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.cpu.padding import padded_images
from convlab_kernels.epilogue import finish
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window

BLOCK_BYTES = 256 << 10
"""Most bytes of the output that are computed at one time (one output row is always allowed)."""


class Shifted:
    """Multiply-adds of shifted views, for kernels (KH, KW, 1, O) in as many groups as there are channels."""

    def __init__(self, w: NDArray[Any], window: Window, groups: int) -> None:
        if w.shape[2] != 1:
            raise UnsupportedError(
                f"shifted: kernel {w.shape} in {groups} group(s) sees {w.shape[2]} channels at once,"
                " expected as many groups as channels: use im2col"
            )
        self.w, self.window, self.multiplier = w[:, :, 0], window, w.shape[3] // groups

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        _, oh, ow, o = out.shape
        rows = min(oh, max(1, BLOCK_BYTES // (ow * o * out.itemsize)))
        products = np.empty((rows, ow, o), out.dtype)
        for image, result in zip(padded_images(x, self.window.pads(x.shape[1:3])), out, strict=True):
            # (H, W, C) -> (H, W, O): each channel once for every kernel it has
            channels = np.repeat(image, self.multiplier, axis=2) if self.multiplier > 1 else image
            for first in range(0, oh, rows):
                self._block(channels[first * self.window.stride[0] :], result[first : first + rows], products)
        finish(out, bias, relu, ceiling)

    def _block(self, image: NDArray[Any], out: NDArray[Any], products: NDArray[Any]) -> None:
        """Convolve image (rows of it, W, O) into out (rows, OW, O)."""
        (kh, kw), (dh, dw), (sh, sw) = self.window.kernel, self.window.dilation, self.window.stride
        rows, ow, _ = out.shape
        out[...] = 0
        for ky, kx in np.ndindex(kh, kw):
            top, left = ky * dh, kx * dw
            seen = image[top : top + (rows - 1) * sh + 1 : sh, left : left + (ow - 1) * sw + 1 : sw]
            out += np.multiply(seen, self.w[ky, kx], out=products[:rows])
