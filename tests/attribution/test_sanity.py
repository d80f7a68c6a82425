"""Adebayo et al.'s check: maps of gradient and Grad-CAM forget what the network forgets."""

import numpy as np
import pytest

from benchmarks.attribution_sanity import METHODS, curves, rank_correlation


@pytest.mark.slow
def test_gradient_and_grad_cam_change_with_the_weights():
    found = curves(5, {name: METHODS[name] for name in ("gradient", "grad_cam")})
    assert found["layers"] == ["fc3", "fc2", "fc1", "conv2", "conv1"]
    for values in found["curves"].values():
        assert len(values) == 5 and max(map(abs, values)) < 0.5


def test_ranks_correlate_as_spearman_says():
    a = np.array([[[3.0, 1.0], [2.0, 2.0]]])
    assert rank_correlation(a, 10 * a) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(-1)
    # ranks 4 1 2.5 2.5 and 1 2 3.5 3.5: sum of products -1.5, of squares 4.5 and 4.5
    assert rank_correlation(a, np.array([[[0.0, 1.0], [5.0, 5.0]]])) == pytest.approx(-1.5 / 4.5)
    assert rank_correlation(a, np.zeros_like(a)) == 0
