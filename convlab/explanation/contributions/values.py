"""Normalisations and functions of a single value."""

import numpy as np

from convlab.errors import UnsupportedError
from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import (
    ACTIVATIONS,
    ELU,
    GLU,
    BatchNormalization,
    Embedding,
    Layer,
    LayerScale,
    LeakyReLU,
    Masking,
    PReLU,
    ReLU,
    Rescaling,
    ThresholdedReLU,
)
from convlab.runtime.arrays import Array, Shape

IDENTITY = {"gamma": 1.0, "beta": 0.0}


@weighted_sum.register
def _normalised(layer: BatchNormalization, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    if layer.shapes["moving_mean"] != maps.shape[2:]:
        raise UnsupportedError(f"layer {layer.name!r} normalises along another axis than the last: no explanation")
    w = IDENTITY | {name: float(weight[channel].astype(maps.dtype)) for name, weight in layer.weights.items()}
    value, scale = float(maps[y, x, channel]), w["gamma"] / np.sqrt(w["moving_variance"] + layer.epsilon)
    formula = (
        f"(input {value:.6g} - mean {w['moving_mean']:.6g}) / sqrt(variance {w['moving_variance']:.6g}"
        f" + epsilon {layer.epsilon:g})"
    )
    formula += "".join(
        f" {sign} {name} {w[name]:.6g}" for sign, name in (("x", "gamma"), ("+", "beta")) if name in layer.weights
    )
    return WeightedSum(
        place=Position.cell(maps, y, x, channel),
        patch=np.array([[[value]]]),
        kernel=np.array([[[scale]]]),
        products=np.array([[[(value - w["moving_mean"]) * scale]]]),
        bias=w["beta"],
        formula=formula,
    )


@weighted_sum.register
def _rescaled(layer: Rescaling, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    scale, offset = (
        float(np.broadcast_to(np.asarray(numbers, maps.dtype), maps.shape)[y, x, channel])
        for numbers in (layer.scale, layer.offset)
    )
    value = float(maps[y, x, channel])
    return WeightedSum(
        place=Position.cell(maps, y, x, channel),
        patch=np.array([[[value]]]),
        kernel=np.array([[[scale]]]),
        products=np.array([[[value * scale]]]),
        bias=offset,
        formula=f"input {value:.6g} x scale {scale:.6g} + offset {offset:.6g}",
    )


@weighted_sum.register
def _layer_scaled(layer: LayerScale, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    gamma, value = float(layer.weights["gamma"][channel].astype(maps.dtype)), float(maps[y, x, channel])
    return WeightedSum(
        place=Position.cell(maps, y, x, channel),
        patch=np.array([[[value]]]),
        kernel=np.array([[[gamma]]]),
        products=np.array([[[value * gamma]]]),
        formula=f"input {value:.6g} x gamma {gamma:.6g}",
    )


@weighted_sum.register
def _looked_up(layer: Embedding, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    """Return the number in the table; rows of words lie along the input's last axis."""
    place = Position.cell(maps, 0, y, x)
    word = int(place.cells(maps)[0, 0, 0])
    found = float(layer.weights["embeddings"][word, channel].astype(maps.dtype))
    return WeightedSum(
        place=place,
        patch=np.array([[[float(word)]]]),
        kernel=np.array([[[found / word if word else 0.0]]]),
        products=np.array([[[found]]]),
        formula=f"row {word}, column {channel} of the table",
        roundings=0,
    )


@weighted_sum.register
def _gated(layer: GLU, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    """Take the gate for the weight of the number that it is before."""
    half = maps.shape[2] // 2
    place = Position(range(y, y + 1), range(x, x + 1), range(channel, channel + half + 1, half), maps.shape[:2])
    patch = place.cells(maps)
    value, gate = (float(number) for number in patch[0, 0])
    opened = float(ACTIVATIONS["sigmoid"](np.array([gate]))[0])
    return WeightedSum(
        place=place,
        patch=patch,
        kernel=np.array([[[opened, 0.0]]]),
        products=np.array([[[value * opened, 0.0]]]),
        formula=f"input {value:.6g} x sigmoid of {gate:.6g}",
    )


@weighted_sum.register(Masking)
@weighted_sum.register(ReLU)
@weighted_sum.register(LeakyReLU)
@weighted_sum.register(PReLU)
@weighted_sum.register(ELU)
@weighted_sum.register(ThresholdedReLU)
def _bent(layer: Layer, maps: Array, y: int, x: int, channel: int, _: Shape) -> WeightedSum:
    """Ask the layer itself: a function of one value, though its slope may depend on the place."""
    value = float(maps[y, x, channel])
    result = float(layer(maps[None])[0, y, x, channel])
    return WeightedSum(
        place=Position.cell(maps, y, x, channel),
        patch=np.array([[[value]]]),
        kernel=np.array([[[result / value if value else 0.0]]]),
        products=np.array([[[result]]]),
        formula=f"{type(layer).__name__} of {value:.6g}",
        roundings=0,
    )
