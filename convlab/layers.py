"""One small class per layer: its shape rule, its parameters, its call into ops.

Classes, weights and their order are named as in Keras; shapes leave out the batch: (H, W, C) or (features,).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from types import MappingProxyType

import numpy as np

from convlab import ops
from convlab.arrays import Array, ArrayLike, as_floats
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.names import unknown
from convlab_kernels.cpu import Convolution
from convlab_kernels.window import PaddingLike, Pair, Window

Shape = tuple[int, ...]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": ops.relu,
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "softmax": ops.softmax,
}

ONE_CELL = Window((1, 1))


class Layer(ABC):
    """What all layers share: a name, weights of known shapes, and the shape of what comes out.

    Attributes
    ----------
    name : str
    input_shape, output_shape : tuple of int
        Without the batch; known once the layer is built into a model.
    shapes : mapping of str to tuple of int
        The shapes of the weights, in Keras' order.
    window : Window or None
        The cells of the input that one output sees; None where it sees all of them.
    activation : str
        The function applied last ("linear": none).
    """

    name: str
    input_shape: Shape = ()
    output_shape: Shape = ()
    shapes: Mapping[str, Shape] = MappingProxyType({})
    window: Window | None = ONE_CELL
    activation: str = "linear"
    _weights: Mapping[str, Array] = MappingProxyType({})

    def build(self, input_shape: Shape) -> Shape:
        """Fix the input shape, and with it the weights' shapes; return the output shape."""
        self.input_shape = input_shape
        try:
            self._fix_shapes(self.weight_shapes())
            self.output_shape = self.infer_shape()
        except ShapeError as error:
            raise ShapeError(f"layer {self.name!r} on an input of {input_shape}: {error}") from None
        return self.output_shape

    def _fix_shapes(self, shapes: dict[str, Shape]) -> None:
        if self.shapes and shapes != self.shapes:
            raise ShapeError(f"needs weights of {shapes}, but an earlier call of the layer has {self.shapes}")
        self.shapes = shapes

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of the weights for `self.input_shape`, in Keras' order."""
        return {}

    def infer_shape(self) -> Shape:
        """Return the output shape for `self.input_shape`."""
        return self.input_shape

    def multiply_adds(self, output_shape: Shape) -> int:
        """Products of an input with a weight that it takes to compute one image's output."""
        return 0

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(map(prod, self.shapes.values()))

    @property
    def weights(self) -> Mapping[str, Array]:
        """The weights by name, read-only; `set_weights` changes them."""
        if self.shapes and not self._weights:
            raise WeightsError(
                f"layer {self.name!r} has no weights: give convlab.load a file with weights=..., or 0 for random ones"
            )
        return MappingProxyType(self._weights)

    def set_weights(self, **weights: ArrayLike) -> None:
        """Replace the named weights. A read-only array is kept as it is, any other is copied."""
        kept = dict(self._weights)
        for name, array in weights.items():
            if name not in self.shapes:
                raise WeightsError(f"layer {self.name!r}: {unknown('weight', name, self.shapes)}")
            (floats,) = as_floats(array)
            if floats.shape != self.shapes[name]:
                raise WeightsError(
                    f"layer {self.name!r}: {name} has shape {floats.shape}, expected {self.shapes[name]}"
                )
            kept[name] = floats.copy() if floats.flags.writeable else floats
            kept[name].flags.writeable = False
        if missing := [name for name in self.shapes if name not in kept]:
            raise WeightsError(f"layer {self.name!r}: {', '.join(missing)} not given")
        self._weights = kept

    @abstractmethod
    def __call__(self, x: Array) -> Array:
        """Compute a batch: (N, *input_shape) -> (N, *output_shape)."""


class Activated(Layer):
    """A layer with an activation function of its own after what it computes."""

    @abstractmethod
    def linear(self, x: Array) -> Array:
        """Compute the batch without the activation function."""

    def __call__(self, x: Array) -> Array:
        """Compute the batch: (N, *input_shape) -> (N, *output_shape)."""
        return ACTIVATIONS[self.activation](self.linear(x))


