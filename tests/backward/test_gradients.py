"""Gradients of a class, a channel, a unit, by every layer; and captum's reference numbers for the rules."""

from weakref import ref

import numpy as np
import pytest

import convlab
from convlab import LayerNameError, ShapeError, UnsupportedError
from convlab.backward import engine
from convlab.layers import Activation, Conv2D, Dense, Flatten, ReLU
from convlab.model.initialise import randomise
from convlab.model.model import Model
from support.adjoint import check_class, doubles, shared_twice


def captums(relu=True):
    """Return captum's BasicModel_ConvNet_One_Conv (tests/helpers/basic_models.py), and its input."""
    layers = [
        Conv2D("conv1", 2, 3),
        Activation("relu1", "relu"),
        Flatten("flatten", channels_first=True),
        Dense("fc1", 4),
        *([Activation("relu2", "relu")] if relu else []),
    ]
    model = Model.sequential("one conv", (4, 4, 1), layers)
    model["conv1"].set_weights(kernel=np.ones((3, 3, 1, 2)), bias=np.array([-50.0, -75.0]))
    row = np.array([1.0, 1, 1, 1, 1, -1, -1, -1])
    model["fc1"].set_weights(kernel=np.stack([row] * 4, axis=1), bias=np.zeros(4))
    return model, np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("guided", [[0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]]),
        ("deconvnet", [[2, 3, 3, 1], [3, 5, 5, 2], [3, 5, 5, 2], [1, 2, 2, 1]]),
    ],
)
def test_rules_are_those_that_captum_computes(rule, expected):
    """tests/attr/test_guided_backprop_deconv.py of captum."""
    model, x = captums()
    found = convlab.gradients(model, model.run(x), 0, rule=rule, to="input")
    np.testing.assert_array_equal(found["input"][0, :, :, 0], expected)


def logit(model, x, number):
    return model.run(x, record=["out/pre"])["out/pre"][:, number]


def test_a_class_is_differentiated_before_its_softmax():
    model = shared_twice()
    found = convlab.gradients(model, model.run(doubles(model)), 2)
    assert list(found) == ["left", "right", *(node.name for node in model.nodes)][:-1]
    check_class(2)


def test_gradients_by_layers_are_those_of_what_follows():
    """Moving what a layer made moves the class as its gradient says: the rest of the network is run on both."""
    model = shared_twice()
    acts = model.run(doubles(model))
    found = convlab.gradients(model, acts, "b", to=["add", "flat"])
    assert list(found) == ["add", "flat"]
    np.testing.assert_allclose(
        found["flat"], np.broadcast_to(model["out"].weights["kernel"][:, 1], found["flat"].shape)
    )
    v = np.random.default_rng(4).normal(size=acts["add"].shape)
    rest = Model("rest", {"add": (5, 7, 3)}, model.nodes[3:])
    ends = [logit(rest, acts["add"] + sign * 1e-6 * v, 1) for sign in (0.5, -0.5)]
    np.testing.assert_allclose((found["add"] * v).reshape(2, -1).sum(axis=1), (ends[0] - ends[1]) / 1e-6, rtol=1e-6)


def test_channels_units_masks_and_given_gradients():
    model = shared_twice()
    acts = model.run(doubles(model))
    channel = convlab.gradients(model, acts, ("add", 1), to="add")["add"]
    assert (channel[..., 1] == 1 / 35).all() and (channel[..., [0, 2]] == 0).all()
    unit = convlab.gradients(model, acts, ("add", (3, 4, 2)), to="left")["left"]
    seed = np.zeros((2, 5, 7, 3))
    seed[:, 3, 4, 2] = 1
    np.testing.assert_array_equal(unit, convlab.gradients(model, acts, {"add": seed}, to="left")["left"])
    before = convlab.gradients(model, acts, {"out/pre": np.eye(4)[[3, 3]]}, to="left")["left"]
    np.testing.assert_allclose(before, convlab.gradients(model, acts, 3, to="left")["left"], rtol=1e-12)


