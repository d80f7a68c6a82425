"""Random weights: for studying an architecture without trained ones, and for tests."""

from __future__ import annotations

from math import prod, sqrt

import numpy as np

from convlab.arrays import Array
from convlab.layers import Layer, Shape
from convlab.model import Model


def randomise(model: Model, seed: int) -> None:
    """Give every layer random float32 weights; the same seed gives the same ones.

    Kernels are uniform with the variance 2 / fan_in that keeps the scale of ReLU networks through any depth (He et
    al., arXiv 1502.01852, section 2.2). Everything else is small but not zero, so that nothing hides.
    """
    for index, layer in enumerate(model.layers):
        if layer.shapes:
            layer.set_weights(**_random_weights(layer, np.random.default_rng([seed, index])))


def _random_weights(layer: Layer, rng: np.random.Generator) -> dict[str, Array]:
    weights = {name: _uniform(rng, shape, *_range(name, shape)) for name, shape in layer.shapes.items()}
    for array in weights.values():
        array.flags.writeable = False  # adopted by the layer, not copied
    return weights


def _range(name: str, shape: Shape) -> tuple[float, float]:
    if name == "kernel":
        limit = sqrt(6 / prod(shape[:-1]))
        return -limit, limit
    return (0.5, 1.5) if name in ("gamma", "moving_variance") else (-0.1, 0.1)


def _uniform(rng: np.random.Generator, shape: Shape, low: float, high: float) -> Array:
    array = rng.random(shape, np.float32)
    array *= high - low
    array += low
    return array
