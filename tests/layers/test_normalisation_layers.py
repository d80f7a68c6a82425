"""The layers that normalise, over their options, each against its paper's formula in float64 and against Keras."""

from itertools import product

import numpy as np
import pytest

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import BatchNormalization, GroupNormalization, LayerNormalization, UnitNormalization
from convlab.layers.base import ONE_CELL
from support.closeness import assert_close, gamma
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

pytestmark = pytest.mark.usefixtures("both_ways")

SHAPE = (5, 7, 6)
X = random(11, (3, *SHAPE), -1, 3)
ON_AND_OFF = [(True, True), (True, False), (False, True), (False, False)]


def along(weights, name, axes, default):
    """Return a weight in such a shape that it lies along the axes of X."""
    if name not in weights:
        return default
    return weights[name].reshape([size if i in axes else 1 for i, size in enumerate(X.shape)])


def compare(layer, dtype, exact, amplified, terms, **options):
    """Compare a layer with the exact values, and with Keras.

    The numbers that are subtracted from one another, divided by the deviation, are at most `amplified`; twelve of
    their roundings reach the result here. Keras normalises in float32 whatever the type, and adds up `terms` numbers
    in it; with terms=0 it cannot do it at all.
    """
    actual = run(layer, X.astype(dtype))
    bound = gamma(12, dtype) * amplified
    assert_close(actual, exact, bound, f"{options}")
    if terms:
        expected = keras_output(layer, X.astype(dtype), **options)
        assert_close(actual, expected, bound + gamma(terms + 24, np.float32) * amplified, "Keras")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("axis", "number"), [(-1, 3), (3, 3), (1, 1), (2, 2), (-2, 2), (-3, 1)])
@pytest.mark.parametrize(("center", "scale"), ON_AND_OFF)
def test_batch_normalization(axis, number, center, scale, dtype):
    options = {"axis": axis, "epsilon": 0.01, "center": center, "scale": scale}
    layer = built(BatchNormalization("norm", **options), SHAPE)
    names = ["gamma"] * scale + ["beta"] * center + ["moving_mean", "moving_variance"]
    assert list(layer.shapes.items()) == [(name, (X.shape[number],)) for name in names]
    mean, variance = (along(layer.weights, f"moving_{name}", [number], None) for name in ("mean", "variance"))
    gain, shift = along(layer.weights, "gamma", [number], 1), along(layer.weights, "beta", [number], 0)
    factor = gain / np.sqrt(variance + 0.01)
    size = (np.abs(X) + np.abs(mean)) * np.abs(factor) + np.abs(shift)
    compare(layer, dtype, (X - mean) * factor + shift, size, 1, **options)
    assert layer.window == ONE_CELL and layer.multiply_adds(SHAPE) == 0


def test_batch_normalization_of_rows_and_with_an_axis_in_a_list():
    x = random(12, (3, 9))
    layer = built(BatchNormalization("norm", axis=[1]), (9,))
    w = layer.weights
    exact = (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + 1e-3) * w["gamma"] + w["beta"]
    assert_close(run(layer, x), exact, gamma(8, np.float64) * 8)
    assert_close(run(layer, x), keras_output(layer, x, axis=1), gamma(16, np.float32) * 8)


LAYER_AXES = [-1, 3, [3], 1, 2, [1, 2], [2, 3], [3, 2], [-1, -2], [1, 2, 3], (1, -1)]


def counted(axis):
    return tuple(sorted(a % 4 for a in (axis if isinstance(axis, list | tuple) else [axis])))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", LAYER_AXES, ids=str)
def test_layer_normalization(axis, dtype):
    axes = counted(axis)
    for (center, scale), epsilon in product(ON_AND_OFF, (1e-3, 0.5)):
        options = {"axis": axis, "epsilon": epsilon, "center": center, "scale": scale}
        layer = built(LayerNormalization("norm", **options), SHAPE)
        shape = tuple(X.shape[a] for a in axes)
        assert layer.shapes == dict.fromkeys(["gamma"] * scale + ["beta"] * center, shape)
        mean, variance = X.mean(axis=axes, keepdims=True), X.var(axis=axes, keepdims=True)
        gain, shift = along(layer.weights, "gamma", axes, 1), along(layer.weights, "beta", axes, 0)
        normal, deviation = (X - mean) / np.sqrt(variance + epsilon), np.sqrt(variance + epsilon)
        size = reach(X, mean, deviation, normal) * np.abs(gain) + np.abs(shift)
        terms = np.prod(shape) if 3 in axes else 0  # on PyTorch, Keras 3.15 fails without the last axis
        compare(layer, dtype, normal * gain + shift, size, terms, **options | {"axis": keras_axis(axis)})
        assert layer.window_on(SHAPE) == (ONE_CELL if axes == (3,) else None if {1, 2} <= set(axes) else "varies")


def keras_axis(axis):
    """Return the axes counted from the front: of others Keras sorts and indexes differently."""
    return list(counted(axis)) if isinstance(axis, list | tuple) else axis


