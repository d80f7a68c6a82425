"""Lambda: functions of the user's own, and what a file says in their place."""

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError
from convlab.layers import Conv2D, Lambda
from convlab.model.model import Model, Node
from support.layers.beside_keras import DTYPES, built, random, run

SHAPE = (5, 7, 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_input(dtype):
    layer, x = built(Lambda("f", lambda t: t[..., ::2] ** 2), SHAPE), random(1, (3, *SHAPE)).astype(dtype)
    assert layer.infer_shape(SHAPE) == (5, 7, 2)
    assert np.array_equal(run(layer, x), x[..., ::2] ** 2)


def test_a_list_of_inputs():
    inputs = [random(1, (3, *SHAPE)), random(2, (3, 7, 4))]
    layer = built(Lambda("f", lambda t: t[0] * t[1][:, None]), SHAPE, (7, 4))
    assert np.array_equal(run(layer, *inputs), inputs[0] * inputs[1][:, None])


def test_what_comes_out_has_the_inputs_type():
    layer = built(Lambda("f", lambda t: (t > 0).mean(axis=(1, 2))), SHAPE)
    assert run(layer, random(1, (3, *SHAPE)).astype(np.float32)).dtype == np.float32


def test_a_recording_cannot_be_written_to():
    def careless(t):
        t *= 2
        return t

    model = Model.sequential("net", SHAPE, [Lambda("same", lambda t: t), Lambda("f", lambda t: t + 1)])
    acts = model.run(random(1, (3, *SHAPE)))
    assert np.array_equal(acts["same"], acts.input) and np.array_equal(acts["f"], acts.input + 1)
    assert np.array_equal(model.predict(random(1, (3, *SHAPE))), acts["f"])
    with pytest.raises(ShapeError, match=r"layer 'f' on .*: its function fails on zeros: ValueError: .*read-only"):
        Lambda("f", careless).build(SHAPE)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda t: t.sum(), r"its function makes float32 of a batch of 2, expected \(2, ...\)$"),
        (lambda t: None, r"its function makes NoneType of a batch of 2, expected \(2, ...\)$"),
        (lambda t: t[0], r"its function makes \(5, 7, 4\) of a batch of 2, expected \(2, ...\)$"),
        (lambda t: t.nothing, r"its function fails on zeros: AttributeError: .* has no attribute 'nothing'$"),
    ],
)
def test_a_function_that_is_none_of_batches(function, message):
    with pytest.raises(ShapeError, match=rf"^layer 'f' on an input of \(5, 7, 4\): {message}"):
        Lambda("f", function).build(SHAPE)


def test_a_function_whose_shape_is_another_later():
    layer = built(Lambda("f", lambda t: t[:, :3] if t.any() else t), SHAPE)
    with pytest.raises(ShapeError, match=r"^layer 'f': its function made \(3, 3, 7, 4\) of a batch of 3, expected"):
        layer(random(1, (3, *SHAPE)))


def test_beside_other_layers():
    nodes = [
        Node("conv", Conv2D("conv", 3, 2, padding="same"), ("input",)),
        Node("f", Lambda("f", np.abs), ("conv",)),
    ]
    model = Model("net", SHAPE, nodes)
    model["conv"].set_weights(**{name: random(3, shape) for name, shape in model["conv"].shapes.items()})
    x = random(1, (3, *SHAPE)).astype(np.float32)
    assert np.array_equal(model.predict(x), np.abs(model.run(x)["conv"]))
    with pytest.raises(convlab.UnsupportedError, match="'f' is a Lambda, which explain does not know"):
        convlab.explain(model, model.run(x), "f", 0, 0, 0)
