"""Arithmetic that an author wrote as x + 3 rather than as a layer: Keras 3 keeps it as a layer called on a number."""

from collections.abc import Callable

from convlab.layers import Layer, Rescaling

Operands = tuple[float | None, ...]  # None where a tensor stands
Line = tuple[float, float]  # scale, offset

LINES: dict[str, Callable[[float, bool], Line]] = {  # the number, and whether it stands first
    "Add": lambda number, first: (1.0, number),
    "Divide": lambda number, first: (1 / number, 0.0),
    "Multiply": lambda number, first: (number, 0.0),
    "Subtract": lambda number, first: (-1.0, number) if first else (1.0, -number),
    "TrueDivide": lambda number, first: (1 / number, 0.0),
}


def operator(name: str, kind: str, operands: Operands) -> Layer | None:
    """Return the layer that does the same, or None where there is none."""
    numbers = [number for number in operands if number is not None]
    if kind not in LINES or len(operands) != 2 or len(numbers) != 1:
        return None
    first = operands[0] is not None
    if kind.endswith("Divide") and (first or numbers[0] == 0):
        return None
    return Rescaling(name, *LINES[kind](numbers[0], first))
