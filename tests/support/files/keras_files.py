"""Small weight files in Keras' layouts, written here with h5py so that one thing at a time can be wrong with them."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from convlab.files.keras.weights.reading import LayerWeights

CONV = LayerWeights("conv1", "Conv2D", {"kernel": (3, 5, 2, 4), "bias": (4,)})
DENSE = LayerWeights("fc", "Dense", {"kernel": (24, 7), "bias": (7,)})
KERNEL_ONLY = LayerWeights("conv1", "Conv2D", {"kernel": (3, 5, 2, 4)})
NORM = LayerWeights(
    "bn", "BatchNormalization", dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (5,))
)
ALL = (CONV, NORM, DENSE)
KERAS_1 = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
Weights = dict[str, dict[str, NDArray[np.float32]]]


def random_weights(*layers: LayerWeights) -> Weights:
    rng = np.random.default_rng(7)
    return {
        layer.name: {role: rng.normal(size=shape).astype(np.float32) for role, shape in layer.shapes.items()}
        for layer in layers
    }


def write_legacy(
    path: Path,
    weights: Mapping[str, Mapping[str, NDArray]],
    *,
    root: str = "/",
    pattern: str = "{layer}/{role}:0",
    roles: Mapping[str, str] | None = None,
    **attributes: str,
) -> Path:
    """Write the layout of Keras 1 and 2: names in attributes, `pattern` for the names of the arrays."""
    with h5py.File(path, "w") as file:
        top = file.require_group(root)
        top.attrs["layer_names"] = [name.encode() for name in weights]
        for name, value in attributes.items():
            top.attrs[name] = value
        for layer, arrays in weights.items():
            group = top.create_group(layer)
            names = [pattern.format(layer=layer, role=(roles or {}).get(role, role)) for role in arrays]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays.values(), strict=True):
                group[name] = array
    return path


def write_keras3(path: Path, weights: Mapping[str, Mapping[str, NDArray]], keys: Mapping[str, str]) -> Path:
    """Write the layout of Keras 3: layers/KEY/vars/NUMBER."""
    with h5py.File(path, "w") as file:
        file.create_group("vars").attrs["name"] = "model"
        for layer, arrays in weights.items():
            group = file.create_group(f"layers/{keys[layer]}/vars")
            group.attrs["name"] = layer
            for index, array in enumerate(arrays.values()):
                group[str(index)] = array
    return path


def assert_same(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    for layer, arrays in expected.items():
        assert list(found[layer]) == list(arrays)
        for role, array in arrays.items():
            assert found[layer][role].dtype == np.float32
            np.testing.assert_array_equal(found[layer][role], array)
