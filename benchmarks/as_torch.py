"""A convlab network as a PyTorch module of the same weights, channels first, as PyTorch's own networks are."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from convlab import layers
from convlab.model.model import Model, Node
from convlab.runtime.arrays import Shape

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "hard_silu": functional.hardswish,
    "linear": lambda x: x,
    "relu": functional.relu,
    "relu6": functional.relu6,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "softmax": lambda x: torch.softmax(x, 1),  # the last axis here, channels or classes
    "tanh": torch.tanh,
}


def as_torch(model: Model, record: bool = False) -> nn.Module:
    """Return a module that takes (N, C, H, W): to the output, or with `record` to the values of all layers."""
    return Network(model, record).eval()


class Network(nn.Module):
    """The graph of a model with one input and one output; values that nobody needs any more are dropped."""

    def __init__(self, model: Model, record: bool) -> None:
        super().__init__()
        [self.source], [self.output], self.record = model.inputs, model.outputs, record
        self.last_use = {source: i for i, node in enumerate(model.nodes) for source in node.inputs}
        self.steps = [(node.name, node.inputs) for node in model.nodes]
        self.parts = nn.ModuleList(_part(model, node, record) for node in model.nodes)

    def forward(self, x: Any) -> Any:
        """Run the layers in order."""
        values, kept = {self.source: x}, []
        for i, (part, (name, sources)) in enumerate(zip(self.parts, self.steps, strict=True)):
            values[name] = part(*(values[source] for source in sources))
            kept.append(values[name] if self.record else None)
            for source in sources:
                if self.last_use[source] == i:
                    values.pop(source, None)
        return kept if self.record else values[self.output]


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        """Call it."""
        return self.function(*inputs)


class Scaled(nn.Module):
    """What scales all numbers, or each channel's, and then moves them."""

    def __init__(self, scale: Any, offset: Any) -> None:
        super().__init__()
        for name, numbers in (("scale", scale), ("offset", offset)):
            self.register_buffer(name, torch.tensor(np.asarray(numbers, np.float32).reshape(-1, 1, 1)))

    def forward(self, x: Any) -> Any:
        """Scale (N, C, H, W)."""
        return x * self.scale + self.offset


@dataclass(frozen=True)
class Place:
    """Where in the network a layer is called.

    `alone`: nobody else sees its input, which it may overwrite. `shape`, `output`: of its (first) input and of what
    comes out, without the batch. `flattened`: the image (H, W, C) whose numbers a
    dense layer gets in the order (C, H, W), because nothing but dense layers takes them and nothing is recorded.
    """

    alone: bool
    shape: Shape
    output: Shape
    flattened: Shape = ()


def _part(model: Model, node: Node, record: bool) -> nn.Module:
    layer, source = node.layer, node.inputs[0]
    if type(layer) not in PARTS:
        raise TypeError(f"layer {node.name!r}: {type(layer).__name__} has no translation to PyTorch here")
    if not record and _is_reordered(model, node):
        return nn.Flatten()
    alone = not record and source not in model.inputs and len(_takers(model, source)) == 1
    before = next((other for other in model.nodes if other.name == source), None)
    flattened = before.input_shapes[0] if before and not record and _is_reordered(model, before) else ()
    part = PARTS[type(layer)](layer, Place(alone, node.input_shapes[0], node.output_shape, flattened))
    return _activated(part, layer.activation) if isinstance(layer, layers.Activated) else part


def _takers(model: Model, name: str) -> list[layers.Layer]:
    return [node.layer for node in model.nodes if name in node.inputs]


def _is_reordered(model: Model, node: Node) -> bool:
    """Tell whether an image is flattened for dense layers only, so that their weights can be in PyTorch's order."""
    flattens = isinstance(node.layer, layers.Flatten) and len(node.input_shapes[0]) == 3
    takers = _takers(model, node.name)
    return flattens and bool(takers) and all(isinstance(taker, layers.Dense) for taker in takers)


