"""The convolutions that every rung has to get right: no two of their sizes are equal."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, sum_bound


@dataclass(frozen=True)
class Case:
    """One convolution; its numbers follow from its fields."""

    image: tuple[int, int, int, int]  # N, H, W, C
    filters: int
    kernel: tuple[int, int] = (3, 2)
    stride: tuple[int, int] = (1, 1)
    padding: object = "valid"
    dilation: tuple[int, int] = (1, 1)

    @property
    def window(self):
        return Window.parse(self.kernel, self.stride, self.padding, self.dilation)

    @cache  # noqa: B019
    def arrays(self):
        """Return x (N, H, W, C), w (KH, KW, C, O), b (O,), float32; the exact sums, and of magnitudes, in float64."""
        random = np.random.default_rng([*self.image, self.filters, *self.kernel])
        shapes = self.image, (*self.kernel, self.image[3], self.filters), (self.filters,)
        x, w, b = (random.standard_normal(shape).astype(np.float32) for shape in shapes)
        total, magnitude = oracle.conv2d(x, w, self.stride, self.padding, self.dilation)
        return x, w, b, total + b, magnitude + np.abs(b)

    @property
    def terms(self):
        """Roundings in one output."""
        return self.kernel[0] * self.kernel[1] * self.image[3] + 1


ANY = [
    Case((2, 5, 7, 3), 6, (3, 4), padding=((1, 2), (3, 0))),
    Case((2, 9, 6, 5), 7, (3, 2), stride=(2, 1), padding="same"),
    Case((1, 8, 11, 4), 3, (2, 3), stride=(1, 2), dilation=(3, 2)),
    Case((3, 4, 5, 2), 33, (1, 1)),
    Case((2, 3, 7, 1), 5, (3, 5), padding=2),
    Case((1, 10, 4, 6), 9, (2, 3), stride=(3, 2), padding=((0, 1), (2, 1)), dilation=(2, 1)),
]
"""Convolutions of all kinds, small enough for one thread an output."""


def check(gpu, kernel, case, bound=None, relu=False, ceiling=np.inf, bias=True):
    """Assert that a rung, a class, computes a case: `bound(case)` from the exact answer, by default Higham's."""
    x, w, b, expected, magnitude = case.arrays()
    out = gpu.take(np.full(expected.shape, np.nan, np.float32))
    kernel(gpu.take(w), case.window)(gpu.take(x), out, gpu.take(b) if bias else None, relu, ceiling)
    if not bias:
        expected = expected - b
    if relu:
        expected = expected.clip(0, ceiling)
    allowed = sum_bound(case.terms, magnitude, np.float32) if bound is None else bound(case)
    assert_close(gpu.give(out), expected, allowed, f"{kernel.__name__} {case}")


def check_nan(gpu, kernel, case, place):
    """Assert that a NaN in x at (n, i, j, c) spoils the windows that see it, with ReLU too, and no other."""
    x, w, *_ = case.arrays()
    x = x.copy()
    x[place] = np.nan
    expected, magnitude = oracle.conv2d(x, w, case.stride, case.padding, case.dilation)
    assert 0 < np.isnan(expected).any(axis=3).sum() < expected[..., 0].size
    out = gpu.take(np.zeros(expected.shape, np.float32))
    kernel(gpu.take(w), case.window)(gpu.take(x), out, relu=True)
    bound = sum_bound(case.terms, magnitude, np.float32)
    assert_close(gpu.give(out), expected.clip(0, None), bound, f"{kernel.__name__} {case} {place}")