@dataclass(eq=False)
class Activation(Layer):
    """An activation function as a layer of its own."""

    name: str
    activation: str

    def __post_init__(self) -> None:
        """Refuse an unknown function."""
        _check_activation(self)

    def __call__(self, x: Array) -> Array:
        """Apply the function to each number (softmax: over the last axis)."""
        return ACTIVATIONS[self.activation](x)


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
        _check_activation(self)
        self.window = Window.parse(self.kernel, self.stride, self.padding, self.dilation)
        self._prepared: dict[np.dtype[np.floating], Convolution] = {}

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        if len(self.input_shape) != 3:
            raise ShapeError("expected (H, W, C)")
        kernel = (*self.window.kernel, self.input_shape[2] // max(self.groups, 1), self.filters)
        bias = {"bias": (self.filters,)} if self.use_bias else {}
        ops.check_conv2d((1, *self.input_shape), kernel, bias.get("bias"), self.groups)
        return {"kernel": kernel, **bias}

    def infer_shape(self) -> Shape:
        """Return (OH, OW, O)."""
        return (*self.window.output_size(_image(self.input_shape)), self.filters)

    def multiply_adds(self, output_shape: Shape) -> int:
        """OH * OW * KH * KW * C/groups * O."""
        return output_shape[0] * output_shape[1] * prod(self.shapes["kernel"])

    def set_weights(self, **weights: ArrayLike) -> None:
        """Replace the named weights, and forget what was prepared from the old ones."""
        super().set_weights(**weights)
        self._prepared.clear()

    def linear(self, x: Array, relu: bool = False) -> Array:
        """Convolve without the activation function (ReLU alone can be fused into the kernel)."""
        x, w, b = as_floats(x, self.weights["kernel"], self.weights.get("bias"))
        if x.dtype not in self._prepared:
            self._prepared[x.dtype] = ops.prepare_conv2d(w, self.window, self.groups)
        output = (*self.window.output_size(x.shape[1:3]), self.filters)
        return ops.run_conv2d(self._prepared[x.dtype], x, output, b, relu)

    def __call__(self, x: Array) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, O)."""
        return self.linear(x, relu=True) if self.activation == "relu" else super().__call__(x)


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
        _check_activation(self)

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        if len(self.input_shape) != 1:
            raise ShapeError("expected (features,): put a Flatten layer before it")
        return {"kernel": (*self.input_shape, self.units)} | ({"bias": (self.units,)} if self.use_bias else {})

    def infer_shape(self) -> Shape:
        """Return (out,)."""
        return (self.units,)

    def multiply_adds(self, output_shape: Shape) -> int:
        """In * out."""
        return prod(self.shapes["kernel"])

    def linear(self, x: Array) -> Array:
        """Multiply and add the bias, without the activation function."""
        return ops.dense(x, self.weights["kernel"], self.weights.get("bias"))


@dataclass(eq=False)
class Pooling2D(Layer):
    """What both poolings share: a window, and channels that stay apart."""

    name: str
    pool: int | Pair
    stride: int | Pair | None = None
    padding: PaddingLike = "valid"
    window: Window = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the window once."""
        self.window = Window.parse(self.pool, self.stride or self.pool, self.padding)

    def infer_shape(self) -> Shape:
        """Return (OH, OW, C)."""
        return (*self.window.output_size(_image(self.input_shape)), self.input_shape[2])


class MaxPooling2D(Pooling2D):
    """The largest value in each window."""

    def __call__(self, x: Array) -> Array:
        """Pool (N, H, W, C) to (N, OH, OW, C)."""
        return ops.max_pool2d(x, self.pool, self.stride, self.padding)


class AveragePooling2D(Pooling2D):
    """The mean of each window, over the cells inside the image."""

    def __call__(self, x: Array) -> Array:
        """Pool (N, H, W, C) to (N, OH, OW, C)."""
        return ops.avg_pool2d(x, self.pool, self.stride, self.padding)


@dataclass(eq=False)
class GlobalPooling2D(Layer):
    """What both global poolings share: one number a channel."""

    name: str
    window = None

    def infer_shape(self) -> Shape:
        """Return (C,)."""
        _image(self.input_shape)
        return self.input_shape[2:]


class GlobalMaxPooling2D(GlobalPooling2D):
    """The largest value of each channel."""

    def __call__(self, x: Array) -> Array:
        """Pool (N, H, W, C) to (N, C)."""
        return ops.global_max_pool2d(x)


class GlobalAveragePooling2D(GlobalPooling2D):
    """The mean of each channel."""

    def __call__(self, x: Array) -> Array:
        """Pool (N, H, W, C) to (N, C)."""
        return ops.global_avg_pool2d(x)


@dataclass(eq=False)
class Flatten(Layer):
    """All numbers in one row: rows, then columns, then channels."""

    name: str
    window = None

    def infer_shape(self) -> Shape:
        """Return (H*W*C,)."""
        return (prod(self.input_shape),)

    def __call__(self, x: Array) -> Array:
        """Reshape (N, ...) to (N, features)."""
        return ops.flatten(x)


@dataclass(eq=False)
class ZeroPadding2D(Layer):
    """Zeros around the image."""

    name: str
    padding: PaddingLike = 1
    window: Window = field(init=False, repr=False)

    def infer_shape(self) -> Shape:
        """Return (top+H+bottom, left+W+right, C)."""
        return (*self.window.output_size(_image(self.input_shape)), self.input_shape[2])

    def __post_init__(self) -> None:
        """Parse the padding once: the padded image is what a window of one cell walks over."""
        self.window = Window.parse(1, padding=self.padding)

    def __call__(self, x: Array) -> Array:
        """Pad (N, H, W, C)."""
        return ops.zero_pad2d(x, self.padding)


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
        w = self.weights
        return ops.batch_norm(x, w["moving_mean"], w["moving_variance"], w["gamma"], w["beta"], self.epsilon)


def _check_activation(layer: Layer) -> None:
    if layer.activation not in ACTIVATIONS:
        raise UnsupportedError(f"layer {layer.name!r}: {unknown('activation', layer.activation, ACTIVATIONS)}")


def _image(shape: Shape) -> Pair:
    if len(shape) != 3:
        raise ShapeError("expected (H, W, C)")
    return shape[0], shape[1]
