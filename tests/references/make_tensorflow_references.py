"""Record what TensorFlow 2.15 computes in each layer of the networks of `keras.applications` that the zoo has.

With Python 3.11, in an environment of its own (`pip install tensorflow-cpu==2.15.* .`):

    PYTHONPATH=tests:. python tests/references/make_tensorflow_references.py

writes tensorflow_layers.npz here: SAMPLES numbers of every layer, as `network:layer`, and the versions. The weights
are those of `convlab.load(name, weights=0)`, the picture is that of zoo/test_applications.py.
"""

import json
from pathlib import Path
from unittest import mock

import numpy as np

SAMPLES = 16


def main():
    import tensorflow as tf

    import convlab
    from benchmarks.keras.random_weights import picture
    from convlab.files.keras.order import keras_order
    from zoo.test_applications import APPLICATIONS, SMALL

    versions = {module.__name__: module.__version__ for module in (convlab, np, tf)}
    arrays = {}
    for name, called in APPLICATIONS.items():
        model = convlab.load(name, weights=0, include_top=False, input_shape=(*SMALL, 3))
        x = model.prepare(picture(*SMALL)[0].astype(np.uint8))
        with mock.patch("keras.src.utils.data_utils.get_file"), mock.patch("keras.Model.load_weights"):
            tf.keras.backend.clear_session()
            network = getattr(tf.keras.applications, called)(include_top=False, input_shape=(*SMALL, 3))
        layers = network.layers[1:]
        for ours, layer in zip(keras_order(model.graph), layers, strict=True):  # DenseNet's have other names there
            layer.set_weights(list(model[ours].weights.values()))
        outputs = tf.keras.Model(network.input, [layer.output for layer in layers])(x, training=False)
        for ours, output in zip(keras_order(model.graph), outputs, strict=True):
            flat = output.numpy().reshape(-1)
            arrays[f"{name}:{ours}"] = flat[np.linspace(0, flat.size - 1, SAMPLES).astype(int)]
    np.savez_compressed(Path(__file__).parent / "tensorflow_layers.npz", versions=json.dumps(versions), **arrays)


if __name__ == "__main__":
    main()
