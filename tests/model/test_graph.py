"""Networks that branch and merge, with one input or several, and one output or several."""

import numpy as np
import pytest

import convlab
from convlab import Activations, Model, Node, ShapeError
from convlab.layers import (
    Add,
    Concatenate,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    UpSampling2D,
)
from convlab.model.initialise import randomise
from convlab.model.receptive_field import Field


def residual():
    """Return a network whose branches see 1 x 1 and 3 x 5 cells before they are added."""
    nodes = [
        Node("narrow", Conv2D("narrow", 4, 1), ("image",)),
        Node("wide", Conv2D("wide", 4, (3, 5), padding="same", activation="relu"), ("image",)),
        Node("add", Add("add"), ("narrow", "wide")),
        Node("pool", MaxPooling2D("pool", 2), ("add",)),
    ]
    model = Model("residual", {"image": (9, 8, 2)}, nodes)
    randomise(model, 0)
    return model


def siamese():
    """Return a network of two inputs that share a layer, and two outputs."""
    shared = Conv2D("conv", 3, 2, activation="relu")
    nodes = [
        Node("conv", shared, ("left",)),
        Node("conv/2", shared, ("right",)),
        Node("both", Concatenate("both"), ("conv", "conv/2")),
        Node("flatten", Flatten("flatten"), ("both",)),
        Node("score", Dense("score", 5, "softmax"), ("flatten",)),
        Node("mean", GlobalAveragePooling2D("mean"), ("both",)),
    ]
    model = Model("siamese", {"left": (5, 7, 2), "right": (5, 7, 2)}, nodes, outputs=("score", "mean"))
    randomise(model, 0)
    return model


def pair(n=3, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n, 5, 7, 2)).astype(np.float32) for name in ("left", "right")}


def test_a_branch_and_a_merge():
    model = residual()
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 2)).astype(np.float32)
    acts = model.run(x)
    assert list(acts) == ["narrow", "wide", "add", "pool"]
    np.testing.assert_array_equal(acts["add"], acts["narrow"] + acts["wide"])
    np.testing.assert_array_equal(model.predict(x), acts.output)
    assert list(acts.inputs) == ["image"]


def test_what_two_branches_see_is_what_either_sees():
    fields = residual().receptive_fields()
    assert fields["narrow"] == Field((0, 0), (0, 0), (1, 1))
    assert fields["add"] == fields["wide"] == Field((-1, -2), (1, 2), (1, 1))
    assert fields["pool"] == Field((-1, -2), (2, 3), (2, 2))


def test_branches_of_different_pace_and_upsampling_have_no_one_field():
    nodes = [
        Node("pool", MaxPooling2D("pool", 2), ("input",)),
        Node("up", UpSampling2D("up", 2), ("pool",)),
        Node("skip", Concatenate("skip"), ("up", "input")),
        Node("conv", Conv2D("conv", 2, 3), ("skip",)),
        Node("mean", GlobalAveragePooling2D("mean"), ("conv",)),
    ]
    model = Model("u", (6, 4, 3), nodes)
    fields = model.receptive_fields()
    assert fields["pool"] == Field((0, 0), (1, 1), (2, 2))
    assert (fields["up"], fields["skip"], fields["conv"], fields["mean"]) == ("varies", "varies", "varies", None)
    rows = {row.name: row for row in model.summary().rows}
    assert (rows["conv"].receptive_field, rows["conv"].jump, rows["mean"].receptive_field) == ("varies",) * 2 + (
        None,
    )
    line = next(line for line in str(model.summary()).splitlines() if line.startswith("conv"))
    assert line.split()[-3:] == ["varies"] * 3


@pytest.mark.parametrize("turned", [False, True])
def test_each_call_of_a_shared_layer_has_its_own_field(turned):
    add = Add("add")
    calls = [Node("uneven", add, ("input", "column")), Node("even", add, ("input", "input"))]
    column = Node("column", MaxPooling2D("column", (1, 4)), ("input",))  # (6, 1, 3): repeated along the width
    fields = Model("m", (6, 4, 3), [column, *(reversed(calls) if turned else calls)]).receptive_fields()
    assert fields["uneven"] == "varies"
    assert fields["even"] == Field()


