"""Write Keras' HDF5 layout of old, which every Keras since 1.2 loads: `load_weights`, and `load_model` with a config.

    attributes               keras_version, backend, layer_names; model_config in a whole model
    /conv1                   attribute weight_names: conv1/kernel, conv1/bias
    /conv1/conv1/kernel      an array
    /encoder/encoder/conv1/kernel    a nested model is one group: first what is trained, then what is not

A whole model has all of it but model_config below the group model_weights. What Keras calls *.weights.h5 is another
layout.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convlab.errors import FileError
from convlab.files.architecture import Architecture, KerasLayer
from convlab.files.keras.config.reading import Config
from convlab.files.keras.config.writing import without_idle_options
from convlab.files.keras.weights.weight_names import NOT_READ, STATISTICS
from convlab.model.model import Model
from convlab.runtime.arrays import Array
from convlab.storage.foreign import HDF5
from convlab.storage.hdf5_writing import new_file
from convlab.storage.writing import check_file

__all__ = ["check_target", "is_loadable", "write_model", "write_weights"]

NAMES_LIMIT = 64_000  # bytes; HDF5 allows an attribute 64 kB with all that describes it
VERSION = "3.0.0"  # whose layout this is
BACKEND = "tensorflow"  # whose order of a kernel's axes this is


@dataclass(frozen=True)
class Group:
    """The arrays of one layer, or of a nested model, by path, in Keras' order."""

    name: str
    arrays: Mapping[str, Array]


def write_weights(model: Model, path: Path) -> None:
    """Write the weights of a network so that Keras' `load_weights` takes them, by order and by name.

    Parameters
    ----------
    model
        The network; each of its layers is one of Keras'.
    path
        A .h5 or .hdf5 file; it appears, or is replaced, only when it is complete.

    Raises
    ------
    FileError
        If the file cannot be written, or its name means another layout to Keras.
    WeightsError
        If the network has no weights.
    """
    groups = [
        Group(layer.name, {f"{layer.name}/{role}": array for role, array in layer.weights.items()})
        for layer in model.layers
    ]
    check_target(path)
    with new_file(path, "the weights") as file:
        _write_groups(file, groups)


def write_model(architecture: Architecture, config: Config, path: Path) -> None:
    """Write a network as a whole model, so that Keras' `load_model` takes it; else like `write_weights`.

    Without a config that Keras still loads, it becomes a file of weights: for Keras' own network of these layers.

    Parameters
    ----------
    architecture
        The network with its weights, and its layers as Keras sees them.
    config
        What describes them.
    """
    entries = _entries(config.values)
    groups = [_group(architecture.model, layer, entries.get(layer.name, {})) for layer in architecture.layers]
    check_target(path)
    with new_file(path, "the weights") as file:
        if not is_loadable(config):
            _write_groups(file, groups)
            return
        file.attrs["model_config"] = json.dumps(without_idle_options(config.values)).encode()
        file.attrs["keras_version"] = _version(config).encode()
        file.attrs["backend"] = BACKEND.encode()
        _write_groups(file.create_group("model_weights"), groups)


def is_loadable(config: Config) -> bool:
    """Tell whether the Keras of today loads a config: one of Keras 2 or later."""
    return not _version(config).startswith("1.")


def _version(config: Config) -> str:
    """Return the version of Keras that wrote a config; only Keras 3 names modules, only Keras 1 never its version."""
    return config.keras_version or (VERSION if "module" in config.values else "1.0")


def check_target(path: Path) -> None:
    """Refuse a file that cannot be written, or whose name Keras would not take for this layout."""
    if path.name.endswith(".weights.h5"):
        raise FileError(
            f"{path}: Keras expects another layout in a file named *.weights.h5; name it"
            f" {path.name.removesuffix('.weights.h5')}.h5"
        )
    if path.suffix not in HDF5:
        raise FileError(f"{path}: a Keras HDF5 file is named {' or '.join(f'*{ending}' for ending in HDF5)}")
    check_file(path)


def _write_groups(root: h5py.Group, groups: Sequence[Group]) -> None:
    root.attrs["keras_version"] = VERSION.encode()
    root.attrs["backend"] = BACKEND.encode()
    _write_names(root, "layer_names", [group.name for group in groups])
    for group in groups:
        node = root.require_group(group.name)
        _write_names(node, "weight_names", list(group.arrays))
        for name, array in group.arrays.items():
            node.create_dataset(name, data=array)


def _write_names(node: h5py.Group, attribute: str, names: Sequence[str]) -> None:
    """Write a list of names; one that is too long in parts, attribute0, attribute1, ... as Keras reads them."""
    encoded = [name.encode() for name in names]
    at_once = max(1, NAMES_LIMIT // max(map(len, encoded), default=1))
    if len(encoded) <= at_once:
        node.attrs[attribute] = np.array(encoded, dtype="S1" if not encoded else None)
        return
    for part, first in enumerate(range(0, len(encoded), at_once)):
        node.attrs[f"{attribute}{part}"] = np.array(encoded[first : first + at_once])


def _group(model: Model, layer: KerasLayer, entry: Mapping[str, Any]) -> Group:
    """Return a layer's arrays in Keras' order: those that are trained, then those that are not."""
    weights = sorted(_weights(model, layer, entry), key=lambda weight: not weight[1])  # keeps the order among equals
    return Group(layer.name, {path: array for path, _, array in weights})


def _weights(model: Model, layer: KerasLayer, entry: Mapping[str, Any]) -> Iterator[tuple[str, bool, Array]]:
    """Yield the path, whether it is trained, and the values of each array in a layer or nested model."""
    trained = _is_trained(entry)
    if layer.layer is not None and layer.layer in model:
        weights = dict(model[layer.layer].weights)
        for role in NOT_READ.get(layer.kind, ()) if weights else ():
            weights.setdefault(role, np.zeros((), np.float32))  # Normalization counts its data: no prediction asks
        for role, array in weights.items():
            yield f"{layer.name}/{role}", trained and role not in STATISTICS, array
    inner = _entries(entry) if layer.layers else {}
    for child in layer.layers:
        for path, child_trained, array in _weights(model, child, inner.get(child.name, {})):
            yield f"{layer.name}/{path}", trained and child_trained, array


def _entries(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the layers in a model's config by name."""
    config = entry.get("config", {})
    while isinstance(config, Mapping) and "layer" in config:  # TimeDistributed around a model
        config = config["layer"].get("config", {})
    layers = config if isinstance(config, list) else config.get("layers", [])
    return {layer.get("name") or layer["config"]["name"]: layer for layer in layers}


def _is_trained(entry: Mapping[str, Any]) -> bool:
    config = entry.get("config", {})
    return isinstance(config, list) or config.get("trainable", True) is not False
