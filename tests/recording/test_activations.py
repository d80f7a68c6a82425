"""A recording in memory: a mapping, its one line, its table for notebooks, its best classes."""

import inspect
from collections.abc import Mapping

import numpy as np
import pytest

import convlab
from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.layers import Activation, Conv2D, Dropout, Reshape
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.recording.activations import Activations
from support.html import Cells

SCORES = np.array([[0.1, 3.0, -2.0, 3.0, 1.5], [5.0, 0.0, 4.0, -1.0, 2.0]], np.float32)
PROBABILITIES = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)


@pytest.fixture
def lenet5():
    return convlab.load("lenet5", weights=0)


@pytest.fixture
def acts(lenet5):
    return lenet5.run(np.random.default_rng(0).uniform(0, 1, (2, 28, 28, 1)).astype(np.float32))


def recording(output, activation="softmax", labels=("a", "b", "c", "d", "e"), **layers):
    """Return a recording whose numbers are made up."""
    image = np.zeros((len(output), 4, 3, 1), np.float32)
    return Activations(
        layers,
        dict.fromkeys(layers, "Dense"),
        {"input": image},
        {"out": output},
        "toy",
        labels=labels,
        activation=activation,
    )


# ---- a mapping


def test_it_is_a_mapping(acts, lenet5):
    names = [node.name for node in lenet5.nodes]
    assert isinstance(acts, Mapping)
    assert (list(acts), len(acts)) == (names, 13)
    assert [name for name, _ in acts.items()] == names
    assert all(array is acts[name] for name, array in acts.items())
    assert "conv1" in acts
    assert "conv9" not in acts
    assert acts.get("conv9") is None
    assert dict(acts)["fc1"] is acts["fc1"]


def test_it_cannot_be_changed(acts):
    with pytest.raises(TypeError):
        acts["conv1"] = 1
    with pytest.raises(AttributeError):
        acts.output = 1


def test_a_wrong_name_gets_the_nearest_one(acts):
    with pytest.raises(
        LayerNameError, match=r"^no recorded layer 'conv3'; did you mean 'conv2'\? available: conv1, relu1"
    ):
        acts["conv3"]


def test_a_layer_that_was_not_recorded_is_no_key(lenet5):
    acts = lenet5.run(np.zeros((1, 28, 28, 1), np.float32), ["conv1"])
    with pytest.raises(KeyError, match=r"^no recorded layer 'fc3'; available: conv1$"):
        acts["fc3"]


def test_repr_is_one_short_line(acts):
    text = "<Activations of lenet5 (random weights): 13 layers, 2 image(s), input (2, 28, 28, 1), output (2, 10)>"
    assert (repr(acts), str(acts)) == (text, text)


def test_statistics_are_those_of_the_layer(acts):
    s = acts.statistics("relu1")
    assert (s.min, s.max) == (0, acts["relu1"].max())
    assert s.means.shape == (6,)
    with pytest.raises(LayerNameError, match="no recorded layer 'relu9'"):
        acts.statistics("relu9")


# ---- top


@pytest.mark.parametrize(("activation", "output"), [("softmax", PROBABILITIES), ("linear", SCORES)])
@pytest.mark.parametrize(("image", "expected"), [(0, "bdeac"), (1, "aceb"), (-1, "aceb")])
def test_top_classes_come_best_first_and_the_earlier_of_equals_first(activation, output, image, expected):
    acts = recording(output, activation)
    best = acts.top(len(expected), image)
    assert [label for label, _ in best] == list(expected)
    assert [p for _, p in best] == pytest.approx(
        sorted(PROBABILITIES[image], reverse=True)[: len(expected)], rel=1e-6
    )
    assert {type(p) for _, p in best} == {float}


def test_logits_become_probabilities_and_probabilities_stay():
    logits, probabilities = recording(SCORES, "linear"), recording(PROBABILITIES, "softmax")
    assert sum(p for _, p in logits.top(5)) == pytest.approx(1, rel=1e-6)
    assert [p for _, p in probabilities.top(5)] == sorted(PROBABILITIES[0].tolist(), reverse=True)
    assert recording(SCORES, "sigmoid").top(1) == [("b", 3.0)]


@pytest.mark.parametrize(("k", "expected"), [(0, 0), (1, 1), (5, 5), (6, 5), (1000, 5)])
def test_no_more_classes_than_there_are(k, expected):
    assert len(recording(PROBABILITIES).top(k)) == expected


def test_five_classes_unless_told_otherwise(acts):
    assert len(acts.top()) == 5
    assert acts.top() == acts.top(5, image=0) != acts.top(5, image=1)


def test_classes_without_labels_are_numbered():
    assert [label for label, _ in recording(PROBABILITIES, labels=None).top(2)] == ["1", "3"]


