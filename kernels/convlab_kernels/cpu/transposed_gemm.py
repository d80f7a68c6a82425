"""Transposed convolution as one matrix product, whose results are then added where they belong.

Each input makes the products of all cells of the kernel; what falls on a cell of the output is added up row by row
(Caffe's col2im: Jia et al., arXiv 1408.5093). `transposed.py` has the definition.

    products (N*H*W, KH*KW*O) = x (N*H*W, C) @ w (C, KH*KW*O)
    out[y*stride + ky*dilation - cut, x*stride + kx*dilation - cut] (O) += products[y, x, ky, kx] (O)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import bounds, check_out, offsets_of, readable
from convlab_kernels.cpu.activation import LINEAR, Activation, activate
from convlab_kernels.cpu.elementwise import clipped
from convlab_kernels.cpu.merging_simd import FUNCTIONS, combine_row
from convlab_kernels.cpu.pointwise import Pointwise
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.memory import copy
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.scratch import scratch
from convlab_kernels.cpu.runtime.threads import parallel_for
from convlab_kernels.transposed_window import TransposedWindow
from convlab_kernels.window import Window

PRODUCT_BYTES = 4 << 20
"""What the products of the images that are computed together take, at most, if there is more than one."""

ADD = list(FUNCTIONS).index("add")

PACE = 3_000
"""Products that one thread adds in a microsecond, roughly."""


class TransposedGemm:
    """Any transposed convolution of images, the weights as one matrix."""

    activates = True

    def __init__(self, w: NDArray[Any], window: TransposedWindow) -> None:
        kh, kw, o, c = w.shape
        self.window, self.outputs = window, kh * kw * o
        self.product = Pointwise(np.ascontiguousarray(w.reshape(-1, c).T)[None, None], Window((1, 1)))

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
        activation: Activation = LINEAR,
    ) -> None:
        """Scatter x (N, H, W, C) into out (N, OH, OW, O)."""
        check_out(out, "transposed_gemm")
        n, h, w, _ = x.shape
        together = max(1, PRODUCT_BYTES // max(1, h * w * self.outputs * x.itemsize))
        tiled = self._tiles(out.shape, (h, w))
        last = (offsets_of(bias, out), *bounds(out.dtype, relu, ceiling), activation)
        for first in range(0, n, together):
            images = readable(x[first : first + together])
            products = scratch("products", (len(images), h, w, self.outputs), x.dtype)
            rows, cost = len(images) * out.shape[1], products.size / PACE
            if tiled:
                every = np.concatenate([last[0]] * (self.outputs // out.shape[3]))
                self.product(images, products, every, relu, ceiling, activation=activation)
                parallel_for(_lay, (products, out, first, self.window.stride), rows, cost=cost)
            else:
                self.product(images, products)
                window = (self.window.kernel, self.window.stride, self.window.dilation, self.window.cut)
                parallel_for(_gather, (products, out, first, *window, *last), rows, cost=cost)

    def _tiles(self, out: tuple[int, ...], size: tuple[int, int]) -> bool:
        """Return whether what comes of the inputs lies side by side, and fills the output."""
        window, full = self.window, tuple(np.multiply(size, self.window.stride))
        return (
            window.kernel == window.stride and window.dilation == (1, 1) and window.cut == (0, 0) and out[1:3] == full
        )


@shared
def _lay(_, begin, end, products, out, image, stride):
    """Lay the products side by side in the rows begin to end of out, from an image on."""
    h, w, outputs = products.shape[1:]
    run = outputs // stride[0]  # the products of a row of the kernel
    for row in range(begin, end):
        i, y = divmod(row, out.shape[1])
        source, ky = divmod(y, stride[0])
        start, target = ((i * h + source) * w * stride[0] + ky) * run, (image * out.shape[1] + row) * w * run
        for x in range(w):
            copy(address(products, start + x * outputs), address(out, target + x * run), run * out.itemsize)


@shared
def _gather(_, begin, end, products, out, image, kernel, stride, dilation, cut, bias, low, high, activation):
    """Add up the rows begin to end of out, from an image on, of those that there are products of."""
    h, w = products.shape[1:3]
    _, oh, ow, o = out.shape
    no_limits = (out.dtype.type(-np.inf), out.dtype.type(np.inf))
    for row in range(begin, end):
        i, y = divmod(row, oh)
        target = out[image + i, y].reshape(-1)
        for place in range(ow):
            copy(address(bias, 0), address(target, place * o), o * out.itemsize)
        for ky in range(kernel[0]):
            source, beside = divmod(y + cut[0] - ky * dilation[0], stride[0])
            if beside == 0 and 0 <= source < h:
                seen = products[i, source].reshape(-1)
                for kx in range(kernel[1]):
                    start = kx * dilation[1] - cut[1]
                    cell = (ky * kernel[1] + kx) * o
                    _add(seen, cell, kernel[0] * kernel[1] * o, w, target, start, stride[1], ow, o, *no_limits)
        for k in range(ow * o):
            target[k] = clipped(target[k], low, high)
        activate(activation, address(out, ((image + i) * oh + y) * ow * o), 0, 1, ow * o)


@inlined
def _add(products, cell, step, w, out, start, stride, ow, o, low, high):
    """Add one cell's products of a row of inputs to the places of a row, of which the first is at `start`."""
    first = max(0, -(start // stride))
    last = min(w, (ow - 1 - start) // stride + 1)
    for x in range(first, last):
        target = address(out, (start + x * stride) * o)
        combine_row(target, 1, address(products, x * step + cell), 1, target, o, ADD, low, high)
