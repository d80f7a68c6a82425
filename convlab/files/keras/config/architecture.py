"""The architecture of a network from the config that Keras stores with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convlab.files.keras.config.builder import Builder, Functions
from convlab.files.keras.config.calls import Inliner, Path
from convlab.files.keras.config.graph import LayerConfig, ModelConfig, read_graph
from convlab.model.model import Model
from convlab.runtime.arrays import Shape
from convlab.wording import listed

__all__ = ["Architecture", "KerasLayer", "read_architecture"]


@dataclass(frozen=True)
class KerasLayer:
    """A layer as Keras sees it, which is how a file holds its weights.

    Attributes
    ----------
    name, kind
        Keras' own name and class, in today's spelling: "conv1", "Conv2D".
    layer
        The name of the convlab layer it became; None for inputs and for models.
    layers
        Of a model that is used as a layer: its own, in the order of its config.
    written
        Its class in the file's own spelling, where that is another, or is around it: "TimeDistributed".
    """

    name: str
    kind: str
    layer: str | None
    layers: tuple["KerasLayer", ...] = ()
    written: str = ""


@dataclass(frozen=True)
class Architecture:
    """A network without its weights, and its layers as Keras sees them.

    Attributes
    ----------
    neutral, precision, guessed
        What the receipt is to say of options that change nothing, of types that are not float32, and of what depends
        on what ran the network where its file does not say that.
    backend
        What ran the network, as far as its config says.
    """

    model: Model
    layers: tuple[KerasLayer, ...]
    neutral: tuple[str, ...] = ()
    precision: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    backend: str | None = None


def read_architecture(
    config: Any,
    where: str,
    keras_version: str | None = None,
    backend: str | None = None,
    *,
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
    graph = read_graph(config, where)
    inliner = Inliner(graph, where)
    builder = Builder(where, _major(config, keras_version), functions or {}, backend)
    model = builder.model(graph, inliner, input_shape)
    layers = _tree(graph, (), inliner.names)
    neutral, precision, guessed = map(_by_layers, (builder.neutral, builder.precisions, builder.guessed))
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
