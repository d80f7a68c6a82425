"""Winograd's minimal filters in one dimension, as arithmetic on anything that adds and multiplies.

F(m, 3) computes m outputs of a filter of 3 taps from m + 2 inputs in m + 2 products: filter and inputs, seen as
polynomials, are evaluated in m + 1 points and at infinity, multiplied there, and interpolated (Toom and Cook).
Winograd, "Arithmetic complexity of computations" (1980); Lavin and Gray, "Fast algorithms for convolutional neural
networks" (arXiv 1509.09308), section 4.

    outputs (m) = output((G @ filter (3)) * input(inputs (m + 2)))

The same functions transform arrays, in tests, the vectors of a kernel that is being written for a CPU, and a GPU's
numbers, for which they are compiled: `number` makes constants of their type, where that matters.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = Any  # what has numbers at 0, 1, 2, ...
Made = tuple[Any, ...]
Type = Callable[[float], Any]


class Minimal(Protocol):
    """F(m, 3).

    `amplification` is how many times the rounding errors of the definition those of F(m x m, 3 x 3) are, in the root
    mean square over independent inputs: the largest sum over k of a_k^2 |G_k|^2 |B_k|^2 / 3 for a row a of A.T, which
    is a ratio of variances in one dimension, and of deviations in two.
    """

    outputs: int
    amplification: float
    filter: NDArray[np.float64]

    @staticmethod
    def input(d: Numbers, number: Type = float) -> Made:
        """Transform m + 2 inputs."""

    @staticmethod
    def output(m: Numbers, number: Type = float) -> Made:
        """Return m outputs from m + 2 products."""


class F2:
    """F(2, 3) in the points 0, 1, -1."""

    outputs = 2
    amplification = 1.7
    filter = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])

    @staticmethod
    def input(d: Numbers, number: Type = float) -> Made:
        """Transform 4 inputs."""
        return d[0] - d[2], d[1] + d[2], d[2] - d[1], d[3] - d[1]

    @staticmethod
    def output(m: Numbers, number: Type = float) -> Made:
        """Return 2 outputs from 4 products."""
        return m[0] + m[1] + m[2], m[1] - m[2] + m[3]


class F4:
    """F(4, 3) in the points 0, 1, -1, 2, -2."""

    outputs = 4
    amplification = 31.5
    filter = np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    )

    @staticmethod
    def input(d: Numbers, number: Type = float) -> Made:
        """Transform 6 inputs; the points 1 and -1, and 2 and -2, share what is even and what is odd."""
        two, four = number(2), number(4)
        even1, odd1 = d[4] - four * d[2], d[3] - four * d[1]
        even2, odd2 = d[4] - d[2], two * (d[3] - d[1])
        first, last = four * (d[0] - d[2]) + even2, four * (d[1] - d[3]) + (d[5] - d[3])
        return first, even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2, last

    @staticmethod
    def output(m: Numbers, number: Type = float) -> Made:
        """Return 4 outputs from 6 products."""
        even1, odd1 = m[1] + m[2], m[1] - m[2]
        even2, odd2 = m[3] + m[4], m[3] - m[4]
        two, four, eight = number(2), number(4), number(8)
        return m[0] + even1 + even2, odd1 + two * odd2, even1 + four * even2, odd1 + eight * odd2 + m[5]
