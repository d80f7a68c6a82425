"""Elementwise kernels: as fast as the numbers come from memory, on all cores.

With `relu`, results are clipped at zero from below and at the ceiling from above (ReLU6 has 6); NaN stays NaN.
"""

from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import bounds, check_out, readable
from convlab_kernels.cpu.activation import apply, softmax
from convlab_kernels.cpu.elementwise_simd import clip_row, normalise_row
from convlab_kernels.cpu.merging import combine, combines
from convlab_kernels.cpu.moving import bilinear, frame, join, nearest
from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for
from convlab_kernels.cpu.standardising import standardise
from convlab_kernels.cpu.summarising import summarise

PACE = 3_000
"""Numbers that one thread reads and writes in a microsecond, roughly."""

__all__ = [
    "add",
    "apply",
    "bilinear",
    "clipped",
    "combine",
    "combines",
    "frame",
    "join",
    "nearest",
    "normalise",
    "rectify",
    "softmax",
    "standardise",
    "summarise",
]


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
    channels = x.shape[-1]
    several = gcd(x.size // channels, LINE // gcd(LINE, channels)) if channels else 1  # cells that are whole lines
    cells, results = readable(x).reshape(-1, several * channels), out.reshape(-1, several * channels)
    numbers = (readable(np.concatenate([array] * several)) for array in (mean, scale, shift))
    args = (cells, *numbers, results, *bounds(out.dtype, relu, ceiling))
    parallel_for(_normalise, args, len(cells), cost=x.size / PACE)


def add(a: NDArray[Any], b: NDArray[Any], out: NDArray[Any], relu: bool = False, ceiling: float = np.inf) -> None:
    """Write a + b into out, all three of one shape."""
    combine("add", a, b, out, relu, ceiling)


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
    channels = x.shape[1]
    for cell in range(first, last):
        source, target = address(x, cell * channels), address(out, cell * channels)
        normalise_row((source, address(mean, 0), address(scale, 0), address(shift, 0)), target, channels, low, high)


@shared
def _clip(_, first, last, x, out, low, high):
    clip_row((address(x, first),), address(out, first), last - first, low, high)
