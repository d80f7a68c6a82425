"""Rescaling and Normalization over their options, against float64 and Keras."""

import numpy as np
import pytest

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import Normalization, Rescaling
from convlab.layers.base import ONE_CELL
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise
from support.closeness import assert_close, gamma
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

SHAPE = (5, 7, 3)
X = random(41, (4, *SHAPE), 0, 255)
BGR = [103.939, 116.779, 123.68]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("scale", "offset"),
    [
        (1 / 255, 0),
        (1 / 127.5, -1),
        (2, [0.25, -0.5, 1]),
        ([0.017, 0.018, 0.016], 0.0),
        ([0.017, 0.018, 0.016], [-2.1, -2.0, -1.8]),
        (np.float32(0.1), 0),
        ([[[0.5]]], (1, 2, 3)),
    ],
)
def test_rescaling(scale, offset, dtype):
    layer, x = built(Rescaling("rescale", scale, offset), SHAPE), X.astype(dtype)
    exact, actual = X * np.float64(scale) + np.float64(offset), run(layer, x)
    bound = gamma(4, dtype) * (np.abs(X * np.float64(scale)) + np.abs(np.float64(offset)))  # both are rounded first
    assert_close(actual, exact, bound)
    theirs = gamma(4, np.float32) / gamma(4, dtype) * bound
    assert_close(actual, keras_output(layer, x, scale=scale, offset=offset), bound + theirs)
    with using_policy(True):
        assert np.array_equal(run(layer, x), actual)
    assert layer.window == ONE_CELL and layer.multiply_adds(SHAPE) == 0


NORMALIZATIONS = [  # axis, mean, variance
    (-1, BGR, [10.0, 20.0, 30.0]),
    (3, BGR, [10.0, 20.0, 30.0]),
    ([3], [BGR[0]], [10.0]),
    (-1, 100.0, 50.0),
    (None, 100.0, 50.0),
    ([], 100.0, 50.0),
    (1, [1.0, 2, 3, 4, 5], [5.0, 4, 3, 2, 1]),
    ([1, 3], random(1, (5, 3)).tolist(), random(2, (5, 3), 0.5, 1.5).tolist()),
    ((-1, 1), BGR, [10.0, 20.0, 30.0]),
    (-1, BGR, [0.0, 0.0, 1e-20]),
]


def exact_normal(axis, mean, variance, invert):
    axes = sorted(a % 4 for a in (axis if isinstance(axis, list | tuple) else [] if axis is None else [axis]))
    sizes = [X.shape[a] for a in axes]
    shape = [X.shape[i] if i in axes else 1 for i in range(4)]
    mean, variance = (np.broadcast_to(p, sizes).reshape(shape) for p in (mean, variance))
    deviation = np.maximum(np.sqrt(variance), 1e-7)
    exact = X * deviation + mean if invert else (X - mean) / deviation
    return exact, np.abs(X) * deviation + np.abs(mean) if invert else (np.abs(X) + np.abs(mean)) / deviation


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(("axis", "mean", "variance"), NORMALIZATIONS)
def test_normalization_by_given_numbers(axis, mean, variance, invert, dtype):
    options = {"axis": axis, "mean": mean, "variance": variance, "invert": invert}
    layer, x = built(Normalization("normal", **options), SHAPE), X.astype(dtype)
    assert layer.parameters == 0
    exact, size = exact_normal(axis, np.float64(mean), np.float64(variance), invert)
    actual, bound = run(layer, x), gamma(8, dtype) * size  # mean and variance are rounded, then four operations
    assert_close(actual, exact, bound)
    with using_policy(True):
        assert_close(run(layer, x), exact, bound)
    theirs = gamma(8, np.float32) * size
    assert_close(actual, keras_output(layer, x, **options), bound + theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(("axis", "kept"), [(-1, (3,)), (2, (7,)), ([1, 3], (5, 3)), ((-1, -2), (7, 3)), (None, ())])
def test_normalization_by_measured_numbers(axis, kept, invert, dtype):
    layer, x = built(Normalization("normal", axis, invert=invert), SHAPE), X.astype(dtype)
    assert list(layer.shapes.items()) == [("mean", kept), ("variance", kept), ("count", ())]
    exact, size = exact_normal(axis, layer.weights["mean"], layer.weights["variance"], invert)
    actual, bound = run(layer, x), gamma(8, dtype) * size
    assert_close(actual, exact, bound)
    assert_close(actual, keras_output(layer, x, axis=axis, invert=invert), bound + gamma(8, np.float32) * size)


@pytest.mark.parametrize("shape", [(5, 7, 3), (4, 5, 16), (37,)], ids=str)
@pytest.mark.parametrize(
    "layer",
    [
        lambda c: Rescaling("one", 1 / 255, -1),
        lambda c: Rescaling("each", 1 / 255, list(range(c))),
        lambda c: Normalization("normal", mean=list(range(c)), variance=2.0),
    ],
)
def test_a_compiled_kernel_computes_them(layer, shape, monkeypatch):
    used, kernel = [], elementwise.normalise
    monkeypatch.setattr(elementwise, "normalise", lambda *args: (used.append(1), kernel(*args)))
    layer, x = built(layer(shape[-1]), shape), random(3, (4, *shape), 0, 255).astype(np.float32)
    expected = run(layer, x)
    with using_policy(True):
        np.testing.assert_allclose(run(layer, x), expected, rtol=1e-6, atol=1e-6)
    assert used


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rescaling("r", "x"), "scale is 'x', expected a number or a list of numbers"),
        (lambda: Rescaling("r", None), "scale is None, expected a number or a list of numbers"),
        (lambda: Rescaling("r", 1, [[1, 2], [3]]), r"offset is \[\[1, 2\], \[3\]\], expected a number or a list"),
        (lambda: Rescaling("r", {"value": 1}), r"scale is \{'value': 1\}, expected a number or a list"),
        (lambda: Normalization("r", mean=[float("inf")], variance=[1]), r"mean is \[inf\], expected a number"),
        (lambda: Normalization("r", mean=1.0), "of mean and variance, both are needed or none"),
    ],
)
def test_wrong_numbers_are_refused(make, message):
    with pytest.raises(UnsupportedError, match=f"^layer 'r': {message}"):
        make()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Rescaling("m", [1, 2]), r"scale has shape \(2,\), expected \(5, 7, 3\), or a single number$"),
        (Rescaling("m", 1, np.ones((4, 1, 1, 1))), r"offset has shape \(4, 1, 1, 1\), expected \(5, 7, 3\)"),
        (Normalization("m", mean=[1, 2], variance=[1, 2]), r"mean has shape \(2,\), expected \(3,\)"),
        (Normalization("m", None, mean=[1], variance=[1]), r"mean has shape \(1,\), expected \(\)"),
        (Normalization("m", 0), r"axis 0 of 4 dimensions, the batch \(0\) among them"),
    ],
)
def test_what_does_not_fit_is_refused(layer, message):
    with pytest.raises(ShapeError, match=rf"^layer 'm' on an input of \(5, 7, 3\): {message}"):
        layer.build(SHAPE)
