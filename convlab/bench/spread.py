"""The spread of measurements: quartiles, for nothing that others do on a machine moves them far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median, the upper quartile."""
    low, median, high = np.percentile(values, (25, 50, 75)).tolist()
    return low, median, high


@dataclass(frozen=True)
class Spread:
    """Seconds of many calls."""

    seconds: tuple[float, ...]

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """The lower quartile, the median, the upper quartile."""
        return quartiles(self.seconds)

    @property
    def median(self) -> float:
        """The median."""
        return self.quartiles[1]

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        low, median, high = self.quartiles
        return {"calls": len(self.seconds), "median": median, "lower_quartile": low, "upper_quartile": high}
