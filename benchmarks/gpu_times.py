"""Times as data: the median and its spread, what it says in operations a second, and when it cannot be true."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

TURN, LEAST, MOST = 0.1, 3, 50
"""About how many seconds of calls are timed, and how many calls at least and at most."""

FFMA = ("direct_strided", "direct", "tiled", "blocked", "implicit_gemm", "im2col", "cuBLAS")
"""What multiplies and adds each number of the definition in float32, without tensor cores."""
FASTEST_FFMA = 58e12
"""Operations a second that no such program reaches on an H100 or H200, where 87 % of its instructions do the work."""


class TimingError(Exception):
    """A time that cannot be true."""


def spread(seconds: Sequence[float]) -> dict[str, Any]:
    """Return the quartiles of times, and how many they are."""
    low, median, high = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
    return {"median": median, "low": low, "high": high, "calls": len(seconds)}


def timed(seconds: Callable[[int], list[float]]) -> dict[str, Any]:
    """Return the spread of as many calls as make a turn; `seconds` times so many."""
    (first,) = seconds(1)
    return spread(seconds(max(LEAST, min(MOST, round(TURN / max(first, 1e-9))))))


def rated(name: str, flops: int, found: dict[str, Any]) -> dict[str, Any]:
    """Return a spread with operations a second; TimingError where they are more than can be."""
    rate = flops / found["median"]
    if name in FFMA and rate > FASTEST_FFMA:
        raise TimingError(
            f"timing error: {name} at {rate / 1e12:.1f} TFLOP/s, expected at most {FASTEST_FFMA / 1e12:.0f}:"
            " what was timed is not what was meant"
        )
    return found | {"flops_a_second": rate}
