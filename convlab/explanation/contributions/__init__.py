"""The contributions to one number, for each kind of layer: `weighted_sum` knows them all."""

from convlab.explanation.contributions import (
    copies,
    elementwise,
    merges,
    pooling,
    products,
    reductions,
    steps,
    values,
    volumes,
)
from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.node import sums_of
from convlab.explanation.contributions.position import Position

__all__ = [
    "Position",
    "WeightedSum",
    "copies",
    "elementwise",
    "merges",
    "pooling",
    "products",
    "reductions",
    "steps",
    "sums_of",
    "values",
    "volumes",
    "weighted_sum",
]
