"""What the benchmark holds a result against, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from convlab.bench.case import Case
from convlab.bench.exact import Exact, exact
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, gamma

CASES = [
    Case((7, 8, 9), 6, Window.parse((2, 3), padding=((1, 2), (3, 0))), batch=3),
    Case((17, 12, 18), 14, Window.parse((4, 5), (3, 2), "same", (4, 1)), groups=2, batch=2),
    Case((9, 7, 3), 6, Window.parse((3, 2), (2, 1), (2, 1), (1, 3)), groups=3),
    Case((6, 5, 9), 9, Window.parse((1, 1), (3, 2), "same"), groups=9),
    Case((5, 7, 4), 3, Window.parse((2, 3), (9, 8)), batch=2),  # steps over the end
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_exact_answer_is_the_definition(case):
    x, w, b = case.arrays()
    window = case.window
    total, magnitude = oracle.conv2d(x, w, window.stride, window.pads(case.image[:2]), window.dilation, case.groups)
    truth = exact(case)
    magnitude += np.abs(b)
    assert_close(truth.value, total + b, 2 * gamma(case.terms, np.float64) * magnitude, str(case))
    bound = (gamma(case.terms, np.float32) + gamma(case.terms, np.float64)) * magnitude
    assert np.allclose(truth.bound, bound, rtol=1e-12)
    assert truth.together == pytest.approx(8 * 2**-24 * np.linalg.norm(magnitude))


CASE = Case((14, 15, 256), 7)


def test_what_rounding_does_is_right():
    truth = exact(CASE)
    rounded = truth.value.astype(np.float32)
    relative, share = truth.verdict(rounded)
    assert 0 < relative < 2**-24
    assert 0 < share < 0.1


def test_a_channel_that_is_left_out_is_wrong():
    x, w, b = CASE.arrays()
    w[:, :, 17] = 0
    without, _ = oracle.conv2d(x, w, padding="same")
    relative, share = exact(CASE).verdict((without + b).astype(np.float32))
    assert relative == pytest.approx(256**-0.5, rel=0.2)
    assert share > 1000


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_infinitely_wrong(wrong):
    truth = exact(CASE)
    actual = truth.value.astype(np.float32)
    actual[0, 3, 2, 1] = wrong
    assert truth.verdict(actual) == (np.inf, np.inf)


def test_one_number_at_its_bound_is_right_and_beyond_it_wrong():
    value, bound = np.full((1, 5, 4, 3), 2.0), np.full((1, 5, 4, 3), 0.25)
    truth, actual = Exact(value, bound, together=9.0, scale=1.0), value.copy()
    actual[0, 4, 1, 2] += 0.25
    assert truth.verdict(actual)[1] == 1
    actual[0, 4, 1, 2] += 0.25
    assert truth.verdict(actual)[1] == 2
    assert truth.verdict(actual, amplification=4.0)[1] == 0.5


def test_all_together_are_held_to_less_than_each():
    value, bound = np.full((1, 5, 4, 3), 2.0), np.full((1, 5, 4, 3), 0.25)
    truth = Exact(value, bound, together=0.5, scale=1.0)
    _, share = truth.verdict(value + 0.125)
    assert share == pytest.approx(0.125 * 60**0.5 / 0.5)


def test_float64_is_held_to_float64():
    truth = exact(replace(CASE, dtype="float64"))
    assert truth.verdict(truth.value * (1 + 2**-24))[1] > 1e4
