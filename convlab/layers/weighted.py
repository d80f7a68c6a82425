"""Layers with weights."""

from dataclasses import dataclass, field
from math import prod

import numpy as np

from convlab import ops
from convlab.arrays import Array, ArrayLike
from convlab.errors import ShapeError
from convlab.layers.base import Activated, Layer, Shape, check_activation, image_size
from convlab_kernels.cpu import Convolution
from convlab_kernels.window import PaddingLike, Pair, Window


@dataclass(eq=False)
class Conv2D(Activated):
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

    def __post_init__(self) -> None:
        """Parse the window once."""
        check_activation(self)
        self.window = Window.parse(self.kernel, self.stride, self.padding, self.dilation)
        self._prepared: dict[np.dtype[np.floating], Convolution] = {}

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        image_size(self.input_shape)
        kernel = (*self.window.kernel, self.input_shape[2] // max(self.groups, 1), self.filters)
        bias = {"bias": (self.filters,)} if self.use_bias else {}
        ops.check_conv2d((1, *self.input_shape), kernel, bias.get("bias"), self.groups)
        return {"kernel": kernel, **bias}

    def infer_shape(self) -> Shape:
        """Return (OH, OW, O)."""
        return (*self.window.output_size(image_size(self.input_shape)), self.filters)

    def multiply_adds(self, output_shape: Shape) -> int:
        """OH * OW * KH * KW * C/groups * O."""
        return output_shape[0] * output_shape[1] * prod(self.shapes["kernel"])

    def set_weights(self, **weights: ArrayLike) -> None:
        """Replace the named weights, and forget what was prepared from the old ones."""
        super().set_weights(**weights)
        self._prepared = {}

    def linear(self, x: Array) -> Array:
        """Convolve without the activation function."""
        return self._convolve(x, relu=False)

    def __call__(self, x: Array) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, O); ReLU is fused into the kernel."""
        return self._convolve(x, relu=True) if self.activation == "relu" else super().__call__(x)

    def _convolve(self, x: Array, relu: bool) -> Array:
        prepared = self._prepared  # taken before the weights: what another thread replaces meanwhile is not kept
        if x.dtype not in prepared:
            prepared[x.dtype] = ops.prepare_conv2d(self.weight_as("kernel", x.dtype), self.window, self.groups)
        output = (*self.window.output_size(x.shape[1:3]), self.filters)
        return ops.run_conv2d(prepared[x.dtype], x, output, self.weight_as("bias", x.dtype), relu)


@dataclass(eq=False)
class Dense(Activated):
    """Fully connected layer; weights kernel (in, out) and bias (out,)."""

    name: str
    units: int
    activation: str = "linear"
    use_bias: bool = True
    window = None

    def __post_init__(self) -> None:
        """Refuse an unknown activation function."""
        check_activation(self)

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        if len(self.input_shape) != 1:
            raise ShapeError("expected (features,): put a Flatten layer before it")
        if self.units < 1:
            raise ShapeError(f"{self.units} units, expected at least 1")
        return {"kernel": (*self.input_shape, self.units)} | ({"bias": (self.units,)} if self.use_bias else {})

    def infer_shape(self) -> Shape:
        """Return (out,)."""
        return (self.units,)

    def multiply_adds(self, output_shape: Shape) -> int:
        """In * out."""
        return prod(self.shapes["kernel"])

    def linear(self, x: Array) -> Array:
        """Multiply and add the bias, without the activation function."""
        return ops.dense(x, self.weight_as("kernel", x.dtype), self.weight_as("bias", x.dtype))


@dataclass(eq=False)
class BatchNormalization(Layer):
    """Normalisation by stored statistics; weights gamma, beta, moving_mean, moving_variance, each (C,)."""

    name: str
    epsilon: float = 1e-3

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the four shapes (C,)."""
        return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), self.input_shape[-1:])

    def __call__(self, x: Array) -> Array:
        """Normalise each channel of (N, ..., C)."""
        names = ("moving_mean", "moving_variance", "gamma", "beta")
        mean, variance, gamma, beta = (self.weight_as(name, x.dtype) for name in names)
        return ops.batch_norm(x, mean, variance, gamma, beta, self.epsilon)
