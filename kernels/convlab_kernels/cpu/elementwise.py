"""Elementwise kernels: as fast as the numbers come from memory, on all cores.

With `relu`, results are clipped at zero from below and at the ceiling from above (ReLU6 has 6); NaN stays NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import bounds, check_out, readable
from convlab_kernels.cpu.activation import LINE, apply, softmax
from convlab_kernels.cpu.runtime.jit import inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for

PACE = 3_000
"""Numbers that one thread reads and writes in a microsecond, roughly."""

__all__ = ["add", "apply", "clipped", "normalise", "rectify", "softmax"]


def normalise(
    x: NDArray[Any],
    mean: NDArray[Any],
    scale: NDArray[Any],
    shift: NDArray[Any],
    out: NDArray[Any],
    relu: bool = False,
    ceiling: float = np.inf,
) -> None:
    """Write (x - mean) * scale + shift into out (..., C); x is of its shape, the others are (C,).

    The mean is taken off first, as Ioffe and Szegedy have it (arXiv 1502.03167, algorithm 2): in x * scale + other
    shift, the digits would be lost of numbers that lie close together far from zero.
    """
    check_out(out, "normalise")
    cells, results = readable(x).reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1])
    args = (cells, readable(mean), readable(scale), readable(shift), results, *bounds(out.dtype, relu, ceiling))
    parallel_for(_normalise, args, len(cells), cost=x.size / PACE)


def add(a: NDArray[Any], b: NDArray[Any], out: NDArray[Any], relu: bool = False, ceiling: float = np.inf) -> None:
    """Write a + b into out, all three of one shape."""
    check_out(out, "add")
    left, right, results = readable(a).reshape(-1), readable(b).reshape(-1), out.reshape(-1)
    args = (left, right, results, *bounds(out.dtype, relu, ceiling))
    parallel_for(_add, args, len(results), LINE, cost=len(results) / PACE)


def rectify(x: NDArray[Any], out: NDArray[Any], ceiling: float = np.inf) -> None:
    """Write x, clipped at zero and at the ceiling, into out, of its shape."""
    check_out(out, "rectify")
    numbers, results = readable(x).reshape(-1), out.reshape(-1)
    args = (numbers, results, *bounds(out.dtype, True, ceiling))
    parallel_for(_clip, args, len(results), LINE, cost=len(results) / PACE)


@inlined
def clipped(number: Any, low: Any, high: Any) -> Any:
    """Return a number, but what is below `low` as `low`, and then what is above `high` as `high`; NaN stays NaN."""
    number = low if number < low else number
    return high if number > high else number


@shared
def _normalise(_, first, last, x, mean, scale, shift, out, low, high):
    for cell in range(first, last):
        for channel in range(x.shape[1]):
            number = (x[cell, channel] - mean[channel]) * scale[channel] + shift[channel]
            out[cell, channel] = clipped(number, low, high)


@shared
def _add(_, first, last, a, b, out, low, high):
    for i in range(first, last):
        out[i] = clipped(a[i] + b[i], low, high)


@shared
def _clip(_, first, last, x, out, low, high):
    for i in range(first, last):
        out[i] = clipped(x[i], low, high)
