"""Every activation function: its values against formulas written anew and against Keras, and special numbers."""

from contextlib import nullcontext
from math import erfc as exact_erfc

import numpy as np
import pytest

from convlab.layers import ACTIVATIONS
from convlab.ops.erf import erfc
from convlab.runtime.policy import using_policy
from support.closeness import assert_close, gamma
from support.layers.beside_keras import DTYPES, NO_NAME_OF_KERAS, keras_library
from support.recorded import answer

ways = pytest.mark.parametrize(("dtype", "compiled"), [*((dtype, False) for dtype in DTYPES), (np.float32, True)])
X = np.unique(np.r_[np.linspace(-12, 12, 1201), -6, -3, -1, -0.5, 0, 0.5, 1, 3, 6]).astype(np.float32)
ROWS = np.random.default_rng(7).normal(size=(5, 6, 7)).astype(np.float32)
INF = np.inf


def phi(x):
    """Return the share of a standard normal distribution below each number."""
    return np.vectorize(exact_erfc, otypes=[np.float64])(-x * np.sqrt(0.5)) / 2


def logistic(x):
    return np.exp(x) / (1 + np.exp(x))


# By name: the formula as its paper or Keras' manual has it, and its limits at -infinity and infinity.
FUNCTIONS = {
    "linear": (lambda x: x, -INF, INF),
    "relu": (lambda x: np.where(x > 0, x, 0), 0, INF),
    "relu6": (lambda x: np.where(x > 6, 6, np.where(x > 0, x, 0)), 0, 6),
    "leaky_relu": (lambda x: np.where(x > 0, x, x / 5), -INF, INF),
    "tanh": (lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), -1, 1),
    "tanh_shrink": (lambda x: x - (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), -INF, INF),
    "sigmoid": (logistic, 0, 1),
    "log_sigmoid": (lambda x: np.log(logistic(x)), -INF, 0),
    "silu": (lambda x: x * logistic(x), 0, INF),
    "swish": (lambda x: x * logistic(x), 0, INF),
    "softplus": (lambda x: np.log1p(np.exp(x)), 0, INF),
    "softsign": (lambda x: x / (1 + np.abs(x)), -1, 1),
    "squareplus": (lambda x: 2 / (np.sqrt(x * x + 4) - x), 0, INF),
    "mish": (lambda x: x * np.tanh(np.log1p(np.exp(x))), 0, INF),
    "gelu": (lambda x: x * phi(x), 0, INF),
    "gelu_tanh": (lambda x: x * logistic(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)), 0, INF),
    "exponential": (np.exp, 0, INF),
    "elu": (lambda x: np.where(x > 0, x, np.exp(x) - 1), -1, INF),
    "celu": (lambda x: np.where(x > 0, x, np.exp(x) - 1), -1, INF),
    "selu": (
        lambda x: 1.0507009873554804934 * np.where(x > 0, x, 1.6732632423543772848 * (np.exp(x) - 1)),
        -1.0507009873554804934 * 1.6732632423543772848,
        INF,
    ),
    "hard_sigmoid": (lambda x: np.where(x < -3, 0, np.where(x > 3, 1, x / 6 + 0.5)), 0, 1),
    "hard_sigmoid_keras2": (lambda x: np.where(x < -2.5, 0, np.where(x > 2.5, 1, x / 5 + 0.5)), 0, 1),
    "hard_silu": (lambda x: np.where(x < -3, 0, np.where(x > 3, x, x * (x + 3) / 6)), 0, INF),
    "hard_swish": (lambda x: np.where(x < -3, 0, np.where(x > 3, x, x * (x + 3) / 6)), 0, INF),
    "hard_tanh": (lambda x: np.where(x < -1, -1, np.where(x > 1, 1, x)), -1, 1),
    "hard_shrink": (lambda x: np.where(np.abs(x) > 0.5, x, 0), -INF, INF),
    "soft_shrink": (lambda x: np.where(x > 0.5, x - 0.5, np.where(x < -0.5, x + 0.5, 0)), -INF, INF),
    "sparse_plus": (lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)), 0, INF),
    "sparse_sigmoid": (lambda x: np.where(x <= -1, 0, np.where(x >= 1, 1, (x + 1) / 2)), 0, 1),
}


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def sparsemax(x):
    """Return max(x - tau, 0), tau found by halving the interval in which the sum passes 1."""
    low, high = x.min(axis=-1, keepdims=True) - 1, x.max(axis=-1, keepdims=True)
    for _ in range(80):
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(axis=-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(x - low, 0)


def exactly(name, x):
    """Return the formula's values, computed in extended precision: as they stand, some of them lose digits."""
    return FUNCTIONS[name][0](x.astype(np.longdouble)).astype(np.float64)


DISTRIBUTIONS = {"softmax": lambda x: np.exp(log_softmax(x)), "log_softmax": log_softmax, "sparsemax": sparsemax}


def computed(name, x, compiled):
    """Return a function of x: by a compiled kernel where there is one and it is asked for, else by NumPy."""
    with using_policy(True) if compiled else nullcontext():
        return ACTIVATIONS[name](x)


def bound(x, exact, dtype):
    """Allow eight roundings of numbers no larger than the input and the result: no function here amplifies them."""
    return gamma(8, dtype) * (np.abs(exact) + np.abs(x)) + np.finfo(dtype).tiny


def test_every_name_is_tested():
    assert set(ACTIVATIONS) == {*FUNCTIONS, *DISTRIBUTIONS}


@ways
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name, dtype, compiled):
    exact = exactly(name, X)
    actual = computed(name, X.astype(dtype), compiled)
    assert actual.dtype == dtype
    assert_close(actual, exact, bound(X.astype(np.float64), exact, dtype), name)