def _activated(part: nn.Module, activation: str) -> nn.Module:
    """Return a module with its activation function; ReLU overwrites what nobody else sees."""
    if activation == "linear":
        return part
    return nn.Sequential(part, nn.ReLU(inplace=True) if activation == "relu" else Call(FUNCTIONS[activation]))


def _filled(part: nn.Module, **arrays: Any) -> nn.Module:
    """Return a module with weights: arrays that are copied once, contiguous; None for one that is not there."""
    tensors = {name: torch.tensor(array) for name, array in arrays.items() if array is not None}
    part.load_state_dict(tensors, strict=False, assign=True)
    return part.requires_grad_(False)


def _padded(part: Callable[[Any], nn.Module], layer: Any, place: Place, value: float = 0.0) -> nn.Module:
    """Return a module with its padding: its own where both ends of a side get as much, else by another before it."""
    (top, bottom), (left, right) = layer.window.pads(place.shape[:2])
    if (top, left) == (bottom, right):
        return part((top, left))
    return nn.Sequential(nn.ConstantPad2d((left, right, top, bottom), value), part(0))


def _conv2d(layer: Any, place: Place) -> nn.Module:
    kernel = layer.weights["kernel"].transpose(3, 2, 0, 1)  # (O, C/groups, KH, KW)
    return _convolution(layer, place, kernel, layer.groups, layer.use_bias)


def _depthwise(layer: Any, place: Place) -> nn.Module:
    kh, kw, channels, multiplier = layer.weights["kernel"].shape
    kernel = layer.weights["kernel"].reshape(kh, kw, 1, channels * multiplier).transpose(3, 2, 0, 1)
    return _convolution(layer, place, kernel, channels, layer.use_bias)


def _convolution(layer: Any, place: Place, kernel: Any, groups: int, bias: bool) -> nn.Module:
    channels, filters, window = place.shape[2], len(kernel), layer.window
    options = {"stride": window.stride, "dilation": window.dilation, "groups": groups, "bias": bias}

    def convolution(padding: Any) -> nn.Module:
        part = nn.Conv2d(channels, filters, window.kernel, padding=padding, device="meta", **options)
        return _filled(part, weight=kernel, bias=layer.weights["bias"] if bias else None)

    return _padded(convolution, layer, place)


def _separable(layer: Any, place: Place) -> nn.Module:
    deep, point = layer.weights["depthwise_kernel"], layer.weights["pointwise_kernel"].transpose(3, 2, 0, 1)
    kernel = deep.reshape(*deep.shape[:2], 1, -1).transpose(3, 2, 0, 1)
    pointwise = nn.Conv2d(kernel.shape[0], len(point), 1, bias=layer.use_bias, device="meta")
    return nn.Sequential(
        _convolution(layer, place, kernel, place.shape[2], bias=False),
        _filled(pointwise, weight=point, bias=layer.weights.get("bias")),
    )


def _transposed(layer: Any, place: Place) -> nn.Module:
    kernel, scatter = layer.weights["kernel"].transpose(3, 2, 0, 1), layer.scatter  # (C, O, KH, KW)
    (h, w), (kh, kw), stride = place.shape[:2], scatter.kernel, scatter.stride
    if place.output[:2] != ((h - 1) * stride[0] + kh, (w - 1) * stride[1] + kw) or scatter.dilation != (1, 1):
        raise TypeError(f"layer {layer.name!r}: only what scatters all of each window has a translation here")
    part = nn.ConvTranspose2d(*kernel.shape[:2], (kh, kw), stride, bias=layer.use_bias, device="meta")
    return _filled(part, weight=kernel, bias=layer.weights.get("bias"))


