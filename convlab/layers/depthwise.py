"""Convolutions of each channel by itself."""

from dataclasses import dataclass, field
from math import prod

import numpy as np

from convlab import ops
from convlab.arrays import Array
from convlab.layers.base import ONE_CELL, Shape, image_size
from convlab.layers.checks import check_count
from convlab.layers.convolving import Convolving
from convlab_kernels.cpu import Convolution
from convlab_kernels.window import PaddingLike, Pair, Window


@dataclass(eq=False)
class DepthwiseConv2D(Convolving):
    """Convolution of each channel with M = `depth_multiplier` kernels of its own.

    Weights kernel (KH, KW, C, M) and bias (C*M,); output channel c*M + m is the m-th of input channel c.
    """

    name: str
    kernel: int | Pair
    stride: int | Pair = 1
    padding: PaddingLike = "valid"
    depth_multiplier: int = 1
    dilation: int | Pair = 1
    activation: str = "linear"
    use_bias: bool = True
    window: Window = field(init=False, repr=False)

    def parse(self) -> None:
        """Parse the window."""
        self.window = Window.parse(self.kernel, self.stride, self.padding, self.dilation)
        check_count("depth_multiplier", self.depth_multiplier)

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        image_size(self.input_shape)
        channels = self.input_shape[2]
        bias = {"bias": (channels * self.depth_multiplier,)} if self.use_bias else {}
        return {"kernel": (*self.window.kernel, channels, self.depth_multiplier), **bias}

    def infer_shape(self) -> Shape:
        """Return (OH, OW, C*M)."""
        size = self.window.output_size(image_size(self.input_shape))
        return (*size, self.input_shape[2] * self.depth_multiplier)

    def multiply_adds(self, output_shape: Shape) -> int:
        """OH * OW * KH * KW * C * M."""
        return output_shape[0] * output_shape[1] * prod(self.shapes["kernel"])

    def prepare(self, dtype: np.dtype[np.floating]) -> list[Convolution]:
        """Prepare the kernel."""
        return [_prepare_depthwise(self.weight_as("kernel", dtype), self.window)]

    def convolve(self, x: Array, relu: bool) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, C*M)."""
        output = (*self.window.output_size(x.shape[1:3]), x.shape[3] * self.depth_multiplier)
        [kernel] = self.kernels(x.dtype)
        return ops.run_conv2d(kernel, x, output, self.weight_as("bias", x.dtype), relu)


@dataclass(eq=False)
class SeparableConv2D(Convolving):
    """A depthwise convolution, and `filters` weighted sums over its channels (Chollet, arXiv 1610.02357).

    Weights depthwise_kernel (KH, KW, C, M), pointwise_kernel (1, 1, C*M, O) and bias (O,).
    """

    name: str
    filters: int
    kernel: int | Pair
    stride: int | Pair = 1
    padding: PaddingLike = "valid"
    dilation: int | Pair = 1
    depth_multiplier: int = 1
    activation: str = "linear"
    use_bias: bool = True
    window: Window = field(init=False, repr=False)

    def parse(self) -> None:
        """Parse the window."""
        self.window = Window.parse(self.kernel, self.stride, self.padding, self.dilation)
        check_count("filters", self.filters)
        check_count("depth_multiplier", self.depth_multiplier)

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of both kernels and of the bias."""
        image_size(self.input_shape)
        channels = self.input_shape[2]
        kernels = {
            "depthwise_kernel": (*self.window.kernel, channels, self.depth_multiplier),
            "pointwise_kernel": (1, 1, channels * self.depth_multiplier, self.filters),
        }
        return kernels | ({"bias": (self.filters,)} if self.use_bias else {})

    def infer_shape(self) -> Shape:
        """Return (OH, OW, O)."""
        return (*self.window.output_size(image_size(self.input_shape)), self.filters)

    def multiply_adds(self, output_shape: Shape) -> int:
        """OH * OW * (KH * KW * C * M + C * M * O)."""
        kernels = prod(self.shapes["depthwise_kernel"]) + prod(self.shapes["pointwise_kernel"])
        return output_shape[0] * output_shape[1] * kernels

    def prepare(self, dtype: np.dtype[np.floating]) -> list[Convolution]:
        """Prepare both kernels."""
        depthwise = _prepare_depthwise(self.weight_as("depthwise_kernel", dtype), self.window)
        return [depthwise, ops.prepare_conv2d(self.weight_as("pointwise_kernel", dtype), ONE_CELL, groups=1)]

    def convolve(self, x: Array, relu: bool) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, C*M), and that to (N, OH, OW, O)."""
        size = self.window.output_size(x.shape[1:3])
        depthwise, pointwise = self.kernels(x.dtype)
        y = ops.run_conv2d(depthwise, x, (*size, x.shape[3] * self.depth_multiplier))
        return ops.run_conv2d(pointwise, y, (*size, self.filters), self.weight_as("bias", x.dtype), relu)


def _prepare_depthwise(w: Array, window: Window) -> Convolution:
    """Prepare w (KH, KW, C, M): as (KH, KW, 1, C*M), a group for each channel."""
    kh, kw, channels, multiplier = w.shape
    return ops.prepare_conv2d(w.reshape(kh, kw, 1, channels * multiplier), window, channels)