def reach(x, mean, deviation, normal):
    """Return the size of what is subtracted, and of its square in the variance, over the deviation."""
    largest = (np.abs(x).max() + np.abs(mean)) / deviation
    return largest + largest**2 * np.abs(normal)


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [-1, 2, [1, 2]], ids=str)
@pytest.mark.parametrize(("center", "scale"), ON_AND_OFF)
def test_layer_normalization_that_leaves_the_mean(axis, center, scale, dtype):
    options = {"axis": axis, "center": center, "scale": scale, "rms_scaling": True}
    layer, axes = built(LayerNormalization("norm", **options), SHAPE), counted(axis)
    assert list(layer.shapes) == ["gamma"]
    mean, deviation = X.mean(axis=axes, keepdims=True), np.sqrt(X.var(axis=axes, keepdims=True) + 1e-3)
    gain = along(layer.weights, "gamma", axes, 1)
    size = reach(X, mean, deviation, X / deviation) * np.abs(gain)
    compare(layer, dtype, X / deviation * gain, size, 35, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("groups", "axis"), [(1, -1), (2, -1), (3, 3), (6, -1), (-1, -1), (7, 2), (5, 1), (1, -2), (-1, 1)]
)
@pytest.mark.parametrize(("center", "scale"), ON_AND_OFF)
def test_group_normalization(groups, axis, center, scale, dtype):
    options = {"groups": groups, "axis": axis, "epsilon": 0.02, "center": center, "scale": scale}
    layer, number = built(GroupNormalization("norm", **options), SHAPE), axis % 4
    mean, variance = np.empty_like(X), np.empty_like(X)
    channels = X.shape[number]
    for n in range(len(X)):
        for part in np.split(np.arange(channels), channels if groups == -1 else groups):
            place = (n, *(part if i == number else slice(None) for i in (1, 2, 3)))
            mean[place], variance[place] = X[place].mean(), X[place].var()
    gain, shift = along(layer.weights, "gamma", [number], 1), along(layer.weights, "beta", [number], 0)
    deviation = np.sqrt(variance + 0.02)
    normal = (X - mean) / deviation
    size = reach(X, mean, deviation, normal) * np.abs(gain) + np.abs(shift)
    compare(layer, dtype, normal * gain + shift, size, 210, **options)
    assert layer.window is None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [-1, 3, 1, [1, 2], [1, 2, 3]], ids=str)
def test_unit_normalization(axis, dtype):
    layer, axes = built(UnitNormalization("unit", axis), SHAPE), counted(axis)
    exact = X / np.sqrt((X * X).sum(axis=axes, keepdims=True))
    compare(layer, dtype, exact, np.abs(exact), 210, axis=axis)
    assert layer.window_on(SHAPE) == (ONE_CELL if axes == (3,) else None if {1, 2} <= set(axes) else "varies")
    assert not layer(np.zeros((2, *SHAPE), dtype)).any()


def test_unit_normalization_divides_by_the_shortest_length_that_counts():
    x = np.array([[[[0.03, 0.04]], [[3.0, 4.0]]]], np.float32)
    layer = built(UnitNormalization("unit", shortest=0.5), x.shape[1:])
    assert_close(layer(x)[0, :, 0], np.array([[0.06, 0.08], [0.6, 0.8]]), gamma(8, np.float32))


def test_a_large_mean_does_not_drown_the_deviation():
    x = (1000 + random(14, (2, 40, 50, 3))).astype(np.float32)
    exact = x.astype(np.float64)
    exact = (exact - exact.mean(axis=(1, 2), keepdims=True)) / np.sqrt(exact.var(axis=(1, 2), keepdims=True) + 1e-3)
    layer = built(LayerNormalization("norm", [1, 2], center=False, scale=False), (40, 50, 3))
    actual = layer(x)
    # the mean is rounded once, to half a unit of 1000; its deviation is about 0.58
    assert_close(actual, exact, 1000 * 2**-24 / 0.57 + gamma(8, np.float32) * 2)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (BatchNormalization("n", 0), r"axis 0 of 4 dimensions, the batch \(0\) among them: expected 1 to 3, once$"),
        (BatchNormalization("n", [1, 2]), r"axis \[1, 2\] names 2 axes, expected 1$"),
        (LayerNormalization("n", 4), "axis 4 of 4 dimensions"),
        (LayerNormalization("n", "-1"), "axis '-1' is neither an int nor a list of ints$"),
        (LayerNormalization("n", []), r"axis \[\] is neither an int nor a list of ints$"),
        (UnitNormalization("n", [3, -1]), r"axis \[3, -1\] of 4 dimensions"),
        (GroupNormalization("n"), "6 channels cannot be split into 32 groups$"),
        (GroupNormalization("n", 4), "6 channels cannot be split into 4 groups$"),
    ],
)
def test_what_does_not_fit_is_refused(layer, message):
    with pytest.raises(ShapeError, match=rf"^layer 'n' on an input of \(5, 7, 6\): {message}"):
        layer.build(SHAPE)


@pytest.mark.parametrize("kind", [BatchNormalization, LayerNormalization, GroupNormalization])
@pytest.mark.parametrize("epsilon", [-1, None, "1e-3", float("inf")])
def test_an_epsilon_that_is_no_number_is_refused(kind, epsilon):
    with pytest.raises(UnsupportedError, match=r"^layer 'n': epsilon is .*, expected a number of at least 0$"):
        kind("n", epsilon=epsilon)


@pytest.mark.parametrize("groups", [0, -2, 2.0, True, None])
def test_groups_that_are_no_number_are_refused(groups):
    with pytest.raises(ShapeError, match=r"^layer 'n': groups is .*, expected a whole number of at least 1$"):
        GroupNormalization("n", groups)