def test_a_class_of_a_map_within_a_mask():
    layers = [Conv2D("a", 3, 3, padding="same", activation="relu"), Conv2D("b", 4, 1, activation="softmax")]
    model = Model.sequential("segments", (5, 6, 2), layers)
    randomise(model, 0)
    acts = model.run(np.random.default_rng(0).normal(size=(2, 5, 6, 2)))
    mask = np.zeros((5, 6), bool)
    mask[1:3, 2:5] = True
    found = convlab.gradients(model, acts, (3, mask), to="a")["a"]
    expected = np.where(mask[..., None], model["b"].weights["kernel"][0, 0, :, 3].astype(float) / 6, 0)
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-12)
    assert "within a mask of 6 places" in convlab.gradients(model, acts, (3, mask)).note
    everywhere = convlab.gradients(model, acts, 3, to="a")["a"]
    np.testing.assert_allclose(everywhere * 30 * mask[..., None], found * 6, rtol=1e-12)


@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
def test_one_unit_of_two_classes_speaks_for_class_one(activation):
    model = Model.sequential("yes", (2, 3, 1), [Flatten("f"), Dense("d", 1, activation)], labels=("no", "yes"))
    randomise(model, 0)
    acts = model.run(np.ones((1, 2, 3, 1)))
    kernel = model["d"].weights["kernel"][:, 0]
    np.testing.assert_allclose(convlab.gradients(model, acts, "yes", to="f")["f"][0], kernel)
    np.testing.assert_allclose(convlab.gradients(model, acts, "no", to="f")["f"][0], -kernel)


@pytest.mark.parametrize("behind", [[], [Flatten("f")]])
def test_one_channel_behind_a_sigmoid_speaks_for_class_one_of_a_map_too_and_through_a_flatten(behind):
    size = (1, 1) if behind else (2, 3)
    model = Model.sequential("spots", (*size, 4), [Conv2D("c", 1, 1, activation="sigmoid"), *behind])
    randomise(model, 0)
    acts = model.run(np.random.default_rng(0).normal(size=(2, *size, 4)))
    mask = np.ones(size, bool)
    mask[0] = size == (1, 1)
    weights = model["c"].weights["kernel"][0, 0, :, 0]
    for number, sign in ((1, 1), (0, -1)):
        everywhere = convlab.gradients(model, acts, number, to="input")["input"]
        np.testing.assert_allclose(everywhere, np.broadcast_to(sign * weights / mask.size, everywhere.shape))
        within = convlab.gradients(model, acts, (number, mask), to="input")["input"]
        expected = sign * mask[..., None] * weights / mask.sum()
        np.testing.assert_allclose(within, np.broadcast_to(expected, within.shape), rtol=1e-6)


def test_one_unit_behind_nothing_is_a_number_and_not_what_is_against_it():
    model = Model.sequential("price", (2, 3, 1), [Flatten("f"), Dense("d", 1)])
    randomise(model, 0)
    acts = model.run(np.ones((1, 2, 3, 1)))
    found = convlab.gradients(model, acts, 0, to="f")["f"]
    np.testing.assert_allclose(found[0], model["d"].weights["kernel"][:, 0])
    with pytest.raises(ShapeError, match="has classes 0 to 0, found 1"):
        convlab.gradients(model, acts, 1)


def test_gradients_say_of_the_output_what_the_recording_says():
    model = shared_twice()
    acts = model.run(doubles(model))
    found = convlab.gradients(model, acts, 1)
    assert found.top() == acts.top()
    assert found.predictions() == acts.predictions()


def test_what_a_recording_lacks_is_computed_again():
    model = shared_twice()
    x = doubles(model)
    whole = convlab.gradients(model, model.run(x), 0)
    part = convlab.gradients(model, model.run(x, record=["pool"]), 0)
    assert all(np.array_equal(whole[name], part[name]) for name in whole)


