"""A small U-Net in Keras, as the paper has it but padded: Ronneberger, Fischer and Brox, arXiv 1505.04597."""

from typing import Any

import keras
from keras import layers

CHANNELS = (16, 32, 64, 128)
DEEPEST = 256


def unet(input_shape: tuple[int | None, int | None, int] = (128, 128, 3)) -> Any:
    """Return the network of figure 1: an image in, for each pixel how likely it belongs to what is sought."""
    source = x = keras.Input(input_shape)
    bridges = []
    for channels in CHANNELS:
        x = twice(x, channels)
        bridges.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = twice(x, DEEPEST)
    for channels, bridge in zip(reversed(CHANNELS), reversed(bridges), strict=True):
        x = layers.Conv2DTranspose(channels, 2, 2)(x)
        x = twice(layers.Concatenate()([bridge, x]), channels)
    return keras.Model(source, layers.Conv2D(1, 1, activation="sigmoid")(x), name="unet")


def twice(x: Any, channels: int) -> Any:
    """Return two convolutions with ReLU."""
    for _ in range(2):
        x = layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
    return x
