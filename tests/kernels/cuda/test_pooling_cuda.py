"""Pools on the GPU: every walk of the window, channels in several rounds, NaN, parts, and barriers one by one."""

from types import SimpleNamespace

import numpy as np
import pytest

from convlab.simulator import machine
from convlab.simulator.machine import Machine, getcurrent, simulate
from convlab_kernels.cuda import convolution, pooling
from convlab_kernels.cuda.compiler.language import Kernel
from convlab_kernels.cuda.pooling import ROWS, SHARE
from convlab_kernels.errors import ShapeError, UnsupportedError
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, gamma, sum_bound

# in the simulator NumPy computes, which warns where a GPU does not
WINDOWS = [  # image, window, stride, padding
    ((2, 6, 11, 3), (2, 3), (2, 3), 0),
    ((2, 5, 8, 4), (3, 2), (2, 1), "same"),
    ((3, 4, 7, 67), (4, 5), (1, 2), ((2, 1), (0, 2))),
    ((1, 9, 5, 2), (1, 1), (3, 2), 0),
    ((2, 1, 3, 5), (3, 4), (1, 1), "same"),
]

IMAGES = [(3, 4, 5, 7), (2, 1, 1, 3), (1, 2, 3, 33), (2, 17, 19, 34), (1, 23, 45, 2)]  # of 1 to 1035 cells

BLOCK = ROWS * SHARE
"""Cells that a block reduces to one."""


def numbers(image):
    """Return images, mostly below zero, so that zeros in the padding would win."""
    return (np.random.default_rng(image).standard_normal(image) - 1).astype(np.float32)


def pooled(gpu, pool, x, *window):
    """Return what a pool makes of x."""
    size = window[0].output_size(x.shape[1:3]) if window else ()
    out = gpu.take(np.full((len(x), *size, x.shape[3]), 9, np.float32))
    pool(gpu.take(x), out, *window)
    return gpu.give(out)


def mean_bound(cells, magnitude):
    """Return how far the mean of a channel may lie from the exact one, whose numbers' magnitudes have this mean."""
    levels = 1 if cells <= BLOCK else 2 if cells <= BLOCK**2 else 3
    return sum_bound(levels * (SHARE - 1 + np.log2(ROWS)) + 2, magnitude, np.float32)


def check_windows(gpu, x, size, stride, padding):
    """Assert that both pools are the oracle's."""
    window = Window.parse(size, stride, padding)
    largest = oracle.pool2d(oracle.largest, x, size, stride, padding)
    assert_close(pooled(gpu, pooling.max_pool, x, window), largest, 0.0)
    with np.errstate(invalid="ignore"):
        mean, magnitude = (oracle.pool2d(oracle.mean, a, size, stride, padding) for a in (x, np.abs(x)))
    bound = sum_bound(size[0] * size[1] + 1, magnitude, np.float32)
    assert_close(pooled(gpu, pooling.avg_pool, x, window), mean, bound)
    return largest


def check_channels(gpu, x):
    """Assert that both global pools are the oracle's."""
    cells = x.shape[1] * x.shape[2]
    listed = [[x[n, :, :, c].ravel().tolist() for c in range(x.shape[3])] for n in range(len(x))]
    largest = np.array([[oracle.largest(channel) for channel in image] for image in listed])
    assert_close(pooled(gpu, pooling.global_max_pool, x), largest, 0.0)
    mean = np.array([[oracle.mean(channel) for channel in image] for image in listed])
    magnitude = np.abs(x).mean(axis=(1, 2), dtype=np.float64)
    assert_close(pooled(gpu, pooling.global_avg_pool, x), mean, mean_bound(cells, magnitude))


@pytest.mark.parametrize("case", WINDOWS, ids=str)
def test_windows(case, gpu):
    image, *walk = case
    check_windows(gpu, numbers(image), *walk)


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_channels(image, gpu):
    check_channels(gpu, numbers(image))


def test_nan_and_infinities_reach_the_windows_that_see_them(gpu):
    image, *walk = WINDOWS[1]
    x = numbers(image)
    x[1, 2, 3, 1], x[0, 4, 7, 0], x[0, 0, 0, 3], x[0, 1, 0, 3] = np.nan, np.inf, -np.inf, np.inf
    largest = check_windows(gpu, x, *walk)
    assert 0 < np.isnan(largest).sum() < 8
    x[...] = -np.inf
    x[0, 0, 0, 1] = -3e38
    assert set(np.unique(check_windows(gpu, x, *walk))) == {-np.inf, np.float32(-3e38)}


