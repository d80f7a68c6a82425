"""What if a layer had made something else: what follows is computed again, and nothing else."""

import numpy as np
import pytest

import convlab
from convlab import LayerNameError, ShapeError, UnsupportedError
from convlab.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePooling2D
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.model.receptive_field import Field


@pytest.fixture
def model():
    nodes = [
        Node("a", Conv2D("a", 3, 3, padding="same", activation="relu"), ("input",)),
        Node("b", Conv2D("b", 3, (1, 2), padding="same"), ("a",)),
        Node("add", Add("add"), ("a", "b")),
        Node("beside", GlobalAveragePooling2D("beside"), ("a",)),
        Node("flat", Flatten("flat"), ("add",)),
        Node("out", Dense("out", 4, "softmax"), ("flat",)),
    ]
    model = Model("m", (5, 6, 2), nodes, outputs=("out", "beside"))
    randomise(model, 1)
    return model


@pytest.fixture
def acts(model):
    return model.run(np.random.default_rng(0).normal(size=(2, 5, 6, 2)), pre=True)


def test_what_follows_is_computed_again_and_the_rest_is_shared(model, acts):
    found = model.rerun(acts, {"b": lambda y: 0 * y})
    np.testing.assert_array_equal(found["b"], 0)
    np.testing.assert_array_equal(found["add"], acts["a"])
    expected = Model("rest", {"add": (5, 6, 3)}, model.nodes[4:]).run(acts["a"], pre=True)
    np.testing.assert_allclose(found["out"], expected["out"], rtol=1e-12)
    np.testing.assert_allclose(found["out/pre"], expected["out/pre"], rtol=1e-12)
    for name in ("a", "a/pre", "beside"):
        assert found[name] is acts[name]
    assert found.outputs["beside"] is acts.outputs["beside"]
    assert found.outputs["out"] is found["out"]
    assert "what if b had made something else; not affected: a, beside" in found.note


def test_functions_are_given_copies_and_arrays_are_taken_as_they_are(model, acts):
    before = acts["a"].copy()

    def spoil(y):
        y[...] = 7
        return y

    found = model.rerun(acts, {"a": spoil})
    np.testing.assert_array_equal(acts["a"], before)
    np.testing.assert_array_equal(found["a"], 7)
    other = model.run(np.random.default_rng(5).normal(size=(2, 5, 6, 2)))
    mixed = model.rerun(acts, {"a": other["a"]})
    np.testing.assert_allclose(mixed["out"], other["out"], rtol=1e-12)


def test_an_input_may_be_replaced(model, acts):
    x = np.random.default_rng(7).normal(size=(2, 5, 6, 2))
    found = model.rerun(acts, {"input": x})
    expected = model.run(x)
    np.testing.assert_array_equal(found.inputs["input"], x)
    np.testing.assert_allclose(found["out"], expected["out"], rtol=1e-12)


def test_what_a_recording_lacks_is_computed_and_not_kept_but_for_what_is_replaced(model, acts):
    part = model.run(acts.input, record=["out"])
    found = model.rerun(part, {"b": lambda y: -y})
    assert list(found.kinds.items()) == [("b", "Conv2D"), ("out", "Dense")]
    assert list(found) == ["b", "out"]
    np.testing.assert_allclose(found["out"], model.rerun(acts, {"b": lambda y: -y})["out"], rtol=1e-12)


def test_what_is_computed_from_a_partial_what_if_is_still_what_if(model, acts):
    replaced = {"b": lambda y: 2 * y}
    whole, part = (model.rerun(one, replaced) for one in (acts, model.run(acts.input, record=["flat"])))
    expected, found = (model.values_of(one) for one in (whole, part))
    for name in ("b", "add", "flat", "out"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_nothing_replaced_is_the_recording(model, acts):
    found = model.rerun(acts, {})
    assert all(found[name] is acts[name] for name in acts)


@pytest.mark.parametrize(
    ("replaced", "error", "message"),
    [
        ({"c": 0}, LayerNameError, "no layer 'c'"),
        (
            {"b": np.zeros((2, 5, 6, 2))},
            ShapeError,
            r"'b' is replaced by an array \(2, 5, 6, 2\), expected \(2, 5, 6, 3\)",
        ),
        ({"b": lambda y: y[:1]}, ShapeError, r"expected \(2, 5, 6, 3\)"),
    ],
)
def test_what_is_wrong_is_said(model, acts, replaced, error, message):
    with pytest.raises(error, match=message):
        model.rerun(acts, replaced)


def test_a_recording_of_another_network_is_refused(model):
    other = convlab.load("lenet5", weights=0)
    with pytest.raises(ShapeError, match="model 'm': "):
        model.rerun(other.run(np.zeros((1, 28, 28, 1))), {"b": lambda y: y})


def test_a_run_stops_where_it_is_told_to(model, acts):
    found = model.run(acts.input, until="b")
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found.output, acts["b"])
    assert (found.labels, list(found.outputs)) == (None, ["b"])
    with pytest.raises(LayerNameError, match="no layer 'c'"):
        model.run(acts.input, until="c")
    with pytest.raises(LayerNameError, match="no layer 'out'"):
        model.run(acts.input, ["out"], until="b")


