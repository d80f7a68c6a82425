"""Layers on words: their numbers in a dictionary become vectors."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from convlab.errors import UnsupportedError
from convlab.layers.base import Layer
from convlab.layers.checks import check_count, options_of, refused
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, Shape, module_of

EXACT = 2**24
"""The whole numbers below are all told apart by float32."""


@dataclass(eq=False)
class Embedding(Layer):
    """A row of a table for each whole number: (...) to (..., output_dim); weight embeddings (input_dim, output_dim).

    A number that is no row is an UnsupportedError when it is looked up; on a GPU, where nobody waits to look at
    numbers, its row is NaN.

    Parameters
    ----------
    name : str
        What the network calls it.
    input_dim : int
        Rows of the table: numbers are from 0 to below it.
    output_dim : int
        Columns.

    Raises
    ------
    ShapeError
        For a size that is not at least 1.
    """

    name: str
    input_dim: int
    output_dim: int
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what is no size of a table."""
        with options_of(self.name):
            check_count("input_dim", self.input_dim)
            check_count("output_dim", self.output_dim)

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the table's."""
        return {"embeddings": (self.input_dim, self.output_dim)}

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (..., output_dim)."""
        return (*shape, self.output_dim)

    @quiet
    def __call__(self, x: Array) -> Array:
        """Look the numbers (N, ...) up: (N, ..., output_dim)."""
        if self.input_dim > EXACT and x.dtype == np.float32:
            raise UnsupportedError(f"layer {self.name!r} has {self.input_dim:,} rows: give it numbers in float64")
        xp = module_of(x)
        known = (x >= 0) & (x < self.input_dim) & (xp.floor(x) == x)
        if xp is np and not known.all():
            raise self._unknown(x, known)
        rows: Array = self.weight_as("embeddings", x).take(xp.where(known, x, 0).astype(int), axis=0)
        return rows if xp is np else xp.where(known[..., None], rows, x.dtype.type(np.nan))

    def _unknown(self, x: Array, known: Array) -> UnsupportedError:
        at = tuple(int(i) for i in np.argwhere(~known)[0])
        return UnsupportedError(
            f"layer {self.name!r}: the input has {x[at]:.7g} at {at}, expected whole numbers from 0 to"
            f" {self.input_dim - 1:,}, the rows of its table"
        )


@dataclass(eq=False)
class Masking(Layer):
    """Steps in which every number is `mask_value` become 0; no layer of convlab leaves them out of anything.

    Parameters
    ----------
    name : str
        What the network calls it.
    mask_value : float
        The number.

    Raises
    ------
    UnsupportedError
        For what is no number.
    """

    keeps_order: ClassVar[bool] = True

    name: str
    mask_value: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no number."""
        if isinstance(self.mask_value, bool) or not isinstance(self.mask_value, int | float):
            raise refused(self, "mask_value", self.mask_value, "a number")

    def __call__(self, x: Array) -> Array:
        """Compare each number of (N, ..., C)."""
        xp = module_of(x)
        return xp.where((x != self.mask_value).any(axis=-1, keepdims=True), x, x.dtype.type(0))

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient, 0 for the steps that were masked."""
        kept = (inputs[0] != self.mask_value).any(axis=-1, keepdims=True)
        return (gradient * kept,)
