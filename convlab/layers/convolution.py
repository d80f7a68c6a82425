"""Convolution as a layer."""

from dataclasses import dataclass, field
from math import inf, prod

from convlab import ops
from convlab.layers.base import image_size
from convlab.layers.checks import check_count
from convlab.layers.convolving import Convolving
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import PaddingLike, Pair, Window


@dataclass(eq=False)
class Conv2D(Convolving):
    """Convolution with `filters` kernels; weights kernel (KH, KW, C/groups, O) and bias (O,)."""

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

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        image_size(self.input_shape)
        kernel = (*self.window.kernel, self.input_shape[2] // self.groups, self.filters)
        bias = {"bias": (self.filters,)} if self.use_bias else {}
        ops.check_conv2d((1, *self.input_shape), kernel, bias.get("bias"), self.groups)
        return {"kernel": kernel, **bias}

    def infer_shape(self) -> Shape:
        """Return (OH, OW, O)."""
        return (*self.window.output_size(image_size(self.input_shape)), self.filters)

    def multiply_adds(self, output_shape: Shape) -> int:
        """OH * OW * KH * KW * C/groups * O."""
        return output_shape[0] * output_shape[1] * prod(self.shapes["kernel"])

    def convolve(self, x: Array, relu: bool, ceiling: float = inf) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, O)."""
        kernel = self.kernel_for(x, "kernel", self.shapes["kernel"], self.window, self.groups)
        return ops.run_conv2d(kernel, x, self.output_for(x, self.window), self.weight_as("bias", x), relu, ceiling)
