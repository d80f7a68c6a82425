"""One small class per layer: its shape rule, its parameters, its call into ops.

Classes, weights and their order are named as in Keras; shapes leave out the batch: (H, W, C) or (features,).
"""

from convlab.layers.base import ACTIVATIONS, Activated, Layer, Shape
from convlab.layers.plain import Activation, Flatten, ZeroPadding2D
from convlab.layers.pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)
from convlab.layers.weighted import BatchNormalization, Conv2D, Dense

__all__ = [
    "ACTIVATIONS",
    "Activated",
    "Activation",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Layer",
    "MaxPooling2D",
    "Shape",
    "ZeroPadding2D",
]