@ways
@pytest.mark.parametrize(
    "name", ["sigmoid", "silu", "mish", "softplus", "squareplus", "gelu", "gelu_tanh", "exponential"]
)
def test_small_values_keep_their_digits(name, dtype, compiled):
    x = np.linspace(-9, -1, 401).astype(np.float32)
    exact = exactly(name, x)
    # a rounding of the argument of an exponential, which is at most x^2, counts as often
    within = gamma(16, dtype) * (1 + x.astype(np.float64) ** 2) * np.abs(exact)
    if name == "gelu_tanh":
        within *= 1 + 0.1 * np.abs(x)  # there the argument is a cubic
    assert_close(computed(name, x.astype(dtype), compiled), exact, within, name)


@ways
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_numbers(name, dtype, compiled):
    _, low, high = FUNCTIONS[name]
    largest = np.finfo(dtype).max
    x = np.array([-INF, INF, np.nan, -largest, largest, -1e4, 1e4, -1e-30, 1e-30, -0.0, 0.0], dtype)
    with np.errstate(all="raise", under="ignore"):
        actual = computed(name, x, compiled)
    assert_close(actual[:2], np.array([low, high], dtype).astype(np.float64), 2 * gamma(2, dtype), name)
    assert np.isnan(actual[2])
    assert not np.isnan(actual[3:]).any()
    assert np.array_equal(ACTIVATIONS[name](x[:0]), x[:0])


@ways
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution(name, dtype, compiled):
    actual = computed(name, ROWS.astype(dtype), compiled)
    exact = DISTRIBUTIONS[name](ROWS.astype(np.float64))
    # seven terms are added; a subtraction, an exponential, a logarithm or quotient, each of numbers of at most 10
    assert actual.dtype == dtype
    assert_close(actual, exact, gamma(7 + 8, dtype) * (1 + np.abs(exact)), name)
    shares = np.exp(actual) if name == "log_softmax" else actual
    assert_close(shares.sum(axis=-1), np.ones((5, 6)), gamma(40, dtype), name)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions_of_special_numbers(name, compiled):
    with np.errstate(all="raise", under="ignore"):
        actual = computed(name, np.array([[3e38, -3e38, 0], [np.nan, 1, 2], [-INF, 0, 5]], np.float32), compiled)
    exact = [[1, 0, 0], [0, np.exp(-5) / (1 + np.exp(-5)), 1 / (1 + np.exp(-5))]]
    if name == "log_softmax":
        assert np.isnan(actual[1]).all() and actual[0, 0] == 0 and actual[2, 0] == -INF
        return
    if name == "sparsemax":
        exact[1] = [0, 0, 1]
    assert np.isnan(actual[1]).all()
    assert_close(actual[[0, 2]], np.array(exact), gamma(16, np.float32), name)


def in_keras(name, x, ours=None, **options):
    """Return what Keras' function makes of x, in float64; `ours` as `answer` has it."""

    def ask():
        keras = keras_library()
        function = getattr(keras.activations, name)
        return keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(x), **options))

    return answer("keras", (name, options, x), ask, ours).astype(np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - NO_NAME_OF_KERAS - {"sparsemax"} | {"gelu_tanh"}))
def test_function_is_keras(name, dtype):
    x = (X if name in FUNCTIONS else ROWS).astype(dtype)
    options = {"approximate": True} if name == "gelu_tanh" else {}
    ours = ACTIVATIONS[name]
    expected = in_keras("gelu" if name == "gelu_tanh" else name, x, lambda: ours(x), **options)
    assert_close(ours(x), expected, 2 * bound(x.astype(np.float64), expected, dtype), name)


def test_sparsemax_is_keras_where_one_number_is_left():
    # with more it is not, up to Keras 3.15: its issue 23425
    x = 4 * np.random.default_rng(8).permuted(np.tile(np.arange(5.0), (6, 1)), axis=1)
    assert np.array_equal(ACTIVATIONS["sparsemax"](x), in_keras("sparsemax", x))


def test_every_function_of_keras_has_its_name_here():
    names = set(answer("keras", ["activations"], lambda: dir(keras_library().activations)))
    names -= {"get", "serialize", "deserialize"}
    assert {name for name in names if name[0] != "_"} - set(ACTIVATIONS) == {
        "glu",  # changes the shape
        "threshold",  # has no defaults
    }
    assert set(ACTIVATIONS) - names == NO_NAME_OF_KERAS, "what Keras lacks: see tests/support/layers/beside_keras.py"


@pytest.mark.parametrize("dtype", DTYPES)
def test_erfc_keeps_its_digits(dtype):
    x = np.r_[np.linspace(-7, 8.5, 3001), -4, -0.46875, 0, 0.46875, 4].astype(dtype)
    exact = np.array([exact_erfc(float(v)) for v in x])
    # Horner's rule for two polynomials of degree 8 with positive coefficients is 32 roundings; then exp and a product
    assert_close(erfc(x), exact, gamma(40, dtype) * exact, "erfc")
    assert erfc(np.array([-INF, INF], dtype)).tolist() == [2, 0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_a_function_says_of_itself_is_so(name):
    function, x = ACTIVATIONS[name], np.linspace(-8, 8, 33)
    other = np.append(x[:-1], 7.25)
    assert (function(other)[:-1] != function(x)[:-1]).any() == function.along_channels
    clipped = [ceiling for ceiling in (np.inf, 6.0) if np.array_equal(function(x), np.clip(x, 0, ceiling))]
    assert clipped == ([] if function.ceiling is None else [function.ceiling])
