"""Layers applied to each of several steps: what the inner layer adds up at one of them."""

from dataclasses import replace

from convlab.errors import UnsupportedError
from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import TimeDistributed
from convlab.runtime.arrays import Array


@weighted_sum.register
def _at_one_step(layer: TimeDistributed, maps: Array, y: int, x: int, channel: int) -> WeightedSum:
    """Explain the step's own number; steps of vectors lie along a row, steps of sequences are rows."""
    if len(layer.input_shapes) > 1:
        raise UnsupportedError(f"layer {layer.name!r} merges inputs at each step: no explanation")
    in_a_row = len(layer.input_shape) == 2
    step = x if len(layer.output_shape) == 2 else y
    own = maps[:, step : step + 1] if in_a_row else maps[step : step + 1]
    within = (0, 0) if len(layer.output_shape) == 2 else (0, x)
    total = weighted_sum(layer.inner, own, *within, channel)
    return replace(total, place=_moved(total.place, step, in_a_row, maps))


def _moved(place: Position, step: int, in_a_row: bool, maps: Array) -> Position:
    """Return a place in one step as a place among all steps."""
    rows = range(place.rows.start, place.rows.stop) if in_a_row else range(step, step + 1)
    columns = range(step, step + 1) if in_a_row else place.columns
    return Position(rows, columns, place.channels, (maps.shape[0], maps.shape[1]))
