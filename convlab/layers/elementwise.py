"""A function of numbers, one by one, as a layer: of one input or several, some of its operands constants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers.checks import numbers
from convlab.layers.merging import Merge
from convlab.ops.elementwise import FUNCTIONS, elementwise, elementwise_pull_back
from convlab.runtime.arrays import Array, Shape, kind_of, like
from convlab.runtime.once import once
from convlab.wording import unknown


@dataclass(eq=False)
class Elementwise(Merge):
    """A function of `convlab.ops.elementwise.FUNCTIONS`, value by value, of one input or several.

    Inputs and constants of size 1 along an axis, or without it, are repeated along it; the last axes are aligned.

    Parameters
    ----------
    name : str
        What the network calls it.
    function : str
        Which one.
    operands : sequence of None, number or lists of numbers
        What it takes, in order: None is an input, all else a constant, without a batch.

    Raises
    ------
    UnsupportedError
        For a function that is not known, or a constant that is no number.
    ShapeError
        In a network, for another number of inputs, or sizes that differ where none is 1.
    """

    function: str = "absolute"
    operands: Sequence[Any] = (None,)

    def __post_init__(self) -> None:
        """Read the constants once."""
        if self.function not in FUNCTIONS:
            raise UnsupportedError(f"layer {self.name!r}: {unknown('function', self.function, FUNCTIONS)}")
        self.operands = [
            None if operand is None else numbers(self, f"operand {i}", operand)
            for i, operand in enumerate(self.operands, start=1)
        ]

    @property
    def says(self) -> str:
        """What it does: the function it has."""
        return f"The function {self.function}, value by value."

    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return the shape that inputs and constants are repeated to."""
        if len(shapes) != (expected := sum(operand is None for operand in self.operands)):
            raise ShapeError(f"{len(shapes)} inputs, expected {expected}")
        constants = [operand.shape for operand in self.operands if operand is not None]
        return super().infer_shape(*shapes, *constants)

    def merge(self, inputs: list[Any]) -> Array:
        """Apply the function."""
        return elementwise(self.function, *self.filled(inputs))

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return the gradient times the slope by each input."""
        operands = self.filled(inputs)
        own = [i for i, operand in enumerate(self.operands) if operand is None]
        return [elementwise_pull_back(self.function, i, gradient, output, *operands) for i in own]

    def filled(self, inputs: Sequence[Any]) -> list[Any]:
        """Return the operands in order: the inputs, and between them the constants as the inputs' type has them."""
        given = iter(inputs)
        return [
            next(given) if operand is None else self._constant(i, inputs[0])
            for i, operand in enumerate(self.operands)
        ]

    def _constant(self, i: int, x: Array) -> Any:
        return once(self._held.prepared, (f"operand {i}", kind_of(x)), lambda: like(self.operands[i], x))
