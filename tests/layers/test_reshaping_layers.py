"""The layers that move numbers, and those that leave them where they are: exact, so compared bit by bit."""

from itertools import permutations

import numpy as np
import pytest

from convlab import layers
from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import Flatten, Permute, RepeatVector, Reshape
from convlab.layers.base import ONE_CELL
from support.layers.beside_keras import DTYPES, built, keras_library, keras_output, random, run
from support.recorded import answer

SHAPE = (5, 7, 4)
X = random(31, (3, *SHAPE))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("target", "output"),
    [
        ((140,), (140,)),
        ((-1,), (140,)),
        ([7, 5, 4], (7, 5, 4)),
        ((35, -1), (35, 4)),
        ((-1, 2, 2), (35, 2, 2)),
        ((1, 1, -1), (1, 1, 140)),
        ((2, 5, -1, 7), (2, 5, 2, 7)),
    ],
)
def test_reshape(target, output, dtype):
    layer, x = built(Reshape("reshape", target), SHAPE), X.astype(dtype)
    assert layer.infer_shape(SHAPE) == output
    actual = run(layer, x)
    assert actual.reshape(3, -1).tolist() == x.reshape(3, -1).tolist()
    assert np.array_equal(actual, keras_output(layer, x, target_shape=target))
    assert layer.window == (None if len(output) == 1 else "varies")


def test_reshape_takes_its_shape_from_the_call():
    layer = built(Reshape("reshape", (-1, 2)), (6,))
    assert layer(np.zeros((3, 8))).shape == (3, 4, 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dims", [*permutations((1, 2, 3)), [2, 3, 1]], ids=str)
def test_permute(dims, dtype):
    layer, x = built(Permute("permute", dims), SHAPE), X.astype(dtype)
    actual = run(layer, x)
    for index in np.ndindex(x.shape):
        assert actual[(index[0], *(index[axis] for axis in dims))] == x[index]
    assert np.array_equal(actual, keras_output(layer, x, dims=dims))
    assert layer.window == "varies"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [SHAPE, (6, 4), (9,)])
def test_flatten(shape, dtype):
    layer, x = built(Flatten("flatten"), shape), random(32, (3, *shape)).astype(dtype)
    actual = run(layer, x)
    for index in np.ndindex(x.shape):
        assert actual[index[0], np.ravel_multi_index(index[1:], shape)] == x[index]
    assert np.array_equal(actual, keras_output(layer, x))


@pytest.mark.parametrize("shape", [SHAPE, (6, 4), (9,)])
def test_flatten_as_a_channels_first_network_did(shape):
    layer, x = built(Flatten("flatten", channels_first=True), shape), random(33, (3, *shape))
    actual = run(layer, x)
    first = (shape[-1], *shape[:-1])  # (C, H, W)
    for index in np.ndindex(x.shape):
        n, *place, channel = index
        assert actual[n, np.ravel_multi_index((channel, *place), first)] == x[index]
    # Keras' layer flattens what it takes for channels last as it stands: that is what such networks relied on
    moved = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    plain = built(Flatten("plain"), moved.shape[1:])
    assert np.array_equal(actual, keras_output(plain, moved, data_format="channels_last"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 3])
def test_repeat_vector(n, dtype):
    layer, x = built(RepeatVector("repeat", n), (6,)), random(34, (4, 6)).astype(dtype)
    actual = run(layer, x)
    assert all(np.array_equal(actual[:, i], x) for i in range(n))
    assert np.array_equal(actual, keras_output(layer, x, n=n))
    assert layer.window == "varies"


IDENTITIES = {
    "Identity": {},
    "Dropout": {"rate": 0.5},
    "SpatialDropout1D": {"rate": 0.5},
    "SpatialDropout2D": {"rate": 0.5},
    "AlphaDropout": {"rate": 0.5},
    "GaussianDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5},
    "ActivityRegularization": {"l1": 0.5},
}


@pytest.mark.parametrize("kind", IDENTITIES)
def test_identity(kind):
    layer = built(getattr(layers, kind)("same"), (7, 4) if kind == "SpatialDropout1D" else SHAPE)
    x = X[:, 0] if kind == "SpatialDropout1D" else X
    assert type(layer).__name__ == kind
    assert np.array_equal(run(layer, x), x)
    assert np.array_equal(keras_output(layer, x.astype(np.float32), **IDENTITIES[kind]), x)
    assert layer.window == ONE_CELL and layer.parameters == 0


def test_no_layer_that_only_trains_is_forgotten():
    def kinds():
        modules = ((k, getattr(c, "__module__", "")) for k, c in vars(keras_library().layers).items())
        return sorted(k for k, module in modules if module.startswith("keras.src.layers.regularization."))

    regularising = answer("keras", ["layers that regularise"], kinds)
    assert set(regularising) - set(IDENTITIES) == {"SpatialDropout3D"}


@pytest.mark.parametrize("target", [(-1, -1), (-2, 3), (2.0, 3), "140", None, (True, 140), 140])
def test_a_target_that_is_no_shape_is_refused(target):
    with pytest.raises(UnsupportedError, match=r"^layer 'r': target_shape is .*, expected (a list of|at most one)"):
        Reshape("r", target)


@pytest.mark.parametrize("dims", [(0, 1, 2), (1, 1, 2), (1, 3), (1.0, 2), "12", None, (True, 2), (1, "2")])
def test_dims_that_are_no_order_are_refused(dims):
    with pytest.raises(UnsupportedError, match=r"^layer 'p': dims is .*, expected the numbers from 1 up, each once$"):
        Permute("p", dims)


@pytest.mark.parametrize("n", [0, -1, 1.5, None, True, "2"])
def test_what_is_no_count_is_refused(n):
    with pytest.raises(ShapeError, match=r"^layer 'r': n is .*, expected a whole number of at least 1$"):
        RepeatVector("r", n)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Reshape("m", (3, -1)), r"140 numbers do not make \(3, -1\)$"),
        (Reshape("m", [7, 21]), r"140 numbers do not make \(7, 21\)$"),
        (Reshape("m", [0, -1]), r"140 numbers do not make \(0, -1\)$"),
        (RepeatVector("m", 3), r"expected \(features,\)$"),
        (Permute("m", (2, 1)), r"dims \(2, 1\) orders 2 axes$"),
    ],
)
def test_what_does_not_fit_is_refused(layer, message):
    with pytest.raises(ShapeError, match=rf"^layer 'm' on an input of \(5, 7, 4\): {message}"):
        layer.build(SHAPE)