def _dense(layer: Any, place: Place) -> nn.Module:
    kernel = layer.weights["kernel"]  # (in, out)
    if place.flattened:  # (H*W*C, out) -> (C*H*W, out)
        kernel = kernel.reshape(*place.flattened, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    part = nn.Linear(*kernel.shape, bias=layer.use_bias, device="meta")
    return _filled(part, weight=kernel.T, bias=layer.weights.get("bias"))


def _batch_norm(layer: Any, place: Place) -> nn.Module:
    weights = {TORCH_NAMES[name]: array for name, array in layer.weights.items()}
    part = nn.BatchNorm2d(place.shape[-1], layer.epsilon)
    return _filled(part, **weights)  # gamma is 1 and beta is 0 from the start


def _normalization(layer: Any, _: Place) -> nn.Module:
    mean, variance = (layer.weights[name] for name in ("mean", "variance"))
    return Scaled(1 / np.sqrt(variance), -mean / np.sqrt(variance))


def _rescaling(layer: Any, _: Place) -> nn.Module:
    return Scaled(layer.scale, layer.offset)


def _max_pool(layer: Any, place: Place) -> nn.Module:
    window = layer.window
    if window.pads(place.shape[:2]) == ((0, 1), (0, 1)) and window.stride == (2, 2):
        return nn.MaxPool2d(window.kernel, window.stride, ceil_mode=True)  # of windows that reach beyond an edge, too
    return _padded(lambda padding: nn.MaxPool2d(window.kernel, window.stride, padding), layer, place, -float("inf"))


def _average_pool(layer: Any, place: Place) -> nn.Module:
    window = layer.window
    (top, bottom), (left, right) = window.pads(place.shape[:2])
    if (top, left) != (bottom, right):
        raise TypeError(f"layer {layer.name!r}: average pooling with uneven padding has no translation here")
    return nn.AvgPool2d(window.kernel, window.stride, (top, left), count_include_pad=False)


def _relu(layer: Any, place: Place) -> nn.Module:
    if (layer.negative_slope, layer.threshold) != (0, 0) or layer.max_value not in (None, 6):
        raise TypeError(f"layer {layer.name!r}: only ReLU and ReLU6 have a translation here")
    return nn.ReLU(place.alone) if layer.max_value is None else nn.ReLU6(place.alone)


def _activation(layer: Any, place: Place) -> nn.Module:
    return nn.ReLU(place.alone) if layer.activation == "relu" else Call(FUNCTIONS[layer.activation])


def _zeros(layer: Any, place: Place) -> nn.Module:
    (top, bottom), (left, right) = layer.window.pads(place.shape[:2])
    return nn.ZeroPad2d((left, right, top, bottom))


def _global_average(layer: Any, _: Place) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), *([] if layer.keepdims else [nn.Flatten()]))


def _reshape(layer: Any, place: Place) -> nn.Module:
    """Numbers in Keras' order, so channels go last before and first again after."""
    shape = place.output

    def reshape(x: Any) -> Any:
        if x.ndim == 2 and shape[:-1] == (1, 1):
            return x[:, :, None, None]
        rows = (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).reshape(x.shape[0], *shape)
        return rows.permute(0, 3, 1, 2) if len(shape) == 3 else rows

    return Call(reshape)


TORCH_NAMES = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
PARTS: dict[type, Callable[[Any], nn.Module]] = {
    layers.Activation: _activation,
    layers.Conv2D: _conv2d,
    layers.Dense: _dense,
    layers.DepthwiseConv2D: _depthwise,
    layers.BatchNormalization: _batch_norm,
    layers.MaxPooling2D: _max_pool,
    layers.AveragePooling2D: _average_pool,
    layers.GlobalAveragePooling2D: _global_average,
    layers.ReLU: _relu,
    layers.Softmax: lambda *_: nn.Softmax(1),
    layers.Rescaling: _rescaling,
    layers.Normalization: _normalization,
    layers.SeparableConv2D: _separable,
    layers.Conv2DTranspose: _transposed,
    layers.Concatenate: lambda *_: Call(lambda *inputs: torch.cat(inputs, 1)),
    layers.Multiply: lambda *_: Call(lambda *inputs: prod(inputs[1:], start=inputs[0])),
    layers.Add: lambda *_: Call(lambda *inputs: sum(inputs[1:], inputs[0])),
    layers.ZeroPadding2D: _zeros,
    layers.Flatten: _reshape,
    layers.Reshape: _reshape,
    layers.Dropout: lambda *_: nn.Identity(),
    layers.Identity: lambda *_: nn.Identity(),
}
