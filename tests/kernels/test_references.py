"""convlab against recorded answers of PyTorch and Keras: needs neither of them."""

import json
from pathlib import Path

import numpy as np
import pytest

import convlab
from support.closeness import assert_close, sum_bound

RECORDED = np.load(Path(__file__).parents[1] / "references" / "frameworks.npz")
CASES = sorted({name.split("/")[0] for name in RECORDED.files if "/" in name})


def pair_up(value):
    """Return JSON's lists as tuples."""
    return tuple(map(pair_up, value)) if isinstance(value, list) else value


def bound(call, given, keywords):
    """Return the rounding error that convlab may make, by running it on magnitudes in float64."""
    magnitudes = {name: np.abs(array).astype(np.float64) for name, array in given.items()}
    if call == "conv2d":
        terms = int(np.prod(given["w"].shape[:3])) + 1
    else:
        terms = keywords["size"][0] * keywords["size"][1] + 1
    return sum_bound(terms, getattr(convlab, call)(**magnitudes, **keywords), np.float32)


@pytest.mark.parametrize("case", CASES)
def test_recorded_answers(case):
    call, keywords = json.loads(str(RECORDED[f"{case}/call"]))
    keywords = {name: pair_up(value) for name, value in keywords.items()}
    given = {name: RECORDED[f"{case}/{name}"] for name in "xwb" if f"{case}/{name}" in RECORDED.files}
    expected = RECORDED[f"{case}/out"]
    assert expected.dtype == np.float64 and expected.size
    allowed = 0.0 if call == "max_pool2d" else bound(call, given, keywords)
    for method in ({"method": "im2col"}, {"method": "direct"}) if call == "conv2d" else ({},):
        actual = getattr(convlab, call)(**given, **keywords, **method)
        assert actual.dtype == np.float32
        assert_close(actual, expected, allowed, f"{case} {method}")


def test_the_record_is_complete():
    assert len(CASES) == 11 + 4 * 2
    assert sum(case.startswith("conv2d_keras") for case in CASES) == 5
    versions = json.loads(str(RECORDED["versions"]))
    assert versions["torch"] and versions["keras"] and versions["keras backend"] == "torch"


def test_no_two_dimensions_of_a_recorded_image_are_equal():
    for case in CASES:
        assert len({*RECORDED[f"{case}/x"].shape}) == 4, case