def test_what_a_recording_lacks_is_computed_from_what_it_has():
    """One that says what if knows: its input would bring back what was replaced."""
    model = shared_twice()
    x = doubles(model)
    whole, part = (
        model.rerun(model.run(x, record=record), {"conv": lambda y: y[::-1]}) for record in ("all", ["conv", "flat"])
    )
    found, again = (convlab.gradients(model, acts, 0) for acts in (whole, part))
    assert all(np.array_equal(found[name], again[name]) for name in found)
    assert not np.array_equal(found["left"], convlab.gradients(model, model.run(x), 0)["left"])


def test_gradients_that_nobody_asked_for_are_given_up(monkeypatch):
    """While one is pulled back there are two: it, and what comes of it."""
    layers = [Conv2D(f"c{i}", 2, 3, padding="same", activation="relu") for i in range(8)]
    model = Model.sequential("chain", (4, 5, 2), layers)
    randomise(model, 0)
    acts = model.run(np.ones((1, 4, 5, 2)))
    made, alive, plain = [], [], engine.pull_back_node

    def watched(*given):
        parts = plain(*given)
        made.extend(map(ref, parts))
        alive.append(sum(each() is not None for each in made))
        return parts

    monkeypatch.setattr(engine, "pull_back_node", watched)
    convlab.gradients(model, acts, ("c7", 1), to="input")
    assert alive == [1, 2, 2, 2, 2, 2, 2, 2]


def test_nothing_is_changed(tmp_path):
    model = shared_twice()
    acts = model.run(doubles(model))
    before = {name: acts[name].copy() for name in acts}
    weights = {layer.name: {k: v.copy() for k, v in layer.weights.items()} for layer in model.layers}
    found = convlab.gradients(model, acts, 1)
    assert all(np.array_equal(acts[name], before[name]) for name in acts)
    for layer in model.layers:
        assert all(np.array_equal(v, weights[layer.name][k]) for k, v in layer.weights.items())
    assert not any(np.shares_memory(found[a], acts[b]) for a in found for b in acts)
    found.save(tmp_path / "g.h5")
    again = convlab.Activations.open(tmp_path / "g.h5")
    assert all(np.array_equal(again[name], found[name]) for name in found)
    assert again.note == "gradient of class 1 (b)"
    assert found.statistics("add").max == found["add"].max()


def test_silenced_channels_pass_nothing_back():
    model = Model.sequential("m", (4, 5, 2), [Conv2D("a", 3, 2), Flatten("f"), Dense("out", 2)])
    randomise(model, 0)
    quiet = model.ablate({"a": [1]})
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 2))
    seed = {"a": np.ones((1, 3, 4, 3))}
    only = {"a": np.ones((1, 3, 4, 3)) * [1, 0, 1]}
    found = convlab.gradients(quiet, quiet.run(x), seed, to="input")["input"]
    np.testing.assert_allclose(found, convlab.gradients(model, model.run(x), only, to="input")["input"])


def test_relu6_and_a_largest_value_stop_the_rules_too():
    layers = [Conv2D("a", 3, 1, activation="relu6"), ReLU("r", max_value=2.0), Flatten("f"), Dense("out", 2)]
    model = Model.sequential("m", (3, 4, 1), layers)
    randomise(model, 0)
    acts = model.run(10 * np.random.default_rng(0).normal(size=(1, 3, 4, 1)))
    guided = convlab.gradients(model, acts, 0, rule="guided")
    passed = np.maximum(guided["r"], 0) * (acts["a"] > 0) * (acts["a"] < 2)
    np.testing.assert_allclose(guided["a"], passed)
    assert (guided["a"] >= 0).all() and (passed == 0).any() and (passed > 0).any()


