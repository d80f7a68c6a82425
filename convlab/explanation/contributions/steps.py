"""Layers applied to each of several steps: what the inner layer adds up at one of them."""

from dataclasses import replace

from convlab.explanation.contributions.base import WeightedSum, weighted_sum
from convlab.explanation.contributions.position import Position
from convlab.layers import TimeDistributed
from convlab.runtime.arrays import Array, Shape


@weighted_sum.register
def _at_one_step(layer: TimeDistributed, maps: Array, y: int, x: int, channel: int, shape: Shape) -> WeightedSum:
    """Explain the step's own number; steps of vectors lie along a row, steps of sequences are rows."""
    in_a_row, out_in_a_row = len(shape) == 2, len(layer.infer_shape(shape)) == 2
    step = x if out_in_a_row else y
    own = maps[:, step : step + 1] if in_a_row else maps[step : step + 1]
    within = (0, 0) if out_in_a_row else (0, x)
    total = weighted_sum(layer.inner, own, *within, channel, shape[1:])
    return replace(total, place=_moved(total.place, step, in_a_row, maps))


def _moved(place: Position, step: int, in_a_row: bool, maps: Array) -> Position:
    """Return a place in one step as a place among all steps."""
    rows = range(place.rows.start, place.rows.stop) if in_a_row else range(step, step + 1)
    columns = range(step, step + 1) if in_a_row else place.columns
    return Position(rows, columns, place.channels, (maps.shape[0], maps.shape[1]))