@pytest.mark.parametrize(("y", "place"), [(0, 0), (0, 18), (7, 5), (12, 0), (12, 18)])
@pytest.mark.parametrize("other", [-9.0, np.inf, -np.inf])
def test_nan_wins_wherever_it_stands(other, y, place, gpu):
    x = np.full((1, 13, 19, 2), other, np.float32)
    x[0, y, place, 1] = np.nan
    for pool in (pooling.global_max_pool, pooling.global_avg_pool):
        actual = pooled(gpu, pool, x)
        assert np.isnan(actual).tolist() == [[False, True]] and actual[0, 0] == other


def test_a_mean_of_many_cells_is_not_added_up_one_by_one(gpu):
    x = np.full((1, 30, 40, 2), np.float32(0.9) * 2.0**-24, np.float32)
    x[0, 0, 0] = 1  # to which float32 adds none of the others
    one_by_one = np.float32(0)
    for number in x[0, :, :, 0].ravel():
        one_by_one += number
    mean = x.mean(axis=(1, 2), dtype=np.float64)
    bound = mean_bound(1200, mean)
    assert one_by_one == 1 and (mean - 1 / 1200 > 2 * bound).all()
    assert_close(pooled(gpu, pooling.global_avg_pool, x), mean, bound)


def test_the_bound_is_the_one_that_is_promised():
    assert mean_bound(512 * 512, 1.0) == pytest.approx(gamma(3 * 34 + 2, np.float32), rel=1e-6)
    assert gamma(3 * 34 + 2, np.float32) == pytest.approx(6.2e-6, rel=0.01)


class Straying(Machine):
    """A GPU whose threads run through one of the barriers they come to."""

    skipped = None

    def syncthreads(self):
        thread = getcurrent()
        thread.passed = getattr(thread, "passed", 0) + 1
        if thread.passed != self.skipped:
            self._wait("block")


@pytest.mark.parametrize("skipped", [None, 1, 2, 3])
def test_no_barrier_of_a_reduction_is_too_many(skipped, monkeypatch):
    monkeypatch.setattr(Kernel, "__call__", simulate)
    monkeypatch.setattr(machine, "Machine", Straying)
    monkeypatch.setattr(Straying, "skipped", skipped)
    host, x = SimpleNamespace(take=np.array, give=np.array), numbers((2, 4, 8, 33))
    for pool, expected in ((pooling.global_max_pool, x.max(axis=(1, 2))), (pooling.global_avg_pool, x.mean((1, 2)))):
        assert np.allclose(pooled(host, pool, x), expected) == (skipped is None)


def test_parts_in_which_an_index_is_an_int32(gpu, monkeypatch):
    x = numbers((5, 4, 3, 2))
    monkeypatch.setattr(convolution, "LARGEST", 50)  # two images at a time
    check_channels(gpu, x)
    check_windows(gpu, x, (2, 1), (1, 2), 0)
    monkeypatch.setattr(convolution, "LARGEST", 23)
    with pytest.raises(UnsupportedError, match=r"^pooling: an image of 24 numbers, expected at most 23"):
        check_channels(gpu, x)


def test_no_images(gpu):
    x = np.empty((0, 4, 6, 3), np.float32)
    assert pooled(gpu, pooling.global_avg_pool, x).shape == (0, 3)
    assert pooled(gpu, pooling.max_pool, x, Window((2, 3), (2, 3))).shape == (0, 2, 2, 3)


def test_what_it_refuses(gpu):
    x = gpu.take(np.ones((2, 4, 6, 3), np.float32))
    with pytest.raises(ShapeError, match=r"^pooling: out is not contiguous in C order; give a whole array"):
        pooling.global_avg_pool(x, gpu.take(np.ones((2, 6), np.float32))[:, ::2])
    with pytest.raises(UnsupportedError, match=r"^pooling: an array of float64, expected float32"):
        pooling.global_max_pool(gpu.take(np.ones((2, 4, 6, 3))), gpu.take(np.ones((2, 3), np.float32)))
