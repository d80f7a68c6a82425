"""How windows lie in frames: no more of them in a set of the cache than it holds, and frames only where they help."""

from collections import Counter

import pytest

from convlab_kernels.cpu.frames import layout
from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.micro_kernel import ROWS, SETS, WAYS, collide
from convlab_kernels.window import Window

PLACES = (11, 12)


def most_in_a_set(step):
    """Return how many of a block's rows, so many bytes apart, lie in the fullest set of the cache."""
    return max(Counter(row * step % SETS // LINE for row in range(ROWS)).values())


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("channels", [3, 16, 256, 512, 1008, 1024, 1040, 2048, 3072])
def test_windows_lie_in_sets_that_hold_them(channels, itemsize, stride):
    for window in (Window((1, 1), (stride, stride)), Window((2, 3), (stride, stride), ((1, 0), (0, 2)))):
        image = (11 * stride, 12 * stride, channels)
        found = layout(window, image, itemsize, PLACES, PLACES)
        assert most_in_a_set(found.stride[1] * found.pixel * itemsize) <= WAYS
        needed = window.kernel != (1, 1) or most_in_a_set(stride * channels * itemsize) > WAYS
        assert (found.size != (0, 0)) == needed


@pytest.mark.skipif(ROWS <= WAYS, reason="a set holds the rows of a block")
def test_rows_collide_where_there_are_more_than_a_set_holds():
    assert collide(SETS, WAYS + 1) and collide(3 * SETS, 99)
    assert not collide(SETS, WAYS) and not collide(SETS // 2, 99) and not collide(SETS + LINE, 99)


def test_a_frame_of_1_by_1_has_nothing_between_windows():
    found = layout(Window((1, 1), (3, 2)), (33, 24, 1024), 4, (11, 12), (5, 12))
    assert (found.size, found.stride) == (((5, 12), (1, 1)) if ROWS > WAYS else ((0, 0), (3, 2)))
    padded = layout(Window((1, 1), (3, 2), ((1, 0), (0, 0))), (33, 24, 1024), 4, (12, 12), (5, 12))
    assert (padded.size, padded.stride) == ((13, 23), (3, 2))
