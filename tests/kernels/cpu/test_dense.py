"""The compiled kernel of fully connected layers: few and many rows, rows that are not read, NaN, threads, layouts."""

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError
from convlab.layers import Dense as DenseLayer
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import dense, set_threads, threads
from convlab_kernels.cpu.activation import activation
from convlab_kernels.cpu.dense import DEPTH, FEW, Dense
from support.closeness import assert_close, gamma, sum_bound

SHAPES = [  # rows of x, inputs, outputs
    (0, 5, 7),
    (1, 1, 3),
    (1, 37, 67),
    (2, 3, 1),
    (3, 41, 16),
    (4, 9, 5),
    (7, 50, 129),
    (FEW, 23, 31),
    (FEW + 1, 23, 31),
    (19, 1, 6),
    (21, 2 * DEPTH + 3, 70),
    (43, DEPTH, 1100),
]


@pytest.fixture(autouse=True, params=[dense.PACKED, 0], ids=["in panels", "as they lie"])
def _packed(request, monkeypatch):
    """Keep the weights in panels, or not."""
    monkeypatch.setattr(dense, "PACKED", request.param)


def arrays(n, k, o, zeros=0.0):
    """Return x (n, k), of which a share of the columns is zeros, w (k, o) and b (o,), float32."""
    random = np.random.default_rng([n, k, o])
    x, w, b = (random.standard_normal(shape, np.float32) for shape in ((n, k), (k, o), (o,)))
    x[:, random.random(k) < zeros] = 0
    return x, w, b


def exact(x, w, b=0.0):
    """Return x @ w + b in float64, and the sum of the magnitudes."""
    x, w, b = (np.asarray(array, np.float64) for array in (x, w, b))
    total = np.stack([(row[:, None] * w).sum(axis=0) for row in x]) if len(x) else np.empty((0, w.shape[1]))
    magnitude = np.abs(x) @ np.abs(w) + np.abs(b)
    return total + b, magnitude


def multiplied(x, w, b=None, relu=False):
    out = np.full((len(x), w.shape[1]), np.nan, x.dtype)
    Dense(w)(x, out, b, relu)
    return out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("zeros", [0.0, 0.7])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_the_sum_of_products(shape, zeros, dtype):
    x, w, b = arrays(*shape, zeros)
    total, magnitude = exact(x, w, b)
    bound = sum_bound(shape[1] + 1, magnitude, dtype)
    x, w, b = (array.astype(dtype) for array in (x, w, b))
    assert_close(multiplied(x, w, b), total, bound)
    assert_close(multiplied(x, w, b, relu=True), np.maximum(total, 0), bound)
    assert_close(multiplied(x, w), total - b, bound)


@pytest.mark.parametrize("n", [1, 3, 50])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_with_any_number_of_threads(shape, n):
    x, w, b = arrays(*shape, 0.4)
    total, magnitude = exact(x, w, b)
    before = threads()
    try:
        set_threads(n)
        first, again = multiplied(x, w, b), multiplied(x, w, b)
    finally:
        set_threads(before)
    assert_close(first, total, sum_bound(shape[1] + 1, magnitude, np.float32))
    assert first.tobytes() == again.tobytes()


def test_rows_that_meet_only_zeros_are_not_read(monkeypatch):
    monkeypatch.setattr(dense, "PACKED", 0)
    x, w, _ = arrays(3, 50, 21, zeros=0.6)
    x[:, 7] = 0, 0, 0.5  # one that a single example needs
    kernel, met = Dense(w), x.any(axis=0)
    assert 10 < met.sum() < 30
    total, magnitude = exact(x, w)
    w[~met] = np.nan  # which the kernel, that found w finite, would add
    out = np.empty(total.shape, np.float32)
    kernel(x, out)
    assert_close(out, total, sum_bound(50, magnitude, np.float32))


@pytest.mark.parametrize("n", [1, FEW, FEW + 3])
def test_the_ceiling_and_an_activation_function_are_its_last_step(n):
    x, w, b = arrays(n, 40, 37)
    total, magnitude = exact(x, w, b)
    bound, out = sum_bound(41, magnitude, np.float32), np.empty((n, 37), np.float32)
    Dense(w)(x, out, b, True, 1.5)
    assert_close(out, total.clip(0, 1.5), bound)
    Dense(w)(x, out, b, activation=activation("sigmoid"))
    assert_close(out, 1 / (1 + np.exp(-total)), bound + 4 * gamma(1, np.float32))


def test_infinity_stays_in_its_column_where_products_are_many():
    x, w, _ = arrays(FEW + 3, 2 * DEPTH, 37)
    x[:] = 1
    w[5, 4] = np.inf
    assert np.array_equal(np.isposinf(multiplied(x, w)), np.broadcast_to(np.arange(37) == 4, (FEW + 3, 37)))


