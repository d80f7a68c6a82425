"""A layer applied to each step: the same as the inner layer on each alone, and as Keras."""

import numpy as np
import pytest

from convlab.errors import ShapeError
from convlab.layers import (
    Activated,
    Add,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling2D,
    LayerNormalization,
    MaxPooling2D,
    ReLU,
    Softmax,
    TimeDistributed,
    over_time,
)
from convlab.layers.base import ONE_CELL
from convlab.model.fusion import fuse
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab_kernels.window import Window
from support.closeness import assert_close, sum_bound
from support.layers.absolute import magnitudes
from support.layers.beside_keras import DTYPES, built, random, run

INNER = {  # the layer, the shape of one step, of what comes out, and what one output sees
    "conv": (Conv2D("a", 5, (2, 3), activation="relu"), (6, 7, 3), (5, 5, 5), "varies"),
    "norm": (BatchNormalization("a"), (6, 7, 3), (6, 7, 3), "varies"),
    "pool": (MaxPooling2D("a", 2), (6, 7, 3), (3, 3, 3), "varies"),
    "global": (GlobalMaxPooling2D("a"), (6, 7, 3), (3,), "varies"),
    "flatten": (Flatten("a"), (6, 7, 3), (126,), "varies"),
    "dense": (Dense("a", 5, "tanh"), (7,), (5,), ONE_CELL),
    "softmax": (Softmax("a"), (7,), (7,), ONE_CELL),
    "layer norm": (LayerNormalization("a"), (7,), (7,), ONE_CELL),
    "conv1d": (Conv1D("a", 5, 3), (7, 3), (5, 5), Window((1, 3))),
    "mean": (GlobalAveragePooling1D("a"), (7, 3), (3,), "varies"),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("inner", "shape", "output", "window"), INNER.values(), ids=INNER)
def test_each_step_is_the_inner_layers(inner, shape, output, window, dtype):
    layer = built(over_time(inner), (4, *shape))
    assert (layer.infer_shape((4, *shape)), layer.window_on((4, *shape))) == ((4, *output), window)
    assert layer.kind == f"TimeDistributed({type(inner).__name__})"
    x = random(5, (3, 4, *shape)).astype(dtype)
    actual = run(layer, x)
    for step in range(4):
        assert_close(actual[:, step], layer.inner(x[:, step]), sum_bound(140, 8, dtype))
    assert layer.multiply_adds((4, *shape)) == 4 * inner.multiply_adds(shape)
    assert isinstance(layer, Activated) is isinstance(inner, Activated)


def test_a_wrong_step_is_noticed():
    """The test above is about steps: one more or less is far beyond its bound."""
    layer, x = built(over_time(Dense("a", 5)), (4, 7)), random(5, (3, 4, 7))
    assert np.abs(layer(x)[:, 1] - layer.inner(x[:, 2])).max() > 0.1


def test_films_of_films():
    layer, x = built(over_time(Conv2D("a", 2, 2), 2), (2, 4, 5, 6, 3)), random(6, (3, 2, 4, 5, 6, 3))
    assert layer.kind == "TimeDistributed(TimeDistributed(Conv2D))"
    assert (layer.infer_shape((2, 4, 5, 6, 3)), list(layer.shapes)) == ((2, 4, 4, 5, 2), ["kernel", "bias"])
    flat = built(Conv2D("b", 2, 2), (5, 6, 3))
    flat.set_weights(**layer.weights)
    bound = sum_bound(13, magnitudes(flat, x.reshape(24, 5, 6, 3)), np.float64)
    assert_close(run(layer, x).reshape(24, 4, 5, 2), flat(x.reshape(24, 5, 6, 3)), bound)


def test_inputs_are_merged_step_by_step():
    layer, inputs = (
        built(over_time(Add("a")), (4, 5, 3), (4, 1, 3)),
        (random(7, (2, 4, 5, 3)), random(8, (2, 4, 1, 3))),
    )
    assert np.array_equal(run(layer, *inputs), inputs[0] + inputs[1])


def film():
    layers = [Conv2D("conv", 4, 3, activation="relu"), MaxPooling2D("pool", 2), Dropout("drop"), Flatten("flat")]
    layers += [Dense("fc", 5), ReLU("relu")]
    model = Model.sequential(
        "film", (4, 6, 7, 3), [*map(over_time, layers), Conv1D("row", 2, 3), GlobalAveragePooling1D("mean")]
    )
    randomise(model, 3)
    return model


def test_a_film_is_recorded_and_predicted_alike():
    model, x = film(), random(9, (2, 4, 6, 7, 3)).astype(np.float32)
    acts = model.run(x, pre=True)
    assert {name: array.shape[1:] for name, array in acts.items()} == {
        "conv/pre": (4, 4, 5, 4), "conv": (4, 4, 5, 4), "pool": (4, 2, 2, 4), "drop": (4, 2, 2, 4), "flat": (4, 16),
        "fc": (4, 5), "relu": (4, 5), "row": (2, 2), "mean": (2,),
    }  # fmt: skip
    assert np.array_equal(np.maximum(acts["conv/pre"], 0), acts["conv"])
    assert acts.kinds["conv"] == "TimeDistributed(Conv2D)" and "TimeDistributed(Conv2D)" in str(model.summary())
    assert_close(model.predict(x), acts["mean"].astype(np.float64), 1e-6)
    assert [node.name for node in fuse(model.graph).nodes] == [
        "conv",
        "pool",
        "drop",
        "flat",
        "fc",
        "relu",
        "row",
        "mean",
    ]


def test_new_weights_are_used():
    model, x = film(), random(9, (2, 4, 6, 7, 3)).astype(np.float32)
    before = model.predict(x)
    model["fc"].set_weights(**{name: -w for name, w in model["fc"].weights.items()})
    assert np.abs(model.predict(x) - before).max() > 0.01
    assert np.array_equal(model.predict(x), model.run(x).output)


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (TimeDistributed(Flatten("a")), [(7,)], r"on an input of \(7,\): expected \(T, ...\), T steps"),
        (over_time(Conv2D("a", 2, 2)), [(4, 6, 7)], r"on an input of \(4, 6, 7\): expected \(H, W, C\)$"),
        (over_time(Add("a")), [(4, 7), (3, 7)], r"on an input of .*: inputs of 4 and 3 steps$"),
        (over_time(Dense("a", 3)), [(4, 7), (4, 7)], "2 inputs, expected 1$"),
    ],
)
def test_what_does_not_fit_is_refused(layer, shapes, message):
    with pytest.raises(ShapeError, match=f"^layer 'a' .*{message}"):
        layer.build(*shapes)


def test_a_called_layer_may_be_called_on_more_steps():
    layer = over_time(Dense("a", 3))
    model = Model("two", {"x": (4, 7), "y": (5, 7)}, [Node("a", layer, ("x",)), Node("a/2", layer, ("y",))])
    randomise(model, 1)
    acts = model.run([random(1, (2, 4, 7)), random(2, (2, 5, 7))])
    assert acts["a"].shape == (2, 4, 3) and acts["a/2"].shape == (2, 5, 3)
