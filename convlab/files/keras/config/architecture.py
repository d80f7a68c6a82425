"""The architecture of a network from the config that Keras stores with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from convlab.files.architecture import Architecture, KerasLayer
from convlab.files.keras.config.builder import Builder, Functions
from convlab.files.keras.config.calls import Inliner, Path
from convlab.files.keras.config.graph import LayerConfig, ModelConfig, read_graph
from convlab.model.model import Model
from convlab.runtime.arrays import Shape
from convlab.wording import listed

__all__ = ["read_architecture"]


def read_architecture(
    config: Any,
    where: str,
    keras_version: str | None = None,
    backend: str | None = None,
    *,
    name: str | None = None,
    input_shape: Shape | None = None,
    functions: Functions | None = None,
) -> Architecture:
    """Build the network that a Keras config describes, without weights.

    An output that the config names twice is one output.

    Parameters
    ----------
    config
        The config, as JSON is parsed: {"class_name": "Sequential", "config": {...}, ...}.
    where
        Names the file in messages.
    keras_version
        What the file says beside the config, where the config does not say it itself.
    backend
        What ran the network: "bicubic" means another interpolation on "torch" than elsewhere, and the stored kernels
        of Theano are others.
    name
        What the network is called, in place of what the config says; messages name it as that does.
    input_shape
        (H, W, C) of the only input, in place of what the config says.
    functions
        By the name of a Lambda layer, what is computed in its place.

    Raises
    ------
    WeightsError
        If the config is damaged.
    UnsupportedError
        If a layer, or an option of one, is not known; or if the config leaves a side of an input open.
    ShapeError
        If the layers do not fit together.
    """
    described = read_graph(config, where)
    inliner = Inliner(described, where)
    builder = Builder(where, _major(config, keras_version), functions or {}, backend)
    graph = builder.graph(described, inliner, input_shape)
    layers = _tree(described, (), inliner.names)
    neutral, precision, guessed = map(_by_layers, (builder.neutral, builder.precisions, builder.guessed))
    model = Model.of(replace(graph, name=name or graph.name))
    return Architecture(model, layers, neutral, precision, guessed, backend)


def _by_layers(found: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return, for a receipt, what was found and of which layers."""
    return tuple(f"{what} ({listed(layers)})" for what, layers in found.items())


def _major(config: Mapping[str, Any], version: str | None) -> int:
    """Return the major version of Keras; only Keras 3 says the module of each class where it says no version."""
    told = version or config.get("keras_version")
    if isinstance(told, str) and told[:1] in ("1", "2", "3"):
        return int(told[0])
    return 3 if "module" in config else 2


def _tree(model: ModelConfig, path: Path, names: Mapping[Path, str]) -> tuple[KerasLayer, ...]:
    return tuple(_branch(layer, (*path, name), names) for name, layer in model.layers.items())


def _branch(layer: LayerConfig, path: Path, names: Mapping[Path, str]) -> KerasLayer:
    if layer.model is not None:
        return KerasLayer(layer.name, layer.kind, None, _tree(layer.model, path, names), layer.written)
    name = None if layer.kind == "InputLayer" else names[path]
    return KerasLayer(layer.name, layer.kind, name, written=layer.written)
