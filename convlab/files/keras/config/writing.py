"""Configs that Keras 2 and 3 both load: of a network of the zoo, and of one that Keras 2 described."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from convlab.files.architecture import Architecture
from convlab.files.keras.config.reading import Config
from convlab.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    MaxPooling2D,
    Multiply,
    Normalization,
    ReLU,
    Rescaling,
    Reshape,
    SeparableConv2D,
    ZeroPadding2D,
)
from convlab.layers.pooling import Pooling2D
from convlab.model.model import Model
from convlab.model.nodes import Node

__all__ = ["described", "without_idle_options"]

KERNEL = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")  # of a layer that has no such array
IDLE = {
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), ("groups",)),
    **dict.fromkeys(
        ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"), ("groups", *KERNEL)
    ),
}
"""Options by class of layer that Keras 2 writes and that mean nothing: what has no groups has one."""
VERSION, BACKEND = "2.15.0", "tensorflow"  # whose form this is


def described(model: Model) -> tuple[Architecture, Config]:
    """Return a network as Keras sees it, and its config; of the kinds of layers that the zoo is made of."""
    (name, shape), *_ = model.inputs.items()
    first = {"class_name": "InputLayer", "config": {"name": name, "batch_input_shape": [None, *shape]}}
    config = _sequential(model, first) if model.graph.is_chain else _functional(model, name, first)
    return Architecture.of(model), Config(config, VERSION, BACKEND)


def _sequential(model: Model, first: dict[str, Any]) -> dict[str, Any]:
    layers = [first, *(_entry(layer) for layer in model.layers)]
    return {"class_name": "Sequential", "config": {"name": model.name, "layers": layers}}


def _functional(model: Model, name: str, first: dict[str, Any]) -> dict[str, Any]:
    """Return a config that says what each layer is called on."""
    layers = [{**first, "name": name, "inbound_nodes": []}, *map(_call, model.nodes)]
    ends = {"input_layers": [[name, 0, 0]], "output_layers": [[output, 0, 0] for output in model.outputs]}
    return {"class_name": "Functional", "config": {"name": model.name, "layers": layers, **ends}}


def _call(node: Node) -> dict[str, Any]:
    sources = [[[source, 0, 0, {}] for source in node.inputs]]
    return {**_entry(node.layer), "name": node.name, "inbound_nodes": sources}


def without_idle_options(value: Any) -> Any:
    """Return a config without options that change no output, which Keras 2 writes and Keras 3 does not know."""
    if isinstance(value, list):
        return [without_idle_options(part) for part in value]
    if not isinstance(value, dict):
        return value
    idle = IDLE.get(str(value.get("class_name")), ())
    return {
        key: {name: part for name, part in inner.items() if name not in idle} if key == "config" and idle else inner
        for key, inner in ((key, without_idle_options(part)) for key, part in value.items())
    }


def _entry(layer: Layer) -> dict[str, Any]:
    return {"class_name": type(layer).__name__, "config": {"name": layer.name, **OPTIONS[type(layer)](layer)}}


def _window(layer: Any) -> dict[str, Any]:
    window = layer.window
    sides = {"kernel_size": window.kernel, "strides": window.stride, "dilation_rate": window.dilation}
    return {**{name: list(pair) for name, pair in sides.items()}, "padding": layer.padding}


def _sums(layer: Any) -> dict[str, Any]:
    return {"activation": layer.activation, "use_bias": layer.use_bias}


def _pooling2d(layer: Pooling2D) -> dict[str, Any]:
    return {
        "pool_size": list(layer.window.kernel),
        "strides": list(layer.window.stride),
        "padding": layer.padding,
    }


def _own(*names: str) -> Callable[[Any], dict[str, Any]]:
    """Return what writes options that Keras calls as convlab does."""
    return lambda layer: {name: getattr(layer, name) for name in names}


OPTIONS: Mapping[type[Layer], Callable[[Any], dict[str, Any]]] = {
    Conv2D: lambda layer: {"filters": layer.filters, **_window(layer), "groups": layer.groups, **_sums(layer)},
    DepthwiseConv2D: lambda layer: {**_own("depth_multiplier")(layer), **_window(layer), **_sums(layer)},
    SeparableConv2D: lambda layer: {**_own("filters", "depth_multiplier")(layer), **_window(layer), **_sums(layer)},
    Dense: lambda layer: {"units": layer.units, **_sums(layer)},
    MaxPooling2D: _pooling2d,
    AveragePooling2D: _pooling2d,
    GlobalAveragePooling2D: _own("keepdims"),
    BatchNormalization: _own("axis", "epsilon", "center", "scale"),
    Normalization: _own("axis"),
    Rescaling: lambda layer: {name: np.asarray(getattr(layer, name)).tolist() for name in ("scale", "offset")},
    ReLU: _own("max_value", "negative_slope", "threshold"),
    Activation: _own("activation"),
    ZeroPadding2D: _own("padding"),
    Concatenate: _own("axis"),
    Reshape: _own("target_shape"),
    Dropout: lambda layer: {"rate": 0.0},  # Keras wants one; it does nothing to an answer
    **dict.fromkeys((Add, Multiply, Flatten), _own()),
}