def test_units_that_see_a_cell_are_those_that_a_nan_reaches():
    layers = [Conv2D("a", 2, (3, 2), (2, 1), ((1, 1), (0, 2))), Conv2D("b", 2, (2, 3), (1, 2))]
    model = Model.sequential("m", (9, 11, 1), layers)
    randomise(model, 0)
    model.propagate_nan = True
    fields, shape = model.receptive_fields(), model.shapes["b"]
    assert isinstance(fields["b"], Field)
    for cell in np.ndindex(9, 11):
        x = np.ones((1, 9, 11, 1), np.float32)
        x[(0, *cell)] = np.nan
        reached = np.isnan(model.predict(x)[0]).any(axis=-1)
        rows, columns = fields["b"].units_seeing(cell, shape[:2])
        expected = np.zeros(shape[:2], bool)
        expected[np.ix_(list(rows), list(columns))] = True
        np.testing.assert_array_equal(reached, expected, err_msg=str(cell))


def test_a_recording_of_other_weights_or_silenced_channels_is_refused(model, acts):
    other = Model("m", {"input": (5, 6, 2)}, model.nodes)
    for network in (other, model.ablate({"b": [1]})):
        with pytest.raises(ShapeError, match="the recording is of another network"):
            network.rerun(acts, {"b": lambda y: y})


def test_gradients_are_no_recording_nor_are_those_from_a_file(model, acts, tmp_path):
    grads = convlab.gradients(model, acts, ("out", 1))
    grads.save(tmp_path / "grads.h5")
    opened = convlab.Activations.open(tmp_path / "grads.h5")
    for found in (grads, convlab.gradients(model, acts, ("out", 1), to="a"), opened):
        with pytest.raises(UnsupportedError, match="expected a recording, found gradient of unit 1 of out"):
            model.rerun(found, {"b": lambda y: y})
        with pytest.raises(UnsupportedError, match="expected a recording, found gradient of unit 1 of out"):
            convlab.gradients(model, found, ("out", 1))


def test_what_if_knows_what_is_replaced_from_a_file_and_until_it_is_computed_again(model, acts, tmp_path):
    found = model.rerun(acts, {"b": lambda y: 0 * y, "input": lambda x: 2 * x})
    found.save(tmp_path / "what_if.h5")
    assert (acts.replaced, found.replaced) == ((), ("b",))
    assert convlab.Activations.open(tmp_path / "what_if.h5").replaced == ("b",)
    assert model.rerun(found, {"flat": lambda y: y}).replaced == ("b", "flat")
    assert model.rerun(found, {"a": lambda y: y}).replaced == ("a",)


def test_nothing_goes_back_through_what_is_replaced(model, acts):
    found = model.rerun(acts, {"b": lambda y: 0 * y})
    grads = convlab.gradients(model, found, ("out", 1))
    np.testing.assert_array_equal(grads["a"], grads["add"])  # its other way, through b, is cut
    assert abs(grads["b"]).max() > 0
    assert convlab.explain(model, grads, "a", 2, 3, 1, backward=True).sources == ("add",)
    last = model.rerun(acts, {"flat": lambda y: 2 * y})
    assert list(convlab.gradients(model, last, ("out", 1))) == ["flat", "out"]
    with pytest.raises(LayerNameError, match="does not depend on input, as flat was replaced by a what-if"):
        convlab.gradients(model, last, ("out", 1), to="input")


def test_methods_that_run_the_network_again_refuse_what_if():
    model = convlab.load("lenet5", weights=0)
    acts = model.run(np.ones((1, 28, 28, 1), np.float32))
    found = model.rerun(acts, {"conv2": lambda y: 0 * y})
    for method in ("smoothgrad", "integrated_gradients", "occlusion", "ablation_cam"):
        with pytest.raises(UnsupportedError, match=f"{method} .* where conv2 would not be replaced"):
            getattr(convlab.attribution, method)(model, found, 3)


def test_a_replaced_number_is_explained_as_such(model, acts):
    found = model.rerun(acts, {"b": lambda y: y + 7})
    text = str(convlab.explain(model, found, "b", 2, 3, 1))
    assert "; replaced by a what-if -> " in text and "OFF" not in text
    assert "replaced" not in str(convlab.explain(model, found, "add", 2, 3, 1))


@pytest.mark.parametrize("value", [{}, "a"])
def test_what_replaces_nothing_is_named(model, acts, value):
    with pytest.raises(UnsupportedError, match=r"'b' is replaced by (dict|str), expected an array, or a function"):
        model.rerun(acts, {"b": value})
    with pytest.raises(UnsupportedError, match="'b' is replaced by Activations, expected an array"):
        model.rerun(acts, {"b": acts})
