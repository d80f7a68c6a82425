"""One output channel in place of all: it is that of the definition, and anything wrong shows in it."""

import numpy as np
import pytest

from bench.test_exact import CASES
from convlab.bench.case import Case
from convlab.bench.exact import exact
from convlab.bench.freivalds import expected, factors, projected
from convlab.bench.gpu_candidates import beside_the_clock
from support.closeness import gamma


def drawn(case):
    return factors(np.random.default_rng(4), case.filters)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_channel_is_the_sum_of_all(case):
    r, truth = drawn(case), exact(case, 3)
    found = expected(case, *case.arrays(3), r)
    terms = case.terms * case.filters
    allowed = 2 * gamma(terms, np.float64) * truth.bound @ np.abs(r) / gamma(case.terms, np.float32)
    assert np.all(np.abs(found.value - truth.value @ r) <= allowed)
    assert np.all(projected(truth.value, r) == np.einsum("nyxo,o->nyx", truth.value, r))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_number_of_the_output_counts(case):
    r, truth = drawn(case), exact(case)
    found = expected(case, *case.arrays(), r)
    for place in np.random.default_rng(0).integers(0, truth.value.size, 50):
        wrong = truth.value.copy()
        wrong.flat[place] += 1e-2 * (1 + np.abs(wrong).max())
        assert found.distance(projected(wrong, r)).share > 1, place


@pytest.mark.parametrize("case", [*CASES, Case((6, 7, 3), 512), Case((5, 6, 700), 4)], ids=str)
def test_rounding_is_no_mistake(case):
    for seed in range(1, 20):
        x, w, b = case.arrays(seed)
        r = factors(np.random.default_rng(seed), case.filters)
        rounded = exact(case, seed).value.astype(np.float32)
        assert expected(case, x, w, b, r).distance(projected(rounded, r)).share < 0.2


def test_factors_are_whole_numbers_and_none_is_0():
    r = factors(np.random.default_rng(0), 1000)
    assert set(np.abs(r)) == set(range(1, 9))
    assert {-1.0, 1.0} == set(np.sign(r))


def test_two_clocks_of_a_gpu():
    assert beside_the_clock([(1e-3, 1.2e-3), (1e-3, 9e-3)]) == ""
    assert beside_the_clock([(5e-6, 9e-4)]) == ""  # launching takes the host so long
    assert beside_the_clock([(5e-6, 8e-3), (5e-6, 7e-3)]) == (
        "the GPU's clock saw 0.005 ms of 7: expected all its work in the current stream"
    )
