"""The compiled statistics of channels: beside float64, far from zero, with outliers, NaN and infinities."""

import numpy as np
import pytest

from convlab.recording.running_statistics import ChannelStatistics
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise, set_threads
from support.closeness import assert_close, gamma

pytestmark = pytest.mark.usefixtures("some_threads")


def numbers(shape, dtype=np.float32):
    """Return channels of several scales, far from zero, rectified, constant, and one that begins with an outlier."""
    x = np.random.default_rng(shape).standard_normal(shape).astype(dtype)
    for channel in range(shape[-1]):
        column = x[..., channel]
        kind = channel % 5
        column *= dtype(10.0 ** (channel % 7 - 3))
        if kind == 1:
            column += dtype(1e4)
        elif kind == 2:
            np.maximum(column, 0, out=column)
        elif kind == 3:
            column[...] = dtype(0.3)
        elif kind == 4:
            column[:, 0] = dtype(1e5)
    return x


def check(x):
    """Compare each part's statistics with those of its numbers in float64."""
    found = elementwise.summarise(x)
    n, places, channels = x.shape
    parts = found.means.shape[1]
    assert parts * found.count == places
    cells = x.astype(np.float64).reshape(n, found.count, parts, channels)  # neighbours are in different parts
    means, terms = cells.mean(axis=1), gamma(found.count + 3, np.float64)
    distances = cells - cells[:, :1]  # s is the first number
    assert_close(found.means, means, 2 * terms * (np.abs(distances).mean(axis=1) + np.abs(cells[:, 0])), "means")
    # of the mean square, of the squared mean, which is no larger, and of the variance here
    assert_close(found.variances, distances.var(axis=1), 5 * terms * (distances**2).mean(axis=1), "variances")
    np.testing.assert_array_equal(found.peaks, cells.max(axis=1))
    np.testing.assert_array_equal(found.minima, cells.min(axis=1))
    np.testing.assert_array_equal(found.zeros, (cells == 0).sum(axis=1))
    assert not found.nans.any()
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (7, 64, 6), (3, 49, 10), (2, 90, 13), (5, 12, 600)], ids=str)
def test_against_float64(shape, dtype):
    check(numbers(shape, dtype))


def to_bytes(found):
    return [np.asarray(array).tobytes() for array in vars(found).values()]


def test_places_of_few_channels_go_together():
    assert check(numbers((2, 24, 3))).means.shape == (2, 8, 3)
    assert check(numbers((2, 4096, 1))).means.shape == (2, 512, 1)
    assert check(numbers((2, 24, 400))).means.shape == (2, 1, 400)


def test_a_channel_that_is_constant_has_no_deviation():
    found = elementwise.summarise(np.full((3, 35, 2), np.float32(0.1)))
    assert not found.variances.any() and np.array_equal(found.means, np.full((3, 1, 2), np.float64(np.float32(0.1))))


def test_memory_layout_and_threads_make_no_difference():
    x = numbers((4, 12, 7))
    expected = to_bytes(elementwise.summarise(x))
    for variant in (np.asfortranarray(x), x[::-1].copy()[::-1], x.repeat(2, axis=2)[..., ::2]):
        assert to_bytes(elementwise.summarise(variant)) == expected
    set_threads(2)
    assert to_bytes(elementwise.summarise(x)) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_and_infinities_are_where_numpy_has_them(dtype):
    x = numbers((3, 24, 15), dtype)
    x[1, 7, 0] = x[0, 0, 1] = x[2, :, 2] = np.nan
    x[..., 3] = np.nan
    x[1, 7, 4], x[0, 0, 5], x[2, 9, 5] = np.inf, np.inf, -np.inf
    x[0, 0, 6], x[0, 1, 7], x[..., 8] = -np.inf, -np.inf, -np.inf
    with using_policy(False):
        expected = ChannelStatistics.of(x, list("abc"))
    with using_policy(True):
        found = ChannelStatistics.of(x, list("abc"))
    for name in ("minima", "maxima", "zeros", "peaks"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    for channel in range(15):
        assert found.strongest(channel) == expected.strongest(channel)
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-12)
    np.testing.assert_allclose(found.deviations, expected.deviations, rtol=1e-9, atol=1e-15)


def test_a_vector_for_each_picture():
    x = numbers((6, 1, 33))
    with using_policy(True):
        found = ChannelStatistics.of(x[:, 0], range(6))
    exact = x[:, 0].astype(np.float64)
    assert_close(found.means, exact.mean(axis=0), gamma(8, np.float64) * np.abs(exact).max(axis=0))
    np.testing.assert_allclose(found.deviations, exact.std(axis=0), rtol=1e-9, atol=1e-15)
    assert found.strongest(1) == sorted(zip(range(6), exact[:, 1], strict=True), key=lambda pair: -pair[1])[:3]
