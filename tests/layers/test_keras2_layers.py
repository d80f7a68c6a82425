"""Layers as Keras 2 on TensorFlow computes them, recorded: what Keras 3 gave up, or computes otherwise on PyTorch."""

import json
from pathlib import Path

import numpy as np
import pytest

from convlab import layers, ops
from convlab.errors import UnsupportedError
from support.closeness import assert_close, gamma
from support.layers.beside_keras import DTYPES, built, run

FILE = Path(__file__).parents[1] / "references" / "keras2_layers.npz"
with np.load(FILE) as stored:
    RECORDED = {name: stored[name] for name in stored.files}
CALLS = {name[:-5]: json.loads(str(RECORDED[name])) for name in RECORDED if name.endswith("/call")}
X = RECORDED["x"]
STEEP = 4  # by no more change all shares of a cell together, when its place is moved by a cell
PLACE = 3 * 2.0**-24 * max(X.shape)  # TensorFlow finds places in float32, with three roundings
BOUND = (2 * STEEP * PLACE + gamma(2 * 12, np.float32) * 2) * np.abs(X).max()  # shares' magnitudes add up to under 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CALLS, ids=lambda case: str(CALLS[case]))
def test_layer(case, dtype):
    kind, options = CALLS[case]
    layer = built(getattr(layers, kind)("layer", **options), X.shape[1:])
    assert_close(run(layer, X.astype(dtype)), RECORDED[f"{case}/out"].astype(np.float64), BOUND)


def test_every_interpolation_is_recorded():
    used = {options.get("interpolation") for _, options in CALLS.values()}
    assert used - {None} == set(ops.INTERPOLATIONS) - {"nearest", "bilinear", "bicubic_torch"}


def test_bicubic_is_rounded_to_tensorflows_table():
    """A third of the way between two cells is place 341 of 1024: 0.25 per mille further to the left."""
    x = np.arange(8.0).reshape(1, 1, 8, 1) ** 2
    at = 341 / 1024
    near, far = 1.5 * at**3 - 2.5 * at**2 + 1, 1.5 * (1 - at) ** 3 - 2.5 * (1 - at) ** 2 + 1
    before, after = -0.5 * at * (1 - at) ** 2, -0.5 * (1 - at) * at**2
    expected = near * 9 + far * 16 + before * 4 + after * 25
    assert ops.resize2d(x, (1, 24), "bicubic")[0, 0, 11, 0] == pytest.approx(expected, rel=1e-14)


def test_nan_stays_nan_above_a_threshold():
    assert np.isnan(built(layers.ThresholdedReLU("t"), (1,))(np.array([[np.nan]]))).all()


@pytest.mark.parametrize("theta", [-1, None, "1", float("nan")])
def test_a_threshold_that_is_none_is_refused(theta):
    with pytest.raises(UnsupportedError, match=r"^layer 't': theta is .*, expected a number of at least 0$"):
        layers.ThresholdedReLU("t", theta)
