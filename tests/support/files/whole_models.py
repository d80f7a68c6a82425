"""A small whole-model file in each of Keras' forms, written here so that one thing at a time can be wrong with it."""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py

from convlab.files.keras.weights.reading import LayerWeights
from support.files.keras_files import Weights, random_weights, write_keras3, write_legacy

CONV = LayerWeights("conv1", "Conv2D", {"kernel": (3, 5, 2, 4), "bias": (4,)})
DENSE = LayerWeights("fc", "Dense", {"kernel": (40, 7), "bias": (7,)})
CONFIG: dict[str, Any] = {
    "class_name": "Sequential",
    "config": {
        "name": "small",
        "layers": [
            {
                "class_name": "Conv2D",
                "config": {
                    "name": "conv1",
                    "batch_input_shape": [None, 7, 6, 2],
                    "filters": 4,
                    "kernel_size": [3, 5],
                    "strides": [1, 1],
                    "padding": "valid",
                    "activation": "relu",
                    "use_bias": True,
                },
            },
            {"class_name": "Flatten", "config": {"name": "flatten"}},
            {"class_name": "Dense", "config": {"name": "fc", "units": 7, "activation": "softmax", "use_bias": True}},
        ],
    },
}
TEXT = json.dumps(CONFIG)
METADATA = '{"keras_version": "3.15.1"}'
KEYS = {"conv1": "conv2d", "fc": "dense"}


def small_weights() -> Weights:
    return random_weights(CONV, DENSE)


def write_h5(path: Path, config: Any = TEXT) -> Path:
    write_legacy(path, small_weights(), root="model_weights")
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = config
        file.attrs["keras_version"], file.attrs["backend"] = "2.10.0", "tensorflow"
    return path


def write_keras(path: Path, config: str | bytes = TEXT, metadata: str = METADATA) -> Path:
    weights = write_keras3(path.with_suffix(".inside"), small_weights(), KEYS)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", metadata)
        archive.writestr("config.json", config)
        archive.write(weights, "model.weights.h5")
    return path
