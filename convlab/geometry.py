"""What a chain of windows adds up to: the box of the image that one unit of a layer sees.

Recurrences: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (Distill 2019),
section "Computing the receptive field region". A box is kept as the cells (start, end) seen by unit (0, 0), from
which every other unit's box is `jump` cells further; start is negative where the unit looks into the padding.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from convlab_kernels.window import Pair, Window


@dataclass(frozen=True)
class Field:
    """Receptive field of a layer, in cells of the image, (height, width) pairs.

    Attributes
    ----------
    start, end
        First and last row and column that the layer's unit (0, 0) sees (last one included).
    jump
        Distance in the image between the boxes of two neighbouring units.
    """

    start: Pair = (0, 0)
    end: Pair = (0, 0)
    jump: Pair = (1, 1)

    @property
    def size(self) -> Pair:
        """Rows and columns of the box: end - start + 1."""
        return self.end[0] - self.start[0] + 1, self.end[1] - self.start[1] + 1

    def box(self, y: int, x: int) -> tuple[Pair, Pair]:
        """Return ((first row, last row), (first column, last column)) seen by unit (y, x), padding included."""
        rows = (self.start[0] + y * self.jump[0], self.end[0] + y * self.jump[0])
        columns = (self.start[1] + x * self.jump[1], self.end[1] + x * self.jump[1])
        return rows, columns

    def union(self, other: "Field") -> "Field | Literal['varies']":
        """Return the field of a unit that sees both boxes; one that moves unevenly where their jumps differ."""
        if self.jump != other.jump:
            return "varies"
        start = min(self.start[0], other.start[0]), min(self.start[1], other.start[1])
        end = max(self.end[0], other.end[0]), max(self.end[1], other.end[1])
        return Field(start, end, self.jump)

    def through(self, window: Window, size: Pair) -> "Field":
        """Return the field behind `window`, walking over a layer of `size` (H, W) that has this field."""
        (top, _), (left, _) = window.pads(size)
        start = (self.start[0] - top * self.jump[0], self.start[1] - left * self.jump[1])
        reach = ((window.extent[0] - 1 - top) * self.jump[0], (window.extent[1] - 1 - left) * self.jump[1])
        return Field(
            start,
            (self.end[0] + reach[0], self.end[1] + reach[1]),
            (self.jump[0] * window.stride[0], self.jump[1] * window.stride[1]),
        )


Seen = Field | Literal["varies"] | None
Call = tuple[str, tuple[str, ...], Window | Literal["varies"] | None]


def receptive_fields(
    inputs: Iterable[str], calls: Iterable[Call], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Seen]:
    """Return what each node of a graph sees of the image: a field, None for all of it, or "varies".

    Parameters
    ----------
    inputs
        Names of the graph's inputs.
    calls
        (name, names of what it takes, window) of each node, in order of execution.
    shapes
        Of every input and node, without the batch; only (H, W, C), and (W, C) as one row, have a field.
    """
    fields: dict[str, Seen] = {name: Field() if len(shapes[name]) in (2, 3) else None for name in inputs}
    for name, sources, window in calls:
        behind = [_behind(fields[source], window, shapes[source]) for source in sources]
        fields[name] = reduce(_union, behind)
    return fields


def _behind(field: Seen, window: Window | Literal["varies"] | None, shape: tuple[int, ...]) -> Seen:
    if field is None or window is None:
        return None
    if field == "varies" or window == "varies":
        return "varies"
    height, width = (1, *shape)[-3:-1]
    return field.through(window, (height, width))


def _union(a: Seen, b: Seen) -> Seen:
    if a is None or b is None:
        return None
    return "varies" if a == "varies" or b == "varies" else a.union(b)
