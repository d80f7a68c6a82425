"""What a number of a network sees of the network's input."""

from typing import Literal

from convlab.explanation.contributions import Position
from convlab.explanation.explained import Seen
from convlab.model.receptive_field import Field


def seen(field: Field | Literal["varies"] | None, place: Position) -> Seen:
    """Return the box of the image behind a place in a layer that has the field, from its first cell to its last."""
    if not isinstance(field, Field):
        return field
    sides = (place.rows, place.columns) if place.slices is None else (place.slices, place.rows, place.columns)
    firsts, lasts = field.box(*(side[0] for side in sides)), field.box(*(side[-1] for side in sides))
    return tuple((first[0], last[1]) for first, last in zip(firsts, lasts, strict=True))
