"""Layer normalisation: by statistics of each row's own numbers. Ba et al., arXiv 1607.06450, section 3.

    out (..., C) = (x - mean) / sqrt(variance + epsilon) * gamma (C,) + beta (C,)

The sums are of float64, side by side in as many places as a loop needs to go through vectors of numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out, readable
from convlab_kernels.cpu.runtime.jit import inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for

SIDE_BY_SIDE = 32
"""Sums that a row's numbers are first added up in."""

PACE = 1_000
"""Numbers that one thread normalises in a microsecond, roughly."""


def standardise(
    x: NDArray[Any], gamma: NDArray[Any], beta: NDArray[Any], out: NDArray[Any], epsilon: float, centred: bool = True
) -> None:
    """Normalise the last axis of x into out, of its shape; the mean stays where `centred` is false."""
    check_out(out, "standardise")
    rows, results = readable(x).reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1])
    args = (rows, readable(gamma), readable(beta), results, out.dtype.type(epsilon), centred)
    parallel_for(_standardise, args, len(rows), cost=x.size / PACE)


@shared
def _standardise(_, first, last, x, gamma, beta, out, epsilon, centred):
    """Normalise the rows first to last."""
    sums, zero = np.empty(SIDE_BY_SIDE, np.float64), epsilon * 0
    for row in range(first, last):
        given, made = x[row], out[row]
        mean = x.dtype.type(_sum(given, sums) / len(given))
        for k in range(len(given)):
            distance = given[k] - mean
            made[k] = distance * distance
        deviation = np.sqrt(x.dtype.type(_sum(made, sums) / len(given)) + epsilon)
        middle = mean if centred else zero
        for k in range(len(given)):
            made[k] = (given[k] - middle) / deviation * gamma[k] + beta[k]


@inlined
def _sum(numbers, sums):
    """Return the sum of numbers, in float64."""
    sums[:] = 0
    whole = len(numbers) // len(sums) * len(sums)
    for start in range(0, whole, len(sums)):
        part = numbers[start : start + len(sums)]
        for k in range(len(sums)):
            sums[k] += part[k]
    total = 0.0
    for k in range(len(sums)):
        total += sums[k]
    for k in range(whole, len(numbers)):
        total += numbers[k]
    return total
