"""The poolings that every pooling kernel has to get right."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from support import oracle
from support.closeness import assert_close, sum_bound

SIZES = [(2, 3), (3, 2), (4, 5), (1, 2)]
STRIDES = [None, (1, 1), (1, 2), (2, 1), (3, 2), (5, 4)]
PADDINGS = ["valid", "same", (1, 0), (0, 1), 1, (2, 1), ((1, 0), (0, 1)), ((0, 2), (2, 1))]
CHANNELS = 6


@dataclass(frozen=True)
class Pool:
    """One pooling of a fixed image."""

    size: tuple[int, int]
    stride: tuple[int, int] | None
    padding: object
    batch: int = 2
    image: tuple[int, int] = (9, 13)

    @property
    def sides(self):
        """((top, bottom), (left, right)), by the oracle's arithmetic."""
        return oracle.four_sides(self.padding, self.image, self.size, self.stride or self.size)

    @property
    def allowed(self):
        """Whether no side is padded by more than half of the window."""
        return all(max(pads) <= cells // 2 for pads, cells in zip(self.sides, self.size, strict=True))

    @property
    def x(self):
        """(N, H, W, C) float32, mostly below zero, so that zeros in the padding would win."""
        shape = (self.batch, *self.image, CHANNELS)
        return (np.random.default_rng(3).standard_normal(shape) - 1).astype(np.float32)

    def exact(self, reduce, x):
        """Return the oracle's float64 answer for images x."""
        return oracle.pool2d(reduce, x, self.size, self.stride or self.size, self.padding)


CASES = [
    *filter(lambda case: case.allowed, (Pool(*fields) for fields in product(SIZES, STRIDES, PADDINGS))),
    Pool((2, 3), None, 1, batch=0),
    Pool((4, 5), (3, 2), "same", image=(3, 4)),
    Pool((2, 3), (5, 4), "same", image=(7, 11)),
    Pool((1, 1), (2, 3), 0),
]


@cache
def largest(case):
    """Return the exact maxima."""
    return case.exact(oracle.largest, case.x)


@cache
def means(case):
    """Return the exact means of the values and of their magnitudes."""
    return case.exact(oracle.mean, case.x), case.exact(oracle.mean, np.abs(case.x))


def sweep_max_pool2d(pool, cases=CASES):
    """Assert that pool(x, size, stride, padding) is the maximum, to the bit."""
    for case, dtype in product(cases, (np.float32, np.float64)):
        actual = pool(case.x.astype(dtype), case.size, case.stride, case.padding)
        assert actual.dtype == dtype, f"{case}: dtype {actual.dtype}"
        assert_close(actual, largest(case), 0.0, str(case))


def sweep_avg_pool2d(pool, cases=CASES):
    """Assert that pool(x, size, stride, padding) is the mean of the cells inside, up to rounding."""
    for case, dtype in product(cases, (np.float32, np.float64)):
        actual = pool(case.x.astype(dtype), case.size, case.stride, case.padding)
        assert actual.dtype == dtype, f"{case}: dtype {actual.dtype}"
        expected, magnitude = means(case)
        terms = case.size[0] * case.size[1] + 1  # the sum's roundings and the division's
        assert_close(actual, expected, sum_bound(terms, magnitude, dtype), str(case))
