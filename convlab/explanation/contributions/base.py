"""The sum behind one number of a layer: the cells under its window, their weights, and what is added to it.

Every layer here is a weighted sum of cells and a bias (a pooling's weights are 1 for the winner, or one over the
number of cells), so one form of explanation, and one picture, fits all of them.
"""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from convlab.errors import UnsupportedError
from convlab.explanation.contributions.position import Position
from convlab.layers import Layer
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import Pair


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedSum:
    """What a layer computes for one unit before its activation function: sum of products + bias.

    Attributes
    ----------
    place : Position
        The cells of the layer's input.
    patch, kernel, products : float64 array (KH, KW, C)
        The cells' values (padding: 0), their weights, and what each adds to the sum: patch * kernel, except that
        batch normalisation takes the mean off first, and that cells which a pooling leaves out add nothing.
    bias : float
        What is added to the sum of products.
    formula : str
        The same in words and numbers, without the result.
    trained : bool
        Whether the kernel is the layer's own weights; a pooling's is only its choice of cells.
    winner : (int, int) or None
        Where in the patch a max pooling found its largest cell.
    roundings : int or None
        How many roundings in the layer's own type lie on a product's way; 0 where a number is only handed on. None:
        one for each addition, and eight for what batch normalisation, which has the most, does to a product.
    magnitude : float or None
        What rounding errors are a share of, where it is not the sum of the products' magnitudes and the bias.
    """

    place: Position
    patch: Array
    kernel: Array
    products: Array
    bias: float = 0.0
    formula: str
    trained: bool = False
    winner: Pair | None = None
    roundings: int | None = None
    magnitude: float | None = None

    @property
    def channel_sums(self) -> Array:
        """The products' sum in each input channel: (C,)."""
        with np.errstate(invalid="ignore"):  # infinities of both signs have no sum
            sums: Array = self.products.sum(axis=(0, 1))
        return sums

    @property
    def adds(self) -> NDArray[np.bool_]:
        """Which input channels have a product that is not 0: (C,)."""
        return (self.products != 0).any(axis=(0, 1))

    @property
    def before(self) -> float:
        """The sum of the products and the bias: the value before the activation function."""
        with np.errstate(invalid="ignore"):
            return float(self.products.sum()) + self.bias

    def rounding(self, dtype: np.dtype[np.floating]) -> float:
        """Return how far apart the sum here and one computed in `dtype`, in any order, may be.

        Higham, "Accuracy and Stability of Numerical Algorithms" (2nd edition), section 3.1: gamma of the roundings
        on a product's way, times the magnitudes; and what a product may lose below the smallest number of the type.
        """
        most, info = self.products.size + 8, np.finfo(dtype)
        own = most if self.roundings is None else self.roundings
        magnitude = self.magnitude
        if magnitude is None:
            magnitude = float(np.abs(self.products).sum()) + abs(self.bias)
        lost = float(info.smallest_subnormal) * min(own, self.products.size)
        return (_gamma(own, float(info.eps) / 2) + _gamma(most, 2**-53)) * magnitude + lost


def _gamma(roundings: int, unit: float) -> float:
    return roundings * unit / (1 - roundings * unit)


@singledispatch
def weighted_sum(layer: Layer, maps: Array, y: int, x: int, channel: int, shape: Shape) -> WeightedSum:
    """Return what the layer adds up of its input, maps (H, W, C), for its output (y, x, channel).

    `shape` is the input's own, of a vector (C,), of a sequence (W, C), which maps has as an image.
    """
    known = ", ".join(sorted(kind.__name__ for kind in weighted_sum.registry if kind not in (object, Layer)))
    raise UnsupportedError(f"layer {layer.name!r} is a {layer.kind}, which explain does not know: {known}")
