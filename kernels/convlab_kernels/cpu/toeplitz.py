"""Convolution as a product of whole rows of the image with a banded matrix: for small images and few channels.

A convolution is a product with a Toeplitz matrix, whose columns are the kernel, each time one step further down, and
zeros (Gray, "Toeplitz and Circulant Matrices: A Review", 2006, section 1). For the columns of an image that matrix is
small; its rows go through it side by side.

    band[ky, j*stride + kx*dilation - left, c, j, o] = w[ky, kx, c, o]      for each of the OW places j in a row
    out (N*OH, OW*O) = rows (N*OH, KH*W*C) @ band (KH*W*C, OW*O)

It multiplies W / KW times as much, mostly by zeros, but what it copies are KH runs of a whole row each, where im2col
copies KH runs of KW * C numbers for each place. Zero times infinity is no number: an input with one goes by im2col.
"""

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out
from convlab_kernels.cpu.im2col import COLUMN_BYTES, Im2col
from convlab_kernels.epilogue import finish
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window

LARGEST = 1 << 18
"""Most numbers of a banded matrix (1 MB in float32): wider images go by im2col."""


class Toeplitz:
    """Any convolution in one group, with a banded matrix for each width of image."""

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        if groups != 1:
            raise UnsupportedError(f"toeplitz: {groups} groups, expected 1: use im2col")
        self.w, self.window = w, window
        self.im2col = Im2col(w, window)
        self._bands: dict[int, NDArray[Any]] = {}

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        check_out(out, "toeplitz")
        _, _, w, c = x.shape
        n, oh, ow, o = out.shape
        if self.window.kernel[0] * w * c * ow * o > LARGEST or not isfinite(x.sum()):
            self.im2col(x, out, bias, relu, ceiling)
            return
        band = self._band(w, ow)
        if bias is not None:
            biases = np.empty((ow, o), bias.dtype)
            biases[:] = bias  # np.tile and its like take longer than the product
            bias = biases.reshape(ow * o)
        images = max(1, COLUMN_BYTES // (oh * len(band) * x.itemsize))
        for first in range(0, n, images):
            rows = self._rows(x[first : first + images], oh)
            result = out[first : first + images].reshape(len(rows), ow * o)
            np.dot(rows, band, result)
            finish(result, bias, relu, ceiling)

    def _rows(self, x: NDArray[Any], oh: int) -> NDArray[Any]:
        """Return the rows of x (N, H, W, C) that the windows of each row see, (N*OH, KH*W*C)."""
        n, h, w, c = x.shape
        (top, bottom), _ = self.window.pads((h, w))
        image = np.ascontiguousarray(x).reshape(n, h, w * c)
        if top or bottom:
            frame = np.zeros((n, top + h + bottom, w * c), x.dtype)
            frame[:, top : top + h] = image
            image = frame
        kh, stride, dilation = self.window.kernel[0], self.window.stride[0], self.window.dilation[0]
        per_image, per_row, per_number = image.strides
        strides = (per_image, per_row * stride, per_row * dilation, per_number)
        # a view of every window, made without as_strided, which takes longer than all the rest
        return np.ndarray((n, oh, kh, w * c), x.dtype, image, strides=strides).reshape(n * oh, kh * w * c)

    def _band(self, w: int, ow: int) -> NDArray[Any]:
        """Return the matrix for images of a width; threads that make it at the same time make the same."""
        if w not in self._bands:
            kh, _, c, o = self.w.shape
            wide, _ = widened(self.w, self.window, ow)
            left, right = self.window.pads((self.w.shape[0], w))[1]
            missing = max(0, left + w + right - wide.shape[1])  # columns that no window sees
            wide = np.pad(wide, ((0, 0), (0, missing), (0, 0), (0, 0)))[:, left : left + w]
            self._bands[w] = wide.reshape(kh * w * c, ow * o)
        return self._bands[w]


def widened(w: NDArray[Any], window: Window, t: int) -> tuple[NDArray[Any], Window]:
    """Return kernels that compute t neighbouring places, (KH, extent + (t-1)*stride, C, t*O), and their window."""
    kh, _, c, o = w.shape
    extent, stride, dilation = window.extent[1], window.stride[1], window.dilation[1]
    width = extent + (t - 1) * stride
    wide = np.zeros((kh, width, c, t, o), w.dtype)
    for j in range(t):
        wide[:, j * stride : j * stride + extent : dilation, :, j] = w
    wider = replace(
        window, kernel=(kh, width), stride=(window.stride[0], t * stride), dilation=(window.dilation[0], 1)
    )
    return wide.reshape(kh, width, c, t * o), wider