def test_two_inputs_and_two_outputs():
    model, x = siamese(), pair()
    acts = model.run(x)
    assert list(acts) == ["conv", "conv/2", "both", "flatten", "score", "mean"]
    np.testing.assert_array_equal(
        acts["both"], np.concatenate([model["conv"](x["left"]), model["conv"](x["right"])], -1)
    )
    assert list(acts.outputs) == ["score", "mean"]
    prediction = model.predict(x)
    for name in ("score", "mean"):
        np.testing.assert_array_equal(prediction[name], acts[name])
        np.testing.assert_array_equal(acts.outputs[name], acts[name])
    for name in ("left", "right"):
        np.testing.assert_array_equal(acts.inputs[name], x[name])
        assert not np.shares_memory(acts.inputs[name], x[name])


def test_inputs_may_be_given_in_their_order():
    model, x = siamese(), pair()
    by_name = model.predict(x)["score"]
    np.testing.assert_array_equal(model.predict([x["left"], x["right"]])["score"], by_name)
    assert not np.array_equal(model.predict([x["right"], x["left"]])["score"], by_name)


def test_one_double_input_makes_everything_double():
    x = pair()
    acts = siamese().run({"left": x["left"].astype(np.float64), "right": x["right"]})
    assert {array.dtype for array in acts.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {"left": x["left"]}, r"^model 'siamese' takes arrays by name \(left, right\), found left$"),
        (lambda x: x["left"], r"takes arrays by name \(left, right\), found no names$"),
        (lambda x: x | {"top": x["left"]}, "found left, right, top$"),
        (lambda x: x | {"right": x["right"][:1]}, "inputs are batches of different sizes: left 3, right 1$"),
        (lambda x: x | {"right": x["right"][:, 1:]}, r"right has shape \(3, 4, 7, 2\), expected \(N, 5, 7, 2\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ShapeError, match=message):
        siamese().run(change(pair()))


def test_there_is_no_only_input_or_output():
    model = siamese()
    acts = model.run(pair())
    for holder, what in ((model, "input_shape"), (model, "output_shape"), (acts, "input"), (acts, "output")):
        with pytest.raises(ShapeError, match=f"has several {what[:5]}.*: (left, right|score, mean)"):
            getattr(holder, what)


def test_an_output_inside_the_network_and_one_output_twice():
    nodes = [Node("a", Conv2D("a", 2, 1), ("input",)), Node("b", Conv2D("b", 3, 1), ("a",))]
    model = Model("m", (3, 4, 2), nodes, outputs=("a",))
    randomise(model, 0)
    x = np.ones((1, 3, 4, 2), np.float32)
    acts = model.run(x)
    np.testing.assert_array_equal(model.predict(x), acts["a"])
    assert acts.output is acts["a"]
    with pytest.raises(ShapeError, match="its output 'input' is no layer"):
        Model("m", (3, 4, 2), nodes, outputs=("input",))


def test_a_recording_of_several_inputs_comes_back(tmp_path):
    acts = siamese().run(pair(), record=["both"])
    acts.save(tmp_path / "a.h5")
    found = Activations.open(tmp_path / "a.h5")
    assert (list(found.inputs), list(found.outputs), list(found)) == (["left", "right"], ["score", "mean"], ["both"])
    for name in ("left", "right"):
        np.testing.assert_array_equal(found.inputs[name], acts.inputs[name])
    np.testing.assert_array_equal(found.outputs["mean"], acts.outputs["mean"])
    assert repr(found) == repr(acts)
    assert (found.network, acts.network.name) == (None, "siamese")


def test_the_names_of_inputs_are_names():
    with pytest.raises(convlab.LayerNameError, match="cannot be a layer's name"):
        Model("m", {"..": (3, 4, 2)}, [Node("a", Flatten("a"), ("..",))])
    with pytest.raises(ShapeError, match="two layers are named 'a'"):
        Model("m", {"a": (3, 4, 2)}, [Node("a", Flatten("a"), ("a",))])
