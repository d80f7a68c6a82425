"""A Keras config (parsed JSON) as a tree of models and layers with their calls, every part of it checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from convlab.errors import UnsupportedError
from convlab.files.keras.config.arguments import Arguments
from convlab.files.keras.config.functions import KERAS, TENSORFLOW
from convlab.files.keras.config.layers import LAYERS
from convlab.files.keras.config.options import Options, is_list, shown
from convlab.files.keras.config.schema import DEPTH_LIMIT, Call, Reference
from convlab.files.keras.config.spellings import kind_today, options_today

MODELS = ("Functional", "Sequential")
WRAPPER = "TimeDistributed"
TF_LAYERS = ("TFOpLambda", "SlicingOpLambda")
OPERATIONS = re.compile(r"keras\.src\.ops\.\w+")
OWN_OPTIONS = {"Average": "axis", "Reshape": "newshape"}
"""Operations with the class of a layer that does something else, and an option that only they have."""
ACTIVATION_LAYERS = ("Activation", "ELU", "LeakyReLU", "ReLU", "Softmax")


@dataclass(frozen=True)
class LayerConfig:
    """A layer, or a model as a layer, as its config describes it, in today's spelling.

    `after` is its activation function where that is a layer itself; `written` is its class as the file spells it, or,
    of a function on tensors, whose arguments are the options, `function` is what it is called. Of layers that
    TimeDistributed is around, `steps` counts how often; all else but name and calls is the inner layer's.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    calls: tuple[Call, ...]
    model: "ModelConfig | None" = None
    after: "LayerConfig | None" = None
    written: str = ""
    steps: int = 0
    function: str = ""


@dataclass(frozen=True)
class ModelConfig:
    """A model: layers by name in the order of the config, its inputs and its outputs."""

    name: str
    kind: str
    layers: Mapping[str, LayerConfig]
    inputs: tuple[Reference, ...]
    outputs: tuple[Reference, ...]


def read_graph(config: Any, where: str) -> ModelConfig:
    """Return the model that a config describes.

    Parameters
    ----------
    config
        {"class_name": "Functional", "config": {...}, ...}, as JSON.
    where
        Names the file in messages.

    Raises
    ------
    WeightsError
        If the config is damaged.
    UnsupportedError
        If it is no Sequential or Functional model, or has a layer that convlab does not know.
    """
    return _Reader(where).model(config, 0)


