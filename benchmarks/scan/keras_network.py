"""A convlab network as a Keras model of the same weights, by the file that convlab writes for Keras."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras

from convlab.files.keras.weights.writing import write_weights
from convlab.model.model import Model


def as_keras(model: Model) -> Any:
    """Return VGG16 of Keras, or LeNet-5 as it is written in Keras, with the weights of ours."""
    if model.name == "vgg16":
        port = keras.applications.VGG16(weights=None)
        with TemporaryDirectory() as folder:
            path = Path(folder, "weights.h5")
            write_weights(model, path)
            port.load_weights(path)
        return port
    port = keras.Sequential([keras.Input((28, 28, 1)), *map(_layer, model.layers)])
    for layer in model.layers:
        if layer.shapes:
            port.get_layer(layer.name).set_weights([layer.weights[name] for name in layer.shapes])
    return port


def _layer(layer: Any) -> Any:
    kind = getattr(keras.layers, layer.kind)
    if layer.kind == "Conv2D":
        return kind(layer.filters, layer.kernel, padding=layer.padding, name=layer.name)
    if layer.kind == "Dense":
        return kind(layer.units, name=layer.name)
    if layer.kind == "AveragePooling2D":
        return kind(layer.pool, name=layer.name)
    return kind(layer.activation, name=layer.name) if layer.kind == "Activation" else kind(name=layer.name)
