"""Rung 3: every way its tiles can be ragged, and what a number that is none spoils."""

import numpy as np
import oracle
import pytest
from closeness import assert_close, sum_bound
from rungs import ANY, Case, check

from convlab_kernels.cuda.tiled import Tiled

TILES = [
    Case((2, 8, 5, 7), 35, (3, 4), padding=((2, 2), (3, 1))),  # 8 x 3 tiles of 6 steps, all ragged
    Case((1, 5, 4, 8), 16, (2, 1)),  # one whole tile
]


@pytest.mark.parametrize("case", ANY + TILES, ids=str)
def test_any_convolution(case, gpu):
    check(gpu, Tiled, case)


def test_relu_ceiling_and_no_bias(gpu):
    check(gpu, Tiled, ANY[0], relu=True, ceiling=1.5)
    check(gpu, Tiled, ANY[1], bias=False)


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


@pytest.mark.parametrize("place", [(0, -1, -1, -1), (-1, 0, 0, 0), (0, 2, 1, 1)])
@pytest.mark.parametrize("case", ANY[:2], ids=str)
def test_nan_spoils_the_windows_that_see_it(case, place, gpu):
    check_nan(gpu, Tiled, case, place)
