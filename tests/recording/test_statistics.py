"""Statistics of a layer and of its channels, against plain NumPy on the whole array."""

import numpy as np
import pytest

from convlab.recording.statistics import statistics


@pytest.fixture(params=[np.float32, np.float64])
def activation(request):
    """Return (N, H, W, C) of channels that differ in scale, with zeros and a dead channel 2."""
    x = np.random.default_rng(0).normal(3, 2, (2, 5, 7, 4)) * [1, 100, 0, 0.01] + [0, 50, 0, -1]
    x[0, 1, :, 0] = 0
    return x.astype(request.param)


def test_channels(activation):
    s, axes = statistics(activation), (0, 1, 2)
    exact = activation.astype(np.float64)
    np.testing.assert_array_equal(s.minima, activation.min(axes))
    np.testing.assert_array_equal(s.maxima, activation.max(axes))
    np.testing.assert_allclose(s.means, exact.mean(axes), rtol=1e-12)
    np.testing.assert_allclose(s.deviations, exact.std(axes), rtol=1e-12)
    np.testing.assert_array_equal(s.zeros, [7 / 70, 0, 1, 0])
    assert s.dead == [2]
    assert {array.dtype for array in vars(s).values()} == {np.dtype(np.float64)}


def test_layer(activation):
    s, exact = statistics(activation), activation.astype(np.float64)
    assert (s.min, s.max) == (exact.min(), exact.max())
    assert s.mean == pytest.approx(exact.mean(), rel=1e-12)
    assert s.std == pytest.approx(exact.std(), rel=1e-12)
    assert s.zero_share == pytest.approx((7 + 70) / 280, rel=1e-12)


def test_a_vector_has_a_channel_for_each_unit():
    s = statistics(np.array([[1, 0, -3], [-1, 0, 4]], np.float32))
    assert (s.minima.tolist(), s.maxima.tolist(), s.means.tolist()) == ([-1, 0, -3], [1, 0, 4], [0, 0, 0.5])
    assert s.dead == [1]


def test_means_of_many_float32_values_are_summed_in_double():
    x = np.full((1, 1024, 512, 1), 0.1, np.float32)
    s = statistics(x)
    assert s.mean == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert s.std == pytest.approx(0, abs=1e-10)


def test_nan_shows_in_its_channel_and_in_the_layer(activation):
    activation[1, 2, 3, 1] = np.nan
    s = statistics(activation)
    for values in (s.minima, s.maxima, s.means, s.deviations):
        assert np.isnan(values).tolist() == [False, True, False, False]
    assert np.isnan([s.min, s.max, s.mean, s.std]).all()
    assert s.dead == [2]
    assert s.zero_share == pytest.approx(77 / 280)


def test_infinity_shows_and_raises_no_warning(activation):
    activation[0, 0, 0, 3] = np.inf
    s = statistics(activation)
    assert (s.max, s.mean, s.min) == (np.inf, np.inf, activation.min())
    assert np.isnan(s.std)


def test_an_empty_batch_has_no_statistics():
    s = statistics(np.zeros((0, 5, 7, 4), np.float32))
    assert np.isnan([s.min, s.max, s.mean, s.std, s.zero_share]).all()
    assert s.means.shape == (4,)
    assert s.dead == []


def test_infinities_of_both_signs_warn_of_nothing():
    s = statistics(np.array([[np.inf, 1.0], [-np.inf, 2.0]]))
    assert np.isnan(s.mean) and np.isnan(s.std)
    assert (s.min, s.max) == (-np.inf, np.inf)


def test_at_the_prompt_statistics_are_one_line():
    s = statistics(np.array([[0.0, 1.0], [0.0, 3.0]]))
    assert repr(s) == "<Statistics of 2 channels: min 0, max 3, mean 1, std 1.225, 50% zeros, 1 all zero>"
