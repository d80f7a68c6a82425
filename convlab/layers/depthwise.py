"""Convolutions of each channel by itself."""

from dataclasses import dataclass, field
from math import prod
from typing import ClassVar

from convlab import ops
from convlab.layers.base import ONE_CELL, KernelAxes
from convlab.layers.checks import check_count
from convlab.layers.convolving import Convolving, ImageConvolution
from convlab.layers.sizes import image_size
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import PaddingLike, Pair, Window


@dataclass(eq=False)
class DepthwiseConv2D(Convolving):
    """Convolution of each channel by itself: (H, W, C) to (OH, OW, C*M).

    Its weights are kernel (KH, KW, C, M) and bias (C*M,); output channel c*M + m is the m-th of input channel c.

    Parameters
    ----------
    name : str
        What the network calls it.
    kernel : int or (int, int)
        Its size (KH, KW), in cells.
    stride : int or (int, int)
        Cells from one place of the window to the next.
    padding : "valid", "same", int, (int, int) or ((top, bottom), (left, right))
        Zeros around the image, in cells: none; as many as make ceil(H / stride) rows and ceil(W / stride) columns; or
        so many.
    depth_multiplier : int
        How many kernels each input channel has: M.
    dilation : int or (int, int)
        Cells from one cell that the kernel looks at to the next.
    activation : str
        Applied to the sums; a name in `ACTIVATIONS`.
    use_bias : bool
        Whether each output channel has a number that is added to it.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), or is too small for the window.
    UnsupportedError
        For an activation function that is not known.
    """

    main_weight: ClassVar[str | None] = "kernel"
    mixes_channels: ClassVar[bool] = False
    kernel_axes: ClassVar[KernelAxes] = "CM"

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

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        image_size(shape)
        channels = shape[2]
        bias = {"bias": (channels * self.depth_multiplier,)} if self.use_bias else {}
        return {"kernel": (*self.window.kernel, channels, self.depth_multiplier), **bias}

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OH, OW, C*M)."""
        size = self.window.output_size(image_size(shape))
        return (*size, shape[2] * self.depth_multiplier)

    def multiply_adds(self, shape: Shape) -> int:
        """OH * OW * KH * KW * C * M."""
        return prod(self.window.output_size(image_size(shape))) * prod(self.weight_shapes(shape)["kernel"])

    def fan_in(self, weight: str, shape: Shape) -> float:
        """KH * KW."""
        return prod(self.window.kernel)

    def convolutions(self, shape: Shape) -> tuple[ImageConvolution, ...]:
        """Return the one, of as many groups as channels."""
        return (
            ImageConvolution((*image_size(shape), shape[2]), shape[2] * self.depth_multiplier, self.window, shape[2]),
        )

    def arranged(self, weight: str, w: Array) -> Array:
        """Return the kernel as (KH, KW, 1, C*M), a group for each channel."""
        return _grouped(w)

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Return the gradient (N, H, W, C) from (N, OH, OW, C*M)."""
        return self.pull_back_through(gradient, x.shape, "kernel", self.window, x.shape[3])

    def convolve(self, x: Array, finish: ops.Finish) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, C*M)."""
        channels = x.shape[3] * self.depth_multiplier
        kernel = self.kernel_for(x, "kernel", (*self.window.kernel, 1, channels), self.window, x.shape[3])
        output = (*self.window.output_size(x.shape[1:3]), channels)
        return ops.run_conv2d(kernel, x, output, self.weight_as("bias", x), finish)


@dataclass(eq=False)
class SeparableConv2D(Convolving):
    """A depthwise convolution, and `filters` weighted sums over its channels: (H, W, C) to (OH, OW, O).

    Its weights are depthwise_kernel (KH, KW, C, M), pointwise_kernel (1, 1, C*M, O) and bias (O,). Chollet, arXiv
    1610.02357.

    Parameters
    ----------
    name : str
        What the network calls it.
    filters : int
        How many kernels, each of which makes an output channel: O.
    kernel : int or (int, int)
        Its size (KH, KW), in cells.
    stride : int or (int, int)
        Cells from one place of the window to the next.
    padding : "valid", "same", int, (int, int) or ((top, bottom), (left, right))
        Zeros around the image, in cells: none; as many as make ceil(H / stride) rows and ceil(W / stride) columns; or
        so many.
    dilation : int or (int, int)
        Cells from one cell that the kernel looks at to the next.
    depth_multiplier : int
        How many kernels each input channel has: M.
    activation : str
        Applied to the sums; a name in `ACTIVATIONS`.
    use_bias : bool
        Whether each output channel has a number that is added to it.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), or is too small for the window.
    UnsupportedError
        For an activation function that is not known.
    """

    main_weight: ClassVar[str | None] = "pointwise_kernel"

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

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of both kernels and of the bias."""
        image_size(shape)
        channels = shape[2]
        kernels = {
            "depthwise_kernel": (*self.window.kernel, channels, self.depth_multiplier),
            "pointwise_kernel": (1, 1, channels * self.depth_multiplier, self.filters),
        }
        return kernels | ({"bias": (self.filters,)} if self.use_bias else {})

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OH, OW, O)."""
        return (*self.window.output_size(image_size(shape)), self.filters)

    def multiply_adds(self, shape: Shape) -> int:
        """OH * OW * (KH * KW * C * M + C * M * O)."""
        weights = self.weight_shapes(shape)
        kernels = prod(weights["depthwise_kernel"]) + prod(weights["pointwise_kernel"])
        return prod(self.window.output_size(image_size(shape))) * kernels

    def fan_in(self, weight: str, shape: Shape) -> float:
        """KH * KW of the depthwise kernel, C*M of the other."""
        return prod(self.window.kernel) if weight == "depthwise_kernel" else super().fan_in(weight, shape)

    def convolutions(self, shape: Shape) -> tuple[ImageConvolution, ...]:
        """Return the depthwise one, and the one that looks at one cell."""
        size, channels, deep = image_size(shape), shape[2], shape[2] * self.depth_multiplier
        return (
            ImageConvolution((*size, channels), deep, self.window, channels),
            ImageConvolution((*self.window.output_size(size), deep), self.filters, ONE_CELL, 1),
        )

    def arranged(self, weight: str, w: Array) -> Array:
        """Return the depthwise kernel as (KH, KW, 1, C*M), a group for each channel; the other as it is."""
        return _grouped(w) if weight == "depthwise_kernel" else w

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Return the gradient (N, H, W, C) from (N, OH, OW, O): through the second convolution, then the first."""
        between = (*gradient.shape[:3], x.shape[3] * self.depth_multiplier)
        middle = self.pull_back_through(gradient, between, "pointwise_kernel", ONE_CELL)
        return self.pull_back_through(middle, x.shape, "depthwise_kernel", self.window, x.shape[3])

    def convolve(self, x: Array, finish: ops.Finish) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, C*M), and that to (N, OH, OW, O)."""
        size, channels = self.window.output_size(x.shape[1:3]), x.shape[3] * self.depth_multiplier
        depthwise = self.kernel_for(
            x, "depthwise_kernel", (*self.window.kernel, 1, channels), self.window, x.shape[3]
        )
        y = ops.run_conv2d(depthwise, x, (*size, channels))
        pointwise = self.kernel_for(y, "pointwise_kernel", (1, 1, channels, self.filters), ONE_CELL)
        return ops.run_conv2d(pointwise, y, (*size, self.filters), self.weight_as("bias", x), finish)


def _grouped(w: Array) -> Array:
    """Return w (KH, KW, C, M) as (KH, KW, 1, C*M)."""
    kh, kw, channels, multiplier = w.shape
    return w.reshape(kh, kw, 1, channels * multiplier)