class _Reader(Arguments):
    """Reads models and layers."""

    def model(self, value: Any, depth: int) -> ModelConfig:
        if depth > DEPTH_LIMIT:
            self.damaged(f"models are nested more than {DEPTH_LIMIT} deep")
        entry = self.entry(value, "the model")
        inner = entry.get("config")
        name = inner.get("name") if isinstance(inner, Mapping) else entry.get("name")
        kind = kind_today(self.kind(entry, name), {})
        if kind == "Sequential":
            return self.sequential(inner, entry, depth)
        if kind == "Functional":
            return self.functional(self.entry(inner, f"the config of model {shown(name)}"), depth)
        raise UnsupportedError(
            f"{self.where}: the model is a {shown(kind)[1:-1]}; convlab loads Sequential and Functional models"
        )

    def functional(self, inner: Mapping[str, Any], depth: int) -> ModelConfig:
        model = ModelConfig(
            self.text(inner.get("name", "model"), "the model's name"),
            "Functional",
            self.layers(inner.get("layers"), depth),
            self.references(inner.get("input_layers"), "input_layers"),
            self.references(inner.get("output_layers"), "output_layers"),
        )
        return _from_zero(model)

    def sequential(self, inner: Any, entry: Mapping[str, Any], depth: int) -> ModelConfig:
        """Read a chain of layers; before Keras 2.2.3 its config was the bare list of them."""
        options: Mapping[str, Any] = {"layers": inner} if is_list(inner) else self.entry(inner, "the model's config")
        name = self.text(options.get("name") or entry.get("name") or "sequential", "the model's name")
        layers = list(self.layers(options.get("layers"), depth).values())
        if not layers:
            self.damaged(f"model {shown(name)} has no layers")
        if layers[0].kind != "InputLayer":
            shape = options.get("build_input_shape") or _first_shape(layers[0])
            values = options_today("InputLayer", {"batch_shape": shape})
            layers.insert(0, LayerConfig(f"{layers[0].name}_input", "InputLayer", values, ()))
        chain = {layers[0].name: layers[0]}
        for before, layer in pairwise(layers):
            chain[layer.name] = replace(layer, calls=(Call((Reference(before.name, 0, 0),)),))
        first, last = Reference(layers[0].name, 0, 0), Reference(layers[-1].name, 0, 0)
        return ModelConfig(name, "Sequential", chain, (first,), (last,))

    def layers(self, value: Any, depth: int) -> dict[str, LayerConfig]:
        layers: dict[str, LayerConfig] = {}
        for item in self.items(value, "layers"):
            layer = self.layer(item, depth)
            if layer.name in layers:
                self.damaged(f"two layers are named {shown(layer.name)}")
            layers[layer.name] = layer
        return layers

    def layer(self, value: Any, depth: int) -> LayerConfig:
        entry = self.entry(value, "a layer")
        inner = entry.get("config")
        named = inner.get("name") if isinstance(inner, Mapping) else None
        name = self.text(entry.get("name") or named, "a layer's name")
        written = self.kind(entry, name)
        if written == WRAPPER:
            return self.distributed(self.entry(inner, f"the config of layer {shown(name)}"), entry, name, depth)
        if kind_today(written, {}) in MODELS:
            model = self.model(entry, depth + 1)
            return LayerConfig(name, model.kind, {}, self.calls(entry.get("inbound_nodes"), name), model)
        options = self.entry(inner, f"the config of layer {shown(name)}")
        if is_function(entry, options):
            return self.function(entry, options, name, written)
        kind = kind_today(written, options)
        self.check_known(kind, name)
        calls = self.calls(entry.get("inbound_nodes"), name)
        if kind == "InputLayer" and calls:
            self.damaged(f"input {shown(name)} takes something")
        options = options_today(kind, options)
        after = self.after(options.get("activation"), name, depth)
        return LayerConfig(name, kind, options, calls, after=after, written=written)

    def distributed(self, options: Mapping[str, Any], entry: Mapping[str, Any], name: str, depth: int) -> LayerConfig:
        """Read TimeDistributed as the layer, or the model, that it is around."""
        if depth > DEPTH_LIMIT:
            self.damaged(f"layers are nested more than {DEPTH_LIMIT} deep")
        own = Options(self.where, name, WRAPPER, options_today(WRAPPER, options), 0, False, 0)
        inner = self.layer({"name": name, **self.entry(own.take("layer"), f"the layer in {shown(name)}")}, depth + 1)
        own.refuse_rest()
        if inner.kind == "InputLayer":
            self.damaged(f"layer {shown(name)} is {WRAPPER} around an input")
        values = {**inner.options, "batch_shape": own.take("batch_shape", None)}
        calls = self.calls(entry.get("inbound_nodes"), name)
        return replace(inner, name=name, options=values, calls=calls, written=WRAPPER, steps=inner.steps + 1)

    def function(self, entry: Mapping[str, Any], config: Mapping[str, Any], name: str, written: str) -> LayerConfig:
        """Read a layer that is a function on tensors."""
        if written in TF_LAYERS:
            called, arguments = self.text(config.get("function"), f"the function of layer {shown(name)}"), {}
            function, title = TENSORFLOW.get(called), f"tf.{called}"
        else:
            function, arguments, title = KERAS.get(written), {**config}, f"{written} of keras.ops"
            arguments.pop("name", None)
        if function is None:
            raise UnsupportedError(
                f"{self.where}: layer {shown(name)} is the function {shown(title)[1:-1]}, which convlab does not"
                " load; use a layer of Keras instead, or one of the functions in docs/functions.md"
            )
        calls, options = self.function_calls(entry.get("inbound_nodes") or [], name, title, function, arguments)
        return LayerConfig(name, function.kind, options, calls, function=title)

    def check_known(self, kind: str, name: str) -> None:
        """Refuse a layer that is in no table, before anything else about it is looked at."""
        if kind not in LAYERS and kind not in ("InputLayer", "Lambda"):
            raise UnsupportedError(
                f"{self.where}: layer {shown(name)} is a {shown(kind)[1:-1]}, which convlab does not load;"
                f" Keras saves what lies before it: keras.Model(model.inputs, model.get_layer({shown(name)}).input)"
            )

    def after(self, value: Any, name: str, depth: int) -> LayerConfig | None:
        """Return an activation function that is written as a layer."""
        if not isinstance(value, Mapping) or value.get("class_name") == "function":
            return None
        if value.get("class_name") not in ACTIVATION_LAYERS or depth > DEPTH_LIMIT:
            raise UnsupportedError(
                f"{self.where}: layer {shown(name)} has the activation {shown(value.get('class_name', value))};"
                f" convlab loads functions by name, and {', '.join(ACTIVATION_LAYERS)}"
            )
        return self.layer({"name": "activation", **value}, depth + 1)