@pytest.mark.parametrize(
    ("target", "options", "error", "message"),
    [
        (4, {}, ShapeError, "has classes 0 to 3, found 4"),
        ("e", {}, LayerNameError, "label 'e'"),
        (("ad", 1), {}, LayerNameError, "no layer 'ad'; did you mean 'add'"),
        (("add", 3), {}, ShapeError, "layer 'add' has channels 0 to 2, found 3"),
        (("add", (5, 0, 0)), {}, ShapeError, r"layer 'add' has no unit \(5, 0, 0\)"),
        (1.5, {}, ShapeError, "target is 1.5, expected a class"),
        (True, {}, ShapeError, "target is True"),
        ({"add": np.ones((2, 5, 7, 2))}, {}, ShapeError, r"expected \(2, 5, 7, 3\)"),
        ({"ad": np.ones((2, 5, 7, 2))}, {}, LayerNameError, "no layer 'ad'"),
        (1, {"to": "ad"}, LayerNameError, "no layer 'ad'"),
        (1, {"rule": "guid"}, UnsupportedError, "rule 'guid'; did you mean 'guided'"),
        (("conv", 1), {"to": "right"}, LayerNameError, "does not depend on right"),
    ],
)
def test_what_is_wrong_is_said(target, options, error, message):
    model = shared_twice()
    acts = model.run(doubles(model))
    with pytest.raises(error, match=message):
        convlab.gradients(model, acts, target, **options)


def test_a_recording_of_another_network_is_refused():
    with pytest.raises(ShapeError, match="the recording is of another network"):
        convlab.gradients(shared_twice(), captums()[0].run(captums()[1]), 1)


def test_a_recording_of_other_weights_or_sizes_or_of_silenced_channels_is_refused(tmp_path):
    model, x = captums()
    acts = model.run(x)
    for other in (captums()[0], model.ablate({"conv1": [0]})):
        with pytest.raises(ShapeError, match=r"another network .*run this one on the input first"):
            convlab.gradients(other, acts, 1)
    acts.save(tmp_path / "a.h5")
    wider = Model.sequential("one conv", (4, 4, 1), [Conv2D("conv1", 3, 3), Flatten("flatten"), Dense("fc1", 4)])
    randomise(wider, 0)
    with pytest.raises(ShapeError, match=r"another network .*it has no conv1 \(2, 2, 3\)"):
        convlab.gradients(wider, convlab.Activations.open(tmp_path / "a.h5"), 1)


def test_a_layer_without_a_gradient_is_named():
    from convlab.layers import Lambda

    layers = [Lambda("mine", np.tanh), Flatten("f"), Dense("out", 2)]
    model = Model.sequential("m", (3, 4, 1), layers)
    randomise(model, 0)
    acts = model.run(np.ones((1, 3, 4, 1), np.float32))
    assert "f" in convlab.gradients(model, acts, 0, to="f")  # what lies behind it has one
    with pytest.raises(UnsupportedError, match="layer 'mine' is a Lambda, through which convlab has no gradient"):
        convlab.gradients(model, acts, 0)


@pytest.mark.parametrize("labels", [None, ("cat", "dog")])
def test_what_top_calls_a_class_without_a_label_is_answered_with_its_number(labels):
    model = convlab.load("lenet5")
    model.labels = labels
    acts = model.run(np.zeros((1, 28, 28, 1), np.float32))
    (name, _), *_ = acts.top(1)
    with pytest.raises(convlab.LayerNameError, match=f"has no label '{name}': give the number {name}$"):
        convlab.gradients(model, acts, name)


def test_a_unit_in_a_list_and_what_comes_before_an_activation():
    model = shared_twice()
    acts = model.run(doubles(model))
    listed, unit = (convlab.gradients(model, acts, ("add", place), to="left") for place in ([3, 4, 2], (3, 4, 2)))
    np.testing.assert_array_equal(listed["left"], unit["left"])
    before = convlab.gradients(model, acts, ("out/pre", 1), to="flat")
    np.testing.assert_array_equal(before["flat"], convlab.gradients(model, acts, 1, to="flat")["flat"])
    assert before.target == "unit 1 of out/pre"
    for name in ("add/pre", "no/pre"):
        with pytest.raises(LayerNameError, match=f"no layer '{name}'"):
            convlab.gradients(model, acts, (name, 1))


@pytest.mark.parametrize("to", [1, []])
def test_what_names_no_layer_to_go_to_is_said(to):
    model = shared_twice()
    with pytest.raises(LayerNameError, match=r"to is (1|\[\]), expected the name of a layer or an input, or several"):
        convlab.gradients(model, model.run(doubles(model)), 1, to=to)