def test_a_recording_of_features_has_no_classes():
    acts = recording(np.zeros((2, 4, 3, 5), np.float32))
    message = r"^top: output has shape \(2, 4, 3, 5\), not \(N, classes\): it is no classification$"
    with pytest.raises(ShapeError, match=message):
        acts.top()


@pytest.mark.parametrize(("n", "image"), [(2, 2), (2, -3), (0, 0)])
def test_an_image_that_is_not_in_the_batch_is_refused(n, image):
    with pytest.raises(ShapeError, match=rf"^top: image {image} is not one of the {n} recorded$"):
        recording(PROBABILITIES[:n]).top(3, image)


def test_a_negative_number_of_classes_is_refused():
    with pytest.raises(ShapeError, match=r"^top: k is -1, expected 0 or more$"):
        recording(PROBABILITIES).top(-1)


# ---- HTML


def test_html_has_a_row_for_every_layer(acts):
    table = Cells(acts._repr_html_())
    columns = table.tags.count("th")
    assert table.cells[columns::columns] == list(acts)
    assert table.tags.count("tr") == 1 + len(acts)
    assert table.tags.count("img") == len(acts)
    conv1 = table.cells[columns : 2 * columns]
    s = acts.statistics("conv1")
    assert conv1[1] == "2 × 28 × 28 × 6"
    for value in (s.min, s.max, s.mean, s.std):
        assert f"{value:.4g}" in conv1
    assert "lenet5 (random weights): 13 layers" in acts._repr_html_()


def test_html_escapes_names():
    name = "<script>alert('&')</script>"
    model = Model.sequential("<b>&", (4, 3, 1), [Conv2D(name, 2, 1)])
    randomise(model, 0)
    html = model.run(np.zeros((1, 4, 3, 1), np.float32))._repr_html_()
    table = Cells(html)
    assert name in table.cells
    assert "script" not in table.tags
    assert "b" not in table.tags


@pytest.mark.parametrize("n", [0, 1, 3])
def test_html_of_any_batch(lenet5, n):
    html = lenet5.run(np.zeros((n, 28, 28, 1), np.float32))._repr_html_()
    table = Cells(html)
    assert table.tags.count("tr") == 14
    assert table.tags.count("img") == (13 if n else 0)


def test_html_shows_nan():
    layer = np.full((1, 4, 3, 2), np.nan, np.float32)
    table = Cells(recording(PROBABILITIES[:1], conv=layer)._repr_html_())
    assert table.cells.count("nan") == 4


def test_html_needs_nothing_from_outside(acts):
    html = acts._repr_html_()
    assert html.count("src=") == html.count("src='data:image/png;base64,") == 13
    assert "http" not in html


def test_recordings_are_compared_by_identity_and_can_be_kept_in_sets():
    a, b = recording(PROBABILITIES), recording(PROBABILITIES)
    assert a == a and a != b
    assert len({a, b}) == 2


def takes_recordings():
    """Return all public functions that take a recording."""
    faces = [vars(convlab) | {name: getattr(convlab, name) for name in convlab.__all__}]
    faces += [vars(module) for module in (convlab.attribution, convlab.plot)]
    functions = {id(one): one for face in faces for name, one in face.items() if inspect.isfunction(one)}
    return [one for one in [*functions.values(), Model.rerun] if "acts" in inspect.signature(one).parameters]


@pytest.mark.parametrize(("given", "found"), [(np.zeros((1, 28, 28, 1)), "an array"), ("a.h5", "a str")])
@pytest.mark.parametrize("function", takes_recordings(), ids=lambda one: one.__qualname__)
def test_what_is_no_recording_is_refused_by_all_that_take_one(lenet5, function, given, found):
    needed = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    values = {"self": lenet5, "model": lenet5, "acts": given}
    asked = {name: values.get(name, "conv1") for name in needed if name != "look"}
    with pytest.raises(UnsupportedError, match=rf"expected a recording, found {found}: model.run\(x\) makes one"):
        function(**asked)


def test_the_functions_that_take_a_recording_are_found():
    assert {"explain", "gradients", "grad_cam", "occlusion", "overlay", "explanation", "rerun"} <= {
        one.__name__ for one in takes_recordings()
    }


@pytest.mark.parametrize(("channels", "function"), [(3, "softmax"), (1, "sigmoid")])
def test_layers_that_only_hand_on_what_was_made_do_not_hide_that_it_is_probabilities(channels, function):
    layers = [Conv2D("c", channels, 1), Activation("act", function), Reshape("r", (channels,)), Dropout("d")]
    model = Model.sequential("old MobileNet", (1, 1, 2), layers)
    randomise(model, 0)
    acts = model.run(np.ones((1, 1, 1, 2)))
    assert acts.activation == function
    best = max(acts.output[0])
    assert acts.top(1)[0][1] == best
    assert acts.predictions(1)[0].scores[0][1] == best
