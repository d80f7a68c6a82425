"""Rung 4: every way its tiles can be ragged, and what a number that is none spoils."""

import pytest

from convlab_kernels.cuda.blocked import Blocked
from support.cuda.rungs import ANY, Case, check, check_nan

TILES = [
    Case((3, 11, 8, 2), 131, (1, 5), padding=((1, 1), (0, 0))),  # 2 x 2 tiles of 2 steps, all ragged
    Case((1, 17, 8, 4), 128, (2, 1)),  # one whole tile
]


@pytest.mark.parametrize("case", ANY + TILES, ids=str)
def test_any_convolution(case, gpu):
    check(gpu, Blocked, case)


def test_relu_ceiling_and_no_bias(gpu):
    check(gpu, Blocked, ANY[3], relu=True, ceiling=1.5)
    check(gpu, Blocked, ANY[3], bias=False)


@pytest.mark.parametrize("place", [(0, -1, -1, -1), (-1, 0, 0, 0), (0, 2, 1, 1)])
def test_nan_spoils_the_windows_that_see_it(place, gpu):
    check_nan(gpu, Blocked, ANY[0], place)
