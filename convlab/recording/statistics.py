"""Statistics of the numbers of one layer, as a whole and channel by channel."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from convlab.markup.html import html_table
from convlab.runtime.arrays import Array

NUMBERS = "min", "mean", "max", "std", "zeros"
LISTED = 32  # channels of a layer in a notebook's table


@dataclass(frozen=True, repr=False)
class Statistics:
    """Statistics of an activation (N, ..., C): arrays (C,) per channel, and the layer's own as properties.

    Attributes
    ----------
    minima, maxima, means, deviations : array (C,), float64
        Over the batch and all places; NaN where a channel holds one.
    zeros : array (C,), float64
        Share of values that are exactly zero.
    """

    minima: Array
    maxima: Array
    means: Array
    deviations: Array
    zeros: Array

    def __repr__(self) -> str:
        return (
            f"<Statistics of {len(self.zeros)} channels: min {self.min:.4g}, max {self.max:.4g},"
            f" mean {self.mean:.4g}, std {self.std:.4g}, {self.zero_share:.0%} zeros, {len(self.dead)} all zero>"
        )

    def _repr_html_(self) -> str:
        numbers = [self.min, self.mean, self.max, self.std]
        columns = self.minima, self.means, self.maxima, self.deviations, self.zeros
        rows = [("channel", *NUMBERS), ("all", *_written(numbers, self.zero_share))]
        rows += [(str(i), *_written(values, zeros)) for i, (*values, zeros) in enumerate(zip(*columns, strict=True))]
        rest = len(rows) - 2 - LISTED
        notes = [f"and {rest:,} more channels"] if rest > 0 else []
        return html_table(rows[: 2 + LISTED], ">", title=repr(self)[1:-1], notes=notes)

    @property
    def min(self) -> float:
        """Smallest value of the layer."""
        return float(self.minima.min())

    @property
    def max(self) -> float:
        """Largest value of the layer."""
        return float(self.maxima.max())

    @property
    def mean(self) -> float:
        """Mean over the layer."""
        with np.errstate(invalid="ignore"):
            return float(self.means.mean())

    @property
    def std(self) -> float:
        """Standard deviation over the layer: the variance within channels plus that between their means."""
        with np.errstate(invalid="ignore"):
            return float(np.sqrt((self.deviations**2).mean() + self.means.var()))

    @property
    def zero_share(self) -> float:
        """Share of the layer's values that are exactly zero."""
        return float(self.zeros.mean())

    @property
    def dead(self) -> list[int]:
        """The channels that are zero everywhere."""
        return [int(channel) for channel in np.flatnonzero(self.zeros == 1)]


def _written(values: Iterable[float], zeros: float) -> list[str]:
    return [*(f"{value:.4g}" for value in values), f"{zeros:.0%}"]


def statistics(activation: Array) -> Statistics:
    """Return the statistics of an activation (N, ..., C); an empty batch has none (NaN)."""
    rows = activation.reshape(-1, activation.shape[-1])  # (N*H*W, C)
    if not len(rows):
        nothing = np.full(rows.shape[1], np.nan)
        return Statistics(nothing, nothing, nothing, nothing, nothing)
    with np.errstate(invalid="ignore"):  # a deviation of infinities is NaN
        return Statistics(
            minima=rows.min(axis=0).astype(np.float64),
            maxima=rows.max(axis=0).astype(np.float64),
            means=rows.mean(axis=0, dtype=np.float64),
            deviations=rows.std(axis=0, dtype=np.float64),
            zeros=(rows == 0).mean(axis=0, dtype=np.float64),
        )