def is_function(entry: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Tell whether a layer is a function on tensors.

    In an .h5 file, where Keras 3 writes no modules, some operations have the class of a layer: their options, and
    that they are called on more than one thing, tell them apart.
    """
    kind, module = entry.get("class_name"), entry.get("module")
    if kind in TF_LAYERS:
        return True
    if isinstance(module, str):
        return OPERATIONS.fullmatch(module) is not None
    if kind not in LAYERS or kind in OWN_OPTIONS:
        return kind in KERAS and OWN_OPTIONS.get(kind, kind) in (*config, kind)
    return kind in KERAS and any(len(args) > 1 for args in _arguments(entry.get("inbound_nodes")))


def _arguments(calls: Any) -> list[list[Any]]:
    """Return the arguments of each call as Keras 3 writes them, as far as they are lists."""
    found = [call.get("args") for call in calls if isinstance(call, Mapping)] if is_list(calls) else []
    return [list(args) for args in found if isinstance(args, list | tuple)]


def _first_shape(layer: LayerConfig) -> Any:
    """Return what the first layer of a chain, which may be a model, says of its input."""
    while layer.model is not None and not layer.steps:
        first = layer.model.layers.get(layer.model.inputs[0].layer) if layer.model.inputs else None
        if first is None:
            return None
        layer = first
    return layer.options.get("batch_shape")


def _from_zero(model: ModelConfig) -> ModelConfig:
    """Return the model with the calls of inner models counted from 0.

    Keras 2 counts the making of most models as call 0, to which nobody refers; Keras 3 does so only in the
    outputs, and only of Functional models.
    """
    calls = [call for layer in model.layers.values() for call in layer.calls]
    inner = {name: layer for name, layer in model.layers.items() if layer.model is not None and not layer.steps}
    if any(call.keras3 for call in calls):
        extra = {name: int(layer.kind == "Functional") for name, layer in inner.items()}
        return replace(model, outputs=tuple(reference.less(extra) for reference in model.outputs))
    extra = dict.fromkeys(inner, 1)
    for reference in (*model.outputs, *(reference for call in calls for reference in call.inputs)):
        if reference.call == 0:
            extra[reference.layer] = 0
    layers = {
        name: replace(layer, calls=tuple(call.less(extra) for call in layer.calls))
        for name, layer in model.layers.items()
    }
    return replace(model, layers=layers, outputs=tuple(reference.less(extra) for reference in model.outputs))
