"""What a layer's numbers are like, for a page."""

from typing import Any

import numpy as np

from convlab.explorer.strict import number, shortened
from convlab.recording.statistics import statistics
from convlab.runtime.arrays import Array

BINS = 40


def told_numbers(values: Array) -> dict[str, Any]:
    """Return the statistics of what a layer made of one image, (..., C)."""
    finite = values[np.isfinite(values)]
    with np.errstate(invalid="ignore", over="ignore"):
        found = statistics(values[None])
        told = {name: number(getattr(found, name)) for name in ("min", "max", "mean", "std")}
        strength = np.abs(values, dtype=np.float64).reshape(-1, values.shape[-1]).mean(axis=0)
    return {
        "zeros": number(found.zero_share),
        "dead": len(found.dead),
        **told,
        "nonfinite": values.size - finite.size,
        "histogram": _histogram(finite),
        "strength": [shortened(value, 4) for value in strength],
    }


def _histogram(finite: Array) -> dict[str, Any]:
    if not finite.size:
        return {"edges": [], "counts": []}
    low, high = float(finite.min()), float(finite.max())
    if low == high:  # one bar, around the only number there is
        return {"edges": [low, high], "counts": [int(finite.size)]}
    counts, edges = np.histogram(finite, BINS, (low, high))
    return {"edges": edges.tolist(), "counts": counts.tolist()}
