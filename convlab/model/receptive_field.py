"""The receptive field of a chain of windows: the box of the image that one unit of a layer sees.

Recurrences: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (Distill 2019),
section "Computing the receptive field region". A box is kept as the cells (start, end) seen by unit (0, 0), from
which every other unit's box is `jump` cells further; start is negative where the unit looks into the padding.

A box has two sides in an image, three in a volume.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

from convlab.layers.base import Walk
from convlab_kernels.window import Pair, Window
from convlab_kernels.window3d import Window3D

Cells = tuple[int, ...]


@dataclass(frozen=True)
class Field:
    """Receptive field of a layer, in cells of the image: (height, width), of a volume (depth, height, width).

    Attributes
    ----------
    start, end
        First and last row and column that the layer's unit (0, 0) sees (last one included).
    jump
        Distance in the image between the boxes of two neighbouring units.
    """

    start: Cells = (0, 0)
    end: Cells = (0, 0)
    jump: Cells = (1, 1)

    @classmethod
    def of_cell(cls, axes: int) -> "Field":
        """Return the field of the image's own cells, along so many axes."""
        return cls((0,) * axes, (0,) * axes, (1,) * axes)

    @property
    def size(self) -> Cells:
        """Rows and columns of the box: end - start + 1."""
        return tuple(end - start + 1 for start, end in zip(self.start, self.end, strict=True))

    def box(self, *unit: int) -> tuple[Pair, ...]:
        """Return ((first row, last row), (first column, last column)) seen by unit (y, x), padding included."""
        sides = zip(self.start, self.end, self.jump, unit, strict=True)
        return tuple((start + at * jump, end + at * jump) for start, end, jump, at in sides)

    def units_seeing(self, cell: Cells, size: Cells) -> tuple[range, ...]:
        """Return which units of a layer of `size` (H, W) see a cell (y, x) of the image, by rows and columns.

        The projective field of the cell, by its box: of a dilated window some of them look beside it.
        """
        sides = zip(cell, self.start, self.end, self.jump, size, strict=True)
        return tuple(
            range(max(-((end - at) // jump), 0), min((at - start) // jump, n - 1) + 1)
            for at, start, end, jump, n in sides
        )

    def union(self, other: "Field") -> "Field | Literal['varies']":
        """Return the field of a unit that sees both boxes; one that moves unevenly where their jumps differ."""
        if self.jump != other.jump:
            return "varies"
        return Field(tuple(map(min, self.start, other.start)), tuple(map(max, self.end, other.end)), self.jump)

    def through(self, window: Window | Window3D, size: Cells) -> "Field":
        """Return the field behind `window`, walking over a layer of `size` (H, W) that has this field."""
        if window == Window((1, 1)):  # whatever the number of axes
            return self
        walk: Any = window
        before = [first for first, _ in walk.pads(size)]
        starts = zip(self.start, before, self.jump, strict=True)
        ends = zip(self.end, before, self.jump, walk.extent, strict=True)
        return Field(
            tuple(start - pad * jump for start, pad, jump in starts),
            tuple(end + (extent - 1 - pad) * jump for end, pad, jump, extent in ends),
            tuple(jump * stride for jump, stride in zip(self.jump, walk.stride, strict=True)),
        )


Seen = Field | Literal["varies"] | None
Call = tuple[str, tuple[str, ...], Walk]


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
        Of every input and node, without the batch; only (D, H, W, C), (H, W, C), and (W, C) as one row, have a field.
    """
    fields: dict[str, Seen] = {
        name: Field.of_cell(3 if len(shapes[name]) == 4 else 2) if len(shapes[name]) in (2, 3, 4) else None
        for name in inputs
    }
    for name, sources, window in calls:
        behind = [_behind(fields[source], window, shapes[source]) for source in sources]
        fields[name] = reduce(_union, behind)
    return fields


def _behind(field: Seen, window: Walk, shape: tuple[int, ...]) -> Seen:
    if field is None or window is None:
        return None
    if field == "varies" or window == "varies":
        return "varies"
    size = (1, *shape)[-1 - len(field.jump) : -1]
    return field.through(window, size)


def _union(a: Seen, b: Seen) -> Seen:
    if a is None or b is None:
        return None
    return "varies" if a == "varies" or b == "varies" else a.union(b)
