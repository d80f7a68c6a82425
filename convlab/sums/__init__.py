"""How each kind of layer makes one number: `weighted_sum` knows them all."""

from convlab.sums import copies, elementwise, merges, pooling, products, reductions, steps, values
from convlab.sums.base import WeightedSum, weighted_sum
from convlab.sums.place import Place

__all__ = [
    "Place",
    "WeightedSum",
    "copies",
    "elementwise",
    "merges",
    "pooling",
    "products",
    "reductions",
    "steps",
    "values",
    "weighted_sum",
]
