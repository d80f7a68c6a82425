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
from convlab_kernels.cpu.pointwise import Pointwise
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.scratch import scratch
from convlab_kernels.cpu.runtime.threads import parallel_for
from convlab_kernels.transposed_window import TransposedWindow
from convlab_kernels.window import Window

PRODUCT_BYTES = 4 << 20
"""What the products of the images that are computed together take, at most, if there is more than one."""

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
        last = (offsets_of(bias, out), *bounds(out.dtype, relu, ceiling), activation)
        for first in range(0, n, together):
            images = readable(x[first : first + together])
            products = scratch("products", (len(images), h, w, self.outputs), x.dtype)
            self.product(images, products)
            window = (self.window.kernel, self.window.stride, self.window.dilation, self.window.cut)
            args = (products, out, first, *window, *last)
            parallel_for(_gather, args, len(images) * out.shape[1], cost=products.size / PACE)


@shared
def _gather(_, begin, end, products, out, image, kernel, stride, dilation, cut, bias, low, high, activation):
    """Add up the rows begin to end of out, from an image on, of those that there are products of."""
    h, w = products.shape[1:3]
    _, oh, ow, o = out.shape
    for row in range(begin, end):
        i, y = divmod(row, oh)
        target = out[image + i, y].reshape(-1)
        for place in range(ow):
            for k in range(o):
                target[place * o + k] = bias[k]
        for ky in range(kernel[0]):
            source, beside = divmod(y + cut[0] - ky * dilation[0], stride[0])
            if beside == 0 and 0 <= source < h:
                seen = products[i, source].reshape(-1)
                for kx in range(kernel[1]):
                    start = kx * dilation[1] - cut[1]
                    cell = (ky * kernel[1] + kx) * o
                    _add(seen, cell, kernel[0] * kernel[1] * o, w, target, start, stride[1], ow, o)
        for k in range(ow * o):
            target[k] = clipped(target[k], low, high)
        activate(activation, address(out, ((image + i) * oh + y) * ow * o), 0, 1, ow * o)


@inlined
def _add(products, cell, step, w, out, start, stride, ow, o):
    """Add one cell's products of a row of inputs to the places of a row, of which the first is at `start`."""
    first = max(0, -(start // stride))
    last = min(w, (ow - 1 - start) // stride + 1)
    for x in range(first, last):
        target, source = (start + x * stride) * o, x * step + cell
        for k in range(o):
            out[target + k] += products[source + k]
