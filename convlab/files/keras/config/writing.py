"""Configs that Keras 2 and 3 both load: of a network of the zoo, and of one that Keras 2 described."""

from collections.abc import Callable, Mapping
from typing import Any

from convlab.files.architecture import Architecture
from convlab.files.keras.config.reading import Config
from convlab.layers import Activation, AveragePooling2D, Conv2D, Dense, Flatten, Layer, MaxPooling2D
from convlab.layers.pooling import Pooling2D
from convlab.model.model import Model

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
    """Return a chain of layers as Keras sees it, and its config; of the kinds of layers that the zoo is made of."""
    (name, shape), *_ = model.inputs.items()
    first = {"class_name": "InputLayer", "config": {"name": name, "batch_input_shape": [None, *shape]}}
    layers = [first, *(_entry(layer) for layer in model.layers)]
    config = {"class_name": "Sequential", "config": {"name": model.name, "layers": layers}}
    return Architecture.of(model), Config(config, VERSION, BACKEND)


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


def _conv2d(layer: Conv2D) -> dict[str, Any]:
    return {
        **{"filters": layer.filters, "kernel_size": list(layer.window.kernel), "strides": list(layer.window.stride)},
        **{"padding": layer.padding, "dilation_rate": list(layer.window.dilation), "groups": layer.groups},
        **{"activation": layer.activation, "use_bias": layer.use_bias},
    }


def _pooling2d(layer: Pooling2D) -> dict[str, Any]:
    return {
        "pool_size": list(layer.window.kernel),
        "strides": list(layer.window.stride),
        "padding": layer.padding,
    }


OPTIONS: Mapping[type[Layer], Callable[[Any], dict[str, Any]]] = {
    Conv2D: _conv2d,
    MaxPooling2D: _pooling2d,
    AveragePooling2D: _pooling2d,
    Flatten: lambda layer: {},
    Dense: lambda layer: {"units": layer.units, "activation": layer.activation, "use_bias": layer.use_bias},
    Activation: lambda layer: {"activation": layer.activation},
}
