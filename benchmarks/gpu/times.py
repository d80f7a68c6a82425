"""Times as data: the median and its spread, what it says in operations a second, and when that cannot be true."""

from collections.abc import Callable, Sequence
from typing import Any

from convlab.bench.spread import quartiles

TURN, LEAST, MOST = 0.1, 3, 50
"""About how many seconds of calls are timed, and how many calls at least and at most."""

FFMA = ("direct_strided", "direct", "tiled", "blocked", "implicit_gemm", "im2col", "cuBLAS")
"""What multiplies and adds each number of the definition in float32, without tensor cores."""
A_CLOCK = 256
"""Operations that a multiprocessor does at most in a clock without tensor cores: 128 multiply-adds."""


def spread(seconds: Sequence[float]) -> dict[str, Any]:
    """Return the quartiles of times, and how many they are."""
    low, median, high = quartiles(seconds)
    return {"median": median, "low": low, "high": high, "calls": len(seconds)}


def timed(seconds: Callable[[int], list[float]]) -> dict[str, Any]:
    """Return the spread of as many calls as make a turn; `seconds` times so many."""
    (first,) = seconds(1)
    return spread(seconds(max(LEAST, min(MOST, round(TURN / max(first, 1e-9))))))


def rated(name: str, flops: int, found: dict[str, Any], clocks: float) -> dict[str, Any]:
    """Return a spread with operations a second, and with a doubt where they are more than can be.

    `clocks` is what all multiprocessors have in a second at the GPU's fastest.
    """
    rate, most = flops / found["median"], A_CLOCK * clocks
    rated = found | {"flops_a_second": rate}
    if name not in FFMA or rate <= most:
        return rated
    doubt = f"at most {most / 1e12:.1f} TFLOP/s can be: what was timed may not be what was meant"
    return rated | {"doubt": doubt}
