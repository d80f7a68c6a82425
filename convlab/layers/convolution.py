"""Convolution as a layer."""

from dataclasses import dataclass, field
from math import prod
from typing import ClassVar

from convlab import ops
from convlab.layers.checks import check_count
from convlab.layers.convolving import Convolving, ImageConvolution
from convlab.layers.sizes import image_size
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import PaddingLike, Pair, Window


@dataclass(eq=False)
class Conv2D(Convolving):
    """Convolution of an image (H, W, C) to (OH, OW, O), as a correlation, which is what every framework computes.

    Its weights are kernel (KH, KW, C/groups, O) and bias (O,).

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
    groups : int
        Into how many groups the channels are split, each seen by its own share of the kernels.
    activation : str
        Applied to the sums; a name in `ACTIVATIONS`.
    use_bias : bool
        Whether each output channel has a number that is added to it.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), has
        channels that do not fit the groups, or is too small for the window.
    UnsupportedError
        For an activation function that is not known.
    """

    main_weight: ClassVar[str | None] = "kernel"

    name: str
    filters: int
    kernel: int | Pair
    stride: int | Pair = 1
    padding: PaddingLike = "valid"
    dilation: int | Pair = 1
    groups: int = 1
    activation: str = "linear"
    use_bias: bool = True
    window: Window = field(init=False, repr=False)

    def parse(self) -> None:
        """Parse the window."""
        self.window = Window.parse(self.kernel, self.stride, self.padding, self.dilation)
        check_count("filters", self.filters)
        check_count("groups", self.groups)

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        image_size(shape)
        kernel = (*self.window.kernel, shape[2] // self.groups, self.filters)
        bias = {"bias": (self.filters,)} if self.use_bias else {}
        ops.check_conv2d((1, *shape), kernel, bias.get("bias"), self.groups)
        return {"kernel": kernel, **bias}

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OH, OW, O)."""
        return (*self.window.output_size(image_size(shape)), self.filters)

    def multiply_adds(self, shape: Shape) -> int:
        """OH * OW * KH * KW * C/groups * O."""
        return prod(self.window.output_size(image_size(shape))) * prod(self.weight_shapes(shape)["kernel"])

    def convolutions(self, shape: Shape) -> tuple[ImageConvolution, ...]:
        """Return the one."""
        return (ImageConvolution((*image_size(shape), shape[2]), self.filters, self.window, self.groups),)

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Return the gradient (N, H, W, C) from (N, OH, OW, O)."""
        return self.pull_back_through(gradient, x.shape, "kernel", self.window, self.groups)

    def convolve(self, x: Array, finish: ops.Finish) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, O)."""
        kernel = self.kernel_for(x, "kernel", self.shapes["kernel"], self.window, self.groups)
        output = (*self.window.output_size(x.shape[1:3]), self.filters)
        return ops.run_conv2d(kernel, x, output, self.weight_as("bias", x), finish)
