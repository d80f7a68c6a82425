"""Convolutions for Winograd's kernels, and what their results may err by."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from convlab_kernels.cpu import METHODS
from convlab_kernels.minimal_filters import F2, F4
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, gamma
from support.kernels.winograd_bound import winograd_bound

KERNELS = {"winograd": F4, "winograd2x2": F2}


@dataclass(frozen=True)
class Case:
    """A convolution with kernels of 3 x 3."""

    batch: int
    size: tuple[int, int]
    channels: int
    filters: int
    padding: object = 1

    @property
    def sides(self):
        return oracle.four_sides(self.padding, self.size, (3, 3))

    @property
    def output(self):
        return tuple(cells + sum(pads) - 2 for cells, pads in zip(self.size, self.sides, strict=True))

    def tiles(self, m):
        return self.batch * -(-self.output[0] // m) * -(-self.output[1] // m)

    @property
    def arrays(self):
        """Return x (N, H, W, C), w (3, 3, C, O) and b (O,), float32."""
        random = np.random.default_rng([self.batch, *self.size, self.channels, self.filters])
        shapes = (self.batch, *self.size, self.channels), (3, 3, self.channels, self.filters), (self.filters,)
        return tuple(random.standard_normal(shape).astype(np.float32) for shape in shapes)


CASES = [
    Case(1, (1, 1), 1, 2),  # one pixel, seen by the middle of the kernel alone
    Case(2, (1, 1), 5, 3, 2),
    Case(1, (1, 2), 3, 4, ((0, 2), (1, 0))),
    Case(1, (3, 4), 2, 5, "valid"),
    Case(1, (3, 3), 2, 1, "valid"),  # one place
    Case(2, (4, 5), 7, 6, "same"),
    Case(3, (5, 4), 4, 9, ((1, 2), (3, 0))),
    Case(0, (6, 7), 4, 9),
    Case(0, (27, 41), 4, 9),
    Case(2, (5, 3), 4, 9, (5, 6)),  # tiles that see padding alone
    Case(1, (9, 13), 16, 32),  # whole registers, one panel
    Case(2, (8, 12), 32, 64, "valid"),
    Case(1, (6, 10), 64, 33),
    Case(1, (10, 6), 67, 15),
    Case(1, (7, 11), 31, 67),
    Case(3, (9, 6), 8, 65, ((2, 1), (0, 1))),
    Case(1, (11, 7), 17, 161),  # panels in more than one group
    Case(1, (45, 43), 3, 5),  # many tiles
    Case(2, (37, 31), 16, 7),
    Case(3, (31, 25), 5, 33, "same"),
    Case(2, (33, 29), 9, 4, ((0, 2), (1, 0))),
    Case(1, (44, 52), 32, 3, "valid"),
    Case(2, (31, 33), 1, 2, (0, 4)),
    Case(1, (18, 98), 2, 3, 2),
    Case(1, (21, 25), 3, 2),
    Case(1, (20, 44), 6, 11),  # many, and few in the last block, of 6 rows as of 14
    Case(1, (5, 9), 1024, 3),  # tiles that begin in one set of the cache
    Case(1, (5, 6), 1024, 161),
]


@cache
def exact(case):
    """Return the exact sums, without the bias."""
    x, w, _ = case.arrays
    return oracle.conv2d(x, w, padding=case.padding)[0]


@cache
def allowed(case, method, dtype):
    """Return what each sum may err by; the oracle's own error is in it."""
    x, w, _ = case.arrays
    bound = winograd_bound(KERNELS[method], x, w, case.sides, dtype)
    return bound + gamma(9 * case.channels, np.float64) * oracle.conv2d(np.abs(x), np.abs(w), padding=case.padding)[0]


def filled(method, case, dtype=np.float32, bias=None, x=None, **finish):
    """Return what the kernel writes over NaN."""
    images, w, _ = (array.astype(dtype) for array in case.arrays)
    out = np.full((case.batch, *case.output, case.filters), np.nan, dtype)
    METHODS[method](w, Window.parse(3, padding=case.padding), 1)(images if x is None else x, out, bias, **finish)
    return out


def check(method, case, dtype, bias):
    b = case.arrays[2].astype(dtype) if bias else np.zeros(case.filters, dtype)
    out = filled(method, case, dtype, b if bias else None)
    total = exact(case) + b
    bound = allowed(case, method, dtype) * (1 + gamma(1, dtype)) + gamma(1, dtype) * np.abs(total)
    assert_close(out, total, bound, f"{case}, {method}, {np.dtype(dtype)}, bias {bias}")
