"""The distance of two arrays of one shape."""

from dataclasses import dataclass

import numpy as np

from convlab.runtime.arrays import Array


@dataclass(frozen=True)
class Distance:
    """Largest difference, relative L2 distance |a - b| / |b|, and where the largest difference is."""

    largest: float
    relative: float
    worst: tuple[int, ...] | None


def distance(a: Array, b: Array) -> Distance:
    """Compare a with the reference b, image by image in float64, so that a large batch needs little memory.

    NaN equals NaN, an infinity equals itself; either against anything else is infinitely far.
    """
    if not a.size:
        return Distance(0.0, 0.0, None)
    largest, worst, parts = -1.0, 0, []
    for i in range(len(a)):
        x, y = a[i].astype(np.float64).ravel(), b[i].astype(np.float64).ravel()
        difference = _difference(x, y)
        place = int(difference.argmax())
        if difference[place] > largest:
            largest, worst = float(difference[place]), i * x.size + place
        parts.append((_norm(difference), _norm(y)))
    apart, size = (_norm(np.array(norms)) for norms in zip(*parts, strict=True))
    relative = _ratio(apart if np.isfinite(largest) else largest, size)
    return Distance(largest, relative, tuple(int(side) for side in np.unravel_index(worst, a.shape)))


def precision(array: Array) -> float:
    """Return the distance from 1 to the next number in the type that an array was computed in; 0 for integers.

    float64 that holds nothing but float32 numbers was converted after it was computed.
    """
    if array.dtype.kind != "f":
        return 0.0
    if array.dtype.itemsize <= 4:
        return float(np.finfo(array.dtype).eps)
    return float(np.finfo(np.float64 if _is_double(array) else np.float32).eps)


def _is_double(array: Array) -> bool:
    """Whether float64 holds more than float32 could, or nothing but short numbers (0, pixels) that do not tell."""
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    short = not (single.view(np.uint32) & 0xFF).any()  # the last 8 of the 24 bits
    return short or not np.array_equal(array, single, equal_nan=True)


def _difference(x: Array, y: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        difference: Array = np.abs(x - y)
    if np.isfinite(difference.max(initial=0)):
        return difference
    unlike = np.isnan(difference)  # NaN or infinities are involved
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    difference[unlike] = np.where(same[unlike], 0, np.inf)
    return difference


def _norm(x: Array) -> float:
    """Return the L2 norm of the finite values; where squares overflow or vanish, of scaled ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        norm = float(np.linalg.norm(x))
    if 1e-100 < norm < 1e100:
        return norm
    x = x[np.isfinite(x)]
    scale = float(np.abs(x).max(initial=0))
    return scale * float(np.linalg.norm(x / scale)) if scale else 0.0


def _ratio(apart: float, size: float) -> float:
    if apart == 0:
        return 0.0
    return apart / size if size else float("inf")
