"""Write two small networks on volumes as Keras saves them, and what each of their layers computes.

    python make_volume_references.py        under Keras 3, and under tensorflow-cpu 2.15 (Keras 2)

The networks are of the kinds that are published: a segmentation of scans after Çiçek et al., "3D U-Net" (arXiv
1606.06650), and a classification of videos after Tran et al., "C3D" (arXiv 1412.0767), with few channels. Of each
layer 64 numbers are kept, spread evenly over it.
"""

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers

FOLDER = Path(__file__).parent / "volumes"
SCAN, VIDEO = (8, 12, 16, 2), (6, 14, 12, 3)


def unet3d():
    """Return a network that says for each cell of a scan of which of three tissues it is."""
    scan = keras.Input(SCAN, name="scan")
    down = layers.Conv3D(3, 3, padding="same", use_bias=False, name="down1a")(scan)
    down = layers.Activation("relu", name="relu1")(layers.BatchNormalization(name="norm1")(down))
    down = layers.Conv3D(4, 3, padding="same", activation="relu", name="down1b")(down)
    deep = layers.MaxPooling3D(2, name="pool1")(down)
    deep = layers.Conv3D(6, 3, padding="same", activation="relu", name="down2a")(deep)
    deep = layers.SpatialDropout3D(0.2, name="drop")(deep)
    deep = layers.Conv3D(6, (1, 3, 3), padding="same", dilation_rate=(1, 2, 2), name="down2b")(deep)
    deep = layers.LeakyReLU(name="leaky")(deep)
    up = layers.Conv3DTranspose(4, 2, strides=2, activation="relu", name="up1")(deep)
    near = layers.UpSampling3D(2, name="near1")(deep)
    both = layers.Concatenate(name="both")([up, near, down])
    edge = layers.Conv3D(5, 3, activation="relu", name="up1a")(both)
    edge = layers.ZeroPadding3D(1, name="border")(edge)
    gated = layers.Multiply(name="gated")([edge, layers.Conv3D(1, 1, activation="sigmoid", name="gate")(both)])
    tissue = layers.Conv3D(3, 1, activation="softmax", name="tissue")(gated)
    return keras.Model(scan, layers.Cropping3D(((0, 0), (1, 1), (2, 2)), name="inside")(tissue), name="unet3d")


def c3d():
    """Return a network that says what is done in a video."""
    video = keras.Input(VIDEO, name="video")
    x = layers.Conv3D(4, 3, padding="same", activation="relu", name="conv1")(video)
    x = layers.MaxPooling3D((1, 2, 2), (1, 2, 2), name="pool1")(x)
    x = layers.Conv3D(6, (3, 2, 3), strides=(1, 2, 1), activation="relu", name="conv2")(x)
    x = layers.ZeroPadding3D(((0, 0), (0, 1), (1, 0)), name="pad2")(x)
    pooled = layers.AveragePooling3D((2, 2, 1), name="pool2")(x)
    flat = layers.Flatten(name="flatten")(layers.MaxPooling3D((3, 2, 3), (1, 2, 1), "same", name="pool3")(pooled))
    means, peaks = layers.GlobalAveragePooling3D(name="mean")(x), layers.GlobalMaxPooling3D(name="peak")(x)
    x = layers.Concatenate(name="seen")([layers.Dense(5, activation="relu", name="fc1")(flat), means, peaks])
    x = layers.Dense(7, activation="softmax", name="action")(layers.Dropout(0.5, name="drop")(x))
    return keras.Model(video, x, name="c3d")


def spread(values):
    """Return 64 numbers of an array: the places of `frameworks.samples`, which needs convlab."""
    return values.reshape(-1)[np.linspace(0, values.size - 1, min(64, values.size)).astype(int)]


def main():
    """Write the networks in the formats of this Keras."""
    FOLDER.mkdir(exist_ok=True)
    generation = keras.__version__[0]
    for network in (unet3d(), c3d()):
        rng = np.random.default_rng(7)
        network.set_weights([rng.uniform(0.1, 0.6, w.shape) - 0.2 * (w.ndim > 1) for w in network.get_weights()])
        volume = rng.uniform(-1, 1, (2, *network.input_shape[1:])).astype(np.float32)
        every = keras.Model(network.inputs, [layer.output for layer in network.layers[1:]])
        names = [layer.name for layer in network.layers[1:]]
        values = {name: spread(value) for name, value in zip(names, every.predict(volume, verbose=0), strict=True)}
        stem = FOLDER / f"{network.name}_keras{generation}"
        network.save(stem.with_suffix(".h5" if generation == "2" else ".keras"))
        np.savez_compressed(stem.with_suffix(".npz"), **values)


if __name__ == "__main__":
    main()
