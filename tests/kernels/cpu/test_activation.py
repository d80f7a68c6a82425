"""The compiled activation functions: exp to the last bit or two, the functions beside NumPy's, threads, layouts."""

import numpy as np
import pytest

from convlab.errors import ShapeError
from convlab.ops import distributions, nonlinear, piecewise
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise
from convlab_kernels.cpu.activation_simd import FUNCTIONS

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-45, -1e-45, 3.4e38, -3.4e38, 88.72284, 88.72283], np.float32)


pytestmark = pytest.mark.usefixtures("some_threads")


def applied(function, x, parameter=0.0):
    out = np.full_like(x, 7)
    elementwise.apply(function, x, out, parameter)
    return out


def by_numpy(function):
    """Return the same function by NumPy."""
    return getattr(nonlinear, function, None) or getattr(piecewise, function)


def test_exp_errs_by_two_units_of_the_last_place_at_most_over_all_exponents():
    """A thousand numbers of each exponent and sign: 2 ** 23 bits of a mantissa are too many to try."""
    mantissas, exponents = np.unique(np.r_[np.arange(0, 2**23, 8219), 2**23 - 1]), np.arange(255)[:, None]
    positive = (exponents << 23 | mantissas).astype(np.uint32).view(np.float32).ravel()
    x = np.r_[-positive, positive]
    with np.errstate(over="ignore", under="ignore"):
        exact = np.exp(x.astype(np.longdouble))
        nearest = exact.astype(np.float32)
    actual = applied("exponential", x)
    finite = np.isfinite(nearest)
    assert np.array_equal(np.isfinite(actual), finite) and 0.6 < finite.mean() < 0.9
    units = np.abs(actual[finite] - exact[finite]) / np.spacing(nearest[finite])
    assert units.max() <= 2


@pytest.mark.parametrize("function", FUNCTIONS)
def test_special_numbers_are_those_of_numpy(function):
    with using_policy(False):
        expected = by_numpy(function)(SPECIAL)
    parameter = {"leaky_relu": 0.2, "elu": 1.0}.get(function, 0.0)
    actual = applied(function, SPECIAL, parameter)
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(0, 3), (1,), (3, 5, 7), (2, 61, 47, 3), (5, 9001)], ids=str)
def test_a_number_comes_out_the_same_wherever_it_lies(function, shape):
    x = np.random.default_rng(shape).normal(size=shape).astype(np.float32)
    one_by_one = np.array([applied(function, x.reshape(-1)[i : i + 1], 0.7)[0] for i in range(min(x.size, 99))])
    assert np.array_equal(applied(function, x, 0.7).reshape(-1)[:99], one_by_one)
    turned = applied(function, np.ascontiguousarray(x.reshape(-1)[::-1]), 0.7)[::-1]
    assert np.array_equal(applied(function, x, 0.7).reshape(-1), turned)


@pytest.mark.parametrize(("function", "layer"), [("elu", nonlinear.elu), ("leaky_relu", piecewise.leaky_relu)])
def test_the_operation_hands_on_its_parameter(function, layer):
    x = np.linspace(-3, 3, 101, dtype=np.float32)
    for given in ({}, {"alpha" if function == "elu" else "negative_slope": 0.37}):
        with using_policy(False):
            expected = layer(x, **given)
        with using_policy(True):
            actual = layer(x, **given)
            positional = layer(x, *given.values())
        np.testing.assert_allclose(actual, expected, rtol=1e-6)
        assert np.array_equal(actual, positional)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_operation_computes_float32_with_it_and_float64_by_numpy(name, monkeypatch):
    used, kernel = [], elementwise.apply
    monkeypatch.setattr(elementwise, "apply", lambda *args: (used.append(args[0]), kernel(*args)))
    x = np.linspace(-5, 5, 101, dtype=np.float32)
    for dtype, compiled, expected in ((np.float32, False, []), (np.float64, True, []), (np.float32, True, [name])):
        with using_policy(compiled):
            y = by_numpy(name)(x.astype(dtype))
        assert used == expected and y.dtype == dtype and not np.may_share_memory(x, y)


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (5, 1000), (2, 3, 5, 37)], ids=str)
def test_softmax(shape, monkeypatch):
    used, kernel = [], elementwise.softmax
    monkeypatch.setattr(elementwise, "softmax", lambda *args: (used.append(1), kernel(*args)))
    x = 30 * np.random.default_rng(shape).normal(size=shape).astype(np.float32)
    with using_policy(True):
        actual = distributions.softmax(x)
        along_another = distributions.softmax(x, 1) if len(shape) > 2 else None
    assert used == [1] and (along_another is None or np.allclose(along_another.sum(axis=1), 1))
    wide = x.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True)) if x.size else wide
    exact = powers / powers.sum(axis=-1, keepdims=True)
    # the subtraction errs by half a unit of numbers up to 200; exp by two units, the quotient by one
    np.testing.assert_allclose(actual, exact, rtol=200 * 2**-23 + 4 * 2**-23, atol=2**-149)


def test_memory_layout_makes_no_difference_and_inputs_stay():
    x = np.random.default_rng(8).normal(size=(3, 5, 7)).astype(np.float32)
    for call in (lambda x, out: elementwise.apply("silu", x, out), elementwise.softmax):
        expected = np.empty_like(x)
        call(x, expected)
        for variant in (np.asfortranarray(x), x[::-1].copy()[::-1], x.repeat(2, axis=2)[..., ::2], x.copy()):
            variant.flags.writeable = False
            out = np.full_like(x, np.nan)
            call(variant, out)
            assert out.tobytes() == expected.tobytes() and np.array_equal(variant, x)
        with pytest.raises(ShapeError, match="out is not contiguous in C order; give a whole array"):
            call(x, np.empty((3, 5, 14), np.float32)[..., ::2])
