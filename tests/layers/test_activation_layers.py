"""ReLU and its kin, Softmax and Activation as layers, over their options."""

from itertools import product

import numpy as np
import pytest

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import ACTIVATIONS, ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from convlab.layers.base import ONE_CELL
from support.closeness import assert_close, gamma
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

pytestmark = pytest.mark.usefixtures("both_ways")

SHAPE = (5, 7, 4)
X = np.concatenate([random(1, (2, *SHAPE), -9, 9), np.round(random(2, (1, *SHAPE), -3, 3))])


def exact_relu(x, max_value=None, negative_slope=0.0, threshold=0.0):
    above = x if max_value is None else np.where(x < max_value, x, max_value)
    return np.where(x > threshold, above, negative_slope * (x - threshold))


RELUS = [
    {"max_value": m, "negative_slope": s, "threshold": t}
    for m, s, t in product((None, 0, 2.5, 6.0), (0, 0.125, 1.5), (0, 1, 1.75))
    if m is None or m >= t
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu(dtype):
    x = X.astype(dtype)
    for options in RELUS:
        layer = built(ReLU("relu", **options), SHAPE)
        actual = run(layer, x)
        bound = gamma(3, dtype) * 20  # a difference, a product, a sum of numbers of at most 20
        assert_close(actual, exact_relu(X, **options), bound, str(options))
        assert_close(actual, keras_output(layer, x, **options), 2 * bound, str(options))
        assert layer.window == ONE_CELL and layer.multiply_adds(SHAPE) == 0
    assert len(RELUS) == 30


def test_relu_lets_nan_through():
    for options in RELUS:
        assert np.isnan(built(ReLU("relu", **options), (1,))(np.array([[np.nan]]))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slope", [0, 0.3, 2.5])
def test_leaky_relu(slope, dtype):
    layer, x = built(LeakyReLU("leaky", slope), SHAPE), X.astype(dtype)
    actual, bound = run(layer, x), gamma(2, dtype) * np.abs(slope * X)
    assert_close(actual, np.where(X > 0, X, slope * X), bound)
    assert_close(actual, keras_output(layer, x, negative_slope=slope), 2 * bound)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("alpha", [0, 1.0, 0.3, 2.5])
def test_elu(alpha, dtype):
    layer, x = built(ELU("elu", alpha), SHAPE), X.astype(dtype)
    actual, bound = run(layer, x), gamma(4, dtype) * alpha
    assert_close(actual, np.where(X > 0, X, alpha * np.expm1(np.minimum(X, 0))), bound)
    assert_close(actual, keras_output(layer, x, alpha=alpha), 3 * bound)  # it takes 1 off exp(x)


def test_the_slopes_are_keras_when_none_is_given():
    assert (LeakyReLU("x").negative_slope, ELU("x").alpha) == (0.3, 1.0)
    for layer in (ReLU("x"), LeakyReLU("x"), ELU("x")):
        x = X.astype(np.float32)
        assert_close(run(built(layer, SHAPE), x), keras_output(layer, x), gamma(4, np.float32) * 9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shared", [None, 1, 2, 3, [3], [1, 2], (2, 1), [1, 3], [1, 2, 3]])
def test_prelu(shared, dtype):
    layer, x = built(PReLU("prelu", shared), SHAPE), X.astype(dtype)
    axes = [shared] if isinstance(shared, int) else shared or []
    assert layer.shapes == {"alpha": tuple(1 if i in axes else size for i, size in enumerate(SHAPE, 1))}
    exact, actual = np.where(X > 0, X, layer.weights["alpha"] * X), run(layer, x)
    assert_close(actual, exact, gamma(2, dtype) * np.abs(exact))
    expected = keras_output(layer, x, shared_axes=shared)
    assert_close(actual, expected, gamma(2, dtype) * np.abs(exact))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("axis", "window"),
    [
        (-1, ONE_CELL),
        (3, ONE_CELL),
        ([3], ONE_CELL),
        (1, "varies"),
        (-2, "varies"),
        ([1, 2], None),
        ((-1, 1), "varies"),
    ],
)
def test_softmax(axis, window, dtype):
    layer, x = built(Softmax("softmax", axis), SHAPE), X.astype(dtype)
    axes = tuple(axis) if isinstance(axis, list | tuple) else axis
    powers = np.exp(X)
    exact, actual = powers / powers.sum(axis=axes, keepdims=True), run(layer, x)
    # at most 35 terms are added; the argument of the exponential, at most 18, is rounded
    assert_close(actual, exact, gamma(35 + 18 + 4, dtype) * exact)
    expected = keras_output(layer, x, axis=axis)
    # from several axes Keras takes the logarithm of the sum, up to 13, off the exponent, and rounds both
    assert_close(actual, expected, gamma(2 * (35 + 18 + 4), dtype) * exact)
    assert (layer.window_on(SHAPE), layer.activation) == (window, "softmax")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    layer = built(Activation("f", name), SHAPE)
    assert np.array_equal(run(layer, X), ACTIVATIONS[name](X))
    assert layer.activation == name


WRONG = [
    (lambda: ReLU("r", negative_slope=-0.5), "negative_slope is -0.5, expected a number of at least 0"),
    (lambda: ReLU("r", max_value=-1), "max_value is -1, expected a number of at least 0"),
    (lambda: ReLU("r", threshold=float("nan")), "threshold is nan, expected a number of at least 0"),
    (lambda: ReLU("r", threshold=None), "threshold is None, expected a number of at least 0"),
    (lambda: LeakyReLU("r", "0.3"), "negative_slope is '0.3', expected a number of at least 0"),
    (lambda: LeakyReLU("r", True), "negative_slope is True, expected a number of at least 0"),
    (lambda: ELU("r", [1.0]), r"alpha is \[1.0\], expected a number of at least 0"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_wrong_numbers_are_refused(make, message):
    with pytest.raises(UnsupportedError, match=f"^layer 'r': {message}$"):
        make()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (PReLU("r", 4), r"shared_axes 4: expected axes from 1 to 3"),
        (PReLU("r", [0, 1]), r"shared_axes \[0, 1\]: expected axes from 1 to 3"),
        (PReLU("r", [-1]), r"shared_axes \[-1\]: expected axes from 1 to 3"),
        (PReLU("r", "1"), r"shared_axes '1': expected axes from 1 to 3"),
        (PReLU("r", [1.0]), r"shared_axes \[1.0\]: expected axes from 1 to 3"),
        (Softmax("r", 0), r"axis 0 of 4 dimensions, the batch \(0\) among them: expected 1 to 3, once"),
        (Softmax("r", -4), "axis -4 of 4 dimensions"),
        (Softmax("r", 4), "axis 4 of 4 dimensions"),
        (Softmax("r", [1, -3]), r"axis \[1, -3\] of 4 dimensions"),
        (Softmax("r", None), "axis None is neither an int nor a list of ints"),
        (Softmax("r", [1, 1.5]), r"axis \[1, 1.5\] is neither an int nor a list of ints"),
    ],
)
def test_wrong_axes_are_refused(layer, message):
    with pytest.raises(ShapeError, match=rf"^layer 'r' on an input of \(5, 7, 4\): {message}"):
        layer.build(SHAPE)


def test_a_function_that_changes_the_shape_is_refused():
    with pytest.raises(UnsupportedError, match=r"^layer 'g': no activation 'glu'; did you mean 'gelu'"):
        Activation("g", "glu")
