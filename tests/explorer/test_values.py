"""The numbers as bytes: where each lies, exact ones, and rounded ones with 0 where it was."""

import numpy as np
import pytest

from convlab.explorer.values import STEPS, channel_major, exact, rounded

random = np.random.default_rng(3)


def decoded(encoded, shape):
    channels = shape[-1]
    scales = np.frombuffer(encoded.data[: 4 * channels], "<f4").astype(np.float64)
    steps = np.frombuffer(encoded.data[4 * channels :], encoded.encoding).reshape(channels, -1)
    return steps / STEPS[encoded.encoding] * scales[:, None]


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((5,), (5,)),
        ((7, 5), (5, 1, 7)),
        ((3, 7, 5), (5, 3, 7)),
        ((2, 3, 7, 5), (5, 2, 3, 7)),
        ((6, 2, 3, 7, 5), (5, 12, 3, 7)),
    ],
)
def test_channels_lie_first(shape, found):
    values = random.standard_normal(shape).astype(np.float32)
    assert channel_major(values).shape == found
    assert np.array_equal(channel_major(values).reshape(shape[-1], -1).T, values.reshape(-1, shape[-1]))
    assert exact(values).data == channel_major(values).tobytes()


@pytest.mark.parametrize(("signed", "encoding"), [(False, "uint8"), (True, "int8")])
def test_rounding_is_by_half_a_step_at_most_and_keeps_zeros(signed, encoding):
    values = np.maximum(random.standard_normal((6, 8, 4)), 0).astype(np.float32) * np.float32([1, 1e-6, 1e6, 0])
    values = -values if signed else values
    found = rounded(values)
    assert found.encoding == encoding
    rows = channel_major(values).reshape(4, -1)
    steps = np.abs(rows).max(axis=1, keepdims=True) / STEPS[encoding]
    assert (np.abs(decoded(found, values.shape) - rows) <= 0.5001 * steps).all()
    assert (decoded(found, values.shape)[rows == 0] == 0).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_exact(odd):
    values = np.ones((2, 2, 3), np.float32)
    values[0, 1, 2] = odd
    assert rounded(values) == exact(values)


def test_large_layers_take_fewer_steps(monkeypatch):
    values = random.uniform(0, 1, (5, 5, 2)).astype(np.float32)
    assert rounded(values).encoding == "uint8"
    monkeypatch.setattr("convlab.explorer.values.LARGE", 49)
    found = rounded(values)
    assert found.encoding == "int8"
    assert np.abs(decoded(found, values.shape) - channel_major(values).reshape(2, -1)).max() <= 0.5001 / 127


def test_numbers_below_all_others_are_rounded_too():
    values = np.float32([[[1e-45], [0]]])
    assert decoded(rounded(values), values.shape).tolist() == [[np.float64(np.float32(1e-45)), 0]]
