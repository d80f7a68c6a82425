"""What the channels of activations are like: of each picture's, in one reading, all that statistics are made of.

Sums are of float64, of distances from a number s of the channel itself, and of their squares:

    mean = s + sum(x - s) / n                      variance = sum((x - s)^2) / n - (sum(x - s) / n)^2

(Chan, Golub and LeVeque, The American Statistician 37, 1983). Where s is far from the mean, digits cancel in the
variance; but none of n numbers is further from their mean than sqrt(n - 1) standard deviations (Samuelson, Journal of
the American Statistical Association 63, 1968), so that at most the factor n is lost of float64's digits.
"""

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import readable
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for

WIDTH = 512
"""Numbers that are summed side by side, about: the places of few channels go together, as if they had more."""

PACE = 1_500
"""Numbers that one thread takes in, in a microsecond, roughly."""


@dataclass(frozen=True)
class Summary:
    """What was found of activations (N, P, C), or of parts of them with the same number of places each.

    Attributes
    ----------
    count : int
        Numbers of a channel in a part.
    means, variances, peaks, minima : arrays (N, parts, C)
        Peaks and minima of numbers that are not NaN; where all are, infinite.
    zeros, nans : arrays (N, parts, C) of int32
        How many numbers are zero, and NaN.
    """

    count: int
    means: NDArray[Any]
    variances: NDArray[Any]
    peaks: NDArray[Any]
    minima: NDArray[Any]
    zeros: NDArray[Any]
    nans: NDArray[Any]


def summarise(x: NDArray[Any]) -> Summary:
    """Return what each channel of each picture is like, x (N, P, C) with P and C above 0."""
    pictures, places, channels = x.shape
    parts = gcd(places, 1 << max(0, (WIDTH // channels).bit_length() - 1))
    shape = pictures, parts * channels
    shifts, sums, squares = (np.empty(shape, np.float64) for _ in range(3))
    peaks, minima = (np.empty(shape, x.dtype) for _ in range(2))
    zeros, nans = (np.empty(shape, np.int32) for _ in range(2))
    cells = readable(x).reshape(pictures, places // parts, parts * channels)
    args = (cells, shifts, sums, squares, peaks, minima, zeros, nans)
    parallel_for(_summarise, args, pictures, cost=x.size / PACE)
    count = places // parts
    with np.errstate(invalid="ignore"):  # infinities have no variance
        distances = sums / count
        variances = np.maximum(squares / count - distances**2, 0)  # NaN stays
    found = shifts + distances, variances, peaks, minima, zeros, nans
    return Summary(count, *(array.reshape(pictures, parts, channels) for array in found))


@shared
def _summarise(_, first, last, x, shifts, sums, squares, peaks, minima, zeros, nans):
    """Sum up the pictures first to last; loops of few arrays each, which compilers make vectors of."""
    for picture in range(first, last):
        shift, total, square = shifts[picture], sums[picture], squares[picture]
        peak, low, zero, nan = peaks[picture], minima[picture], zeros[picture], nans[picture]
        for k in range(x.shape[2]):
            number = x[picture, 0, k]
            shift[k] = number if np.isfinite(number) else 0
            total[k], square[k], peak[k], low[k], zero[k], nan[k] = 0, 0, -np.inf, np.inf, 0, 0
        for row in range(x.shape[1]):
            given = x[picture, row]
            for k in range(len(given)):
                distance = given[k] - shift[k]
                total[k] += distance
                square[k] += distance * distance
            for k in range(len(given)):
                peak[k] = given[k] if given[k] > peak[k] else peak[k]
                low[k] = given[k] if given[k] < low[k] else low[k]
            for k in range(len(given)):
                zero[k] += given[k] == 0
                nan[k] += given[k] != given[k]