@pytest.mark.parametrize("n", [1, 5, FEW + 3])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_zero_times_what_is_not_finite_is_nan(n, value):
    x, w, _ = arrays(n, 40, 13)
    x[:, 11] = 0
    w[11, 4] = value
    expected = np.zeros((n, 13), np.bool_)
    expected[:, 4] = True
    with np.errstate(invalid="ignore"):
        assert np.array_equal(np.isnan(multiplied(x, w)), expected)


@pytest.mark.parametrize("n", [1, 5, FEW + 3])
def test_nan_and_infinity_of_the_input_reach_their_row_and_no_other(n):
    x, w, b = arrays(n, 40, 37)
    x[n - 1, 17], x[0, 3] = np.nan, np.inf if n > 1 else 1.0
    with np.errstate(invalid="ignore"):
        actual = multiplied(x, w, b, relu=True)
    assert np.isnan(actual[n - 1]).all() and np.isfinite(actual[1 : n - 1]).all()
    if n > 1:
        assert np.array_equal(actual[0], np.where(w[3] > 0, np.inf, 0))


@pytest.mark.parametrize("at", [0, 1, 1234, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_number_that_is_not_finite_is_found(at, dtype, monkeypatch):
    monkeypatch.setattr(dense, "PACKED", 0)
    w = np.full((61, 53), np.finfo(dtype).max, dtype)
    w[::2] *= -1
    assert Dense(w).finite
    for value in (np.inf, -np.inf, np.nan):
        wrong = w.copy()
        wrong.flat[at] = value
        assert not Dense(wrong).finite


@pytest.mark.parametrize("n", [3, FEW + 4])
def test_memory_layout_makes_no_difference_and_arguments_stay(n):
    given = arrays(n, 29, 43, 0.3)
    expected = multiplied(*given)
    backward = [a[(slice(None, None, -1),) * a.ndim].copy()[(slice(None, None, -1),) * a.ndim] for a in given]
    for variant in ([np.asfortranarray(a) for a in given], backward, [a.repeat(2, axis=-1)[..., ::2] for a in given]):
        for array in variant:
            array.flags.writeable = False
        assert multiplied(*variant).tobytes() == expected.tobytes()


def test_an_out_that_is_not_contiguous_is_refused():
    x, w, _ = arrays(3, 5, 4)
    with pytest.raises(ShapeError, match=r"^dense: out is not contiguous in C order; give a whole array"):
        Dense(w)(x, np.ones((3, 8), np.float32)[:, ::2])


@pytest.mark.parametrize("places", [(), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_operation_computes_with_it(dtype, places):
    _, w, b = arrays(1, 11, 6)
    x = np.random.default_rng(0).standard_normal((5, *places, 11)).astype(dtype)
    total, magnitude = exact(x.reshape(-1, 11), w, b)
    with using_policy(True):
        actual = convlab.dense(x, w, b)
    assert actual.dtype == dtype and actual.shape == (5, *places, 6)
    assert_close(actual.reshape(-1, 6), total, sum_bound(12, magnitude, dtype))


def layer(activation="linear", use_bias=True):
    """Return a layer of 6 units on 11 inputs, and its weights."""
    made = DenseLayer("fc", 6, activation, use_bias)
    made.build((11,))
    _, w, b = arrays(1, 11, 6)
    made.set_weights(kernel=w, **({"bias": b} if use_bias else {}))
    return made


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_the_layer_computes_with_it(activation, use_bias, compiled):
    x = arrays(4, 11, 6)[0]
    fc = layer(activation, use_bias)
    total, magnitude = exact(x, fc.weights["kernel"], fc.weights["bias"] if use_bias else 0.0)
    expected = {"linear": total, "relu": np.maximum(total, 0), "tanh": np.tanh(total)}[activation]
    with using_policy(compiled):
        actual, before = fc(x), fc.linear(x)
    bound = sum_bound(12, magnitude, np.float32)  # tanh shortens distances
    assert_close(
        actual, expected, bound + (4 * gamma(1, np.float32) if activation == "tanh" else 0)
    )  # and errs itself
    assert_close(before, total, bound)


def test_the_layer_prepares_once_for_each_type_and_again_for_new_weights(monkeypatch):
    prepared, prepare = [], dense.Dense
    monkeypatch.setattr(dense, "Dense", lambda w: (prepared.append(w.dtype), prepare(w))[1])
    fc, (x, w, b) = layer(), arrays(4, 11, 6)
    with using_policy(False):
        fc(x)
    assert not prepared
    with using_policy(True):
        fc(x), fc(x[:2]), fc(x.astype(np.float64)), fc(x)
        assert prepared == [np.float32, np.float64]
        fc.set_weights(kernel=2 * w, bias=b)
        total, magnitude = exact(x, 2 * w, b)
        assert_close(fc(x), total, sum_bound(12, magnitude, np.float32))
    assert prepared == [np.float32, np.float64, np.float32]
