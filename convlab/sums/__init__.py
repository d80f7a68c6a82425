"""How each kind of layer makes one number: `weighted_sum` knows them all."""

from convlab.sums import copies, merges, pooling, products, steps, values
from convlab.sums.base import WeightedSum, weighted_sum
from convlab.sums.place import Place

__all__ = ["Place", "WeightedSum", "copies", "merges", "pooling", "products", "steps", "values", "weighted_sum"]
