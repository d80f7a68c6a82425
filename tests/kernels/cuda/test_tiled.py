"""Rung 3: every way its tiles can be ragged, and what a number that is none spoils."""

import pytest

from convlab_kernels.cuda.tiled import Tiled
from support.cuda.rungs import ANY, Case, check, check_nan

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


@pytest.mark.parametrize("place", [(0, -1, -1, -1), (-1, 0, 0, 0), (0, 2, 1, 1)])
@pytest.mark.parametrize("case", ANY[:2], ids=str)
def test_nan_spoils_the_windows_that_see_it(case, place, gpu):
    check_nan(gpu, Tiled, case, place)
