"""What can be compared: recordings, files, dictionaries; names, layouts and types."""

import json

import numpy as np
import pytest

import convlab
from convlab import LayerNameError, ShapeError, UnsupportedError
from convlab.comparison.comparison import compare
from convlab.layers import Conv2D, Dense, Flatten, GlobalAveragePooling2D
from convlab.model.initialise import randomise
from convlab.model.model import Node


@pytest.fixture(scope="module")
def model():
    layers = [Conv2D("conv1", 5, 3), Conv2D("conv2", 4, 3, activation="relu"), Flatten("flatten"), Dense("fc", 6)]
    model = convlab.Model.sequential("net", (8, 7, 3), layers)
    randomise(model, 0)
    return model


@pytest.fixture(scope="module")
def acts(model):
    return model.run(np.random.default_rng(0).normal(size=(2, 8, 7, 3)).astype(np.float32), pre=True)


def first_channels(acts):
    """Return the layers as PyTorch lays them out."""
    return {name: np.moveaxis(a, -1, 1) if a.ndim == 4 else a for name, a in acts.items()}


# ---- kinds of sources


@pytest.mark.parametrize("kind", ["recording", "saved", "npz", "compressed", "dictionary"])
@pytest.mark.parametrize("side", [0, 1])
def test_every_kind_on_either_side(kind, side, acts, tmp_path):
    off = {**acts, "conv2": acts["conv2"] + 1e-3, "input": acts.input}
    other = {**acts, "input": acts.input}
    if kind == "recording":
        other = acts
    elif kind == "saved":
        acts.save(tmp_path / "a.h5")
        other = str(tmp_path / "a.h5")
    elif kind != "dictionary":
        {"npz": np.savez, "compressed": np.savez_compressed}[kind](tmp_path / "a.npz", **other)
        other = tmp_path / "a.npz"
    sides = [off, off]
    sides[side] = other
    report = compare(*sides)
    assert [row.name for row in report.rows] == ["input", *acts]
    assert (report.first, report.agrees) == ("conv2", False)
    assert compare(other, acts).agrees
    expected = str(tmp_path / ("a.h5" if kind == "saved" else "a.npz"))
    assert report.labels[side] == (expected if kind in ("saved", "npz", "compressed") else "ab"[side])


def test_lists_and_whole_numbers_make_arrays():
    report = compare({"a": [[1, 2, 3]], "b": [[1.5, 2.5]]}, {"a": np.array([[1, 2, 3]]), "b": [[1.5, 2.75]]})
    assert report.first == "b"
    (row,) = [row for row in report.rows if row.differs]
    assert (row.max_error, row.worst, row.value, row.reference_value) == (0.25, (0, 1), 2.5, 2.75)
    assert row.relative_error == pytest.approx(0.25 / np.hypot(1.5, 2.75))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (3, UnsupportedError, "compare: b is a int; give a recording, the path of one or of an .npz file, or a"),
        ({"conv1": "text"}, UnsupportedError, "b: 'conv1' is an array of <U4, expected real numbers"),
        ({"conv1": [[1, 2], [3]]}, ShapeError, "b: 'conv1' makes no array"),
        ({"conv1": 3.0}, ShapeError, "b: 'conv1' is a single number, expected an array (N, ...)"),
        ({"conv1": np.ones(3, np.complex64)}, UnsupportedError, "b: 'conv1' is an array of complex64"),
        (
            {},
            LayerNameError,
            "a and b have no layer's name in common (conv1, conv2/pre, conv2, ... / none), nor the same layers",
        ),
        ({"c": [1.0]}, LayerNameError, "have no layer's name in common (conv1, conv2/pre, conv2, ... / c)"),
    ],
)
def test_what_cannot_be_compared(source, error, message, acts):
    with pytest.raises(error) as caught:
        compare(acts, source)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tolerance", [-1, float("nan"), "x", "0.1", [1e-3], 1j])
def test_an_impossible_tolerance(tolerance, acts):
    with pytest.raises(ShapeError, match=r"tolerance is .*, expected a number of at least 0"):
        compare(acts, acts, tolerance=tolerance)


def test_without_a_tolerance_it_is_eight_times_the_expected_error():
    b = {"a": np.full((2, 3), np.float32(1.1), np.float64)}  # computed in float32
    (row,) = compare(b, b).rows
    assert row.tolerance == 8 * row.expected
    for times, agrees in ((7.9, True), (8.1, False)):
        assert compare({"a": b["a"] * (1 + times * row.expected)}, b).agrees == agrees


def test_a_tolerance_of_ones_own(acts):
    off = {name: array * 1.01 for name, array in acts.items()}
    assert compare(acts, off).first == "conv1"
    assert compare(acts, off, tolerance=0.02).agrees
    assert compare(acts, off, tolerance=0.001).first == "conv1"
    assert compare(acts, acts, tolerance=0).agrees


# ---- names


def test_names_that_differ(acts):
    theirs = {"features.0": acts["conv1"], "fc": acts["fc"], "conv2": acts["conv2"]}
    report = compare(acts, theirs, names={"conv1": "features.0"})
    assert [(row.name, row.reference) for row in report.rows] == [
        ("conv1", "features.0"),
        ("conv2", "conv2"),
        ("fc", "fc"),
    ]
    assert report.only == (("conv2/pre", "flatten"), ())
    assert "conv1: the reference is called features.0" in str(report)


@pytest.mark.parametrize("kind", ["dictionary", "npz"])
def test_an_input_may_have_another_name(kind, acts, tmp_path):
    theirs = {"image": acts.input + 1, "conv1": acts["conv1"]}
    if kind == "npz":
        np.savez(tmp_path / "a.npz", **theirs)
        theirs = tmp_path / "a.npz"
    report = compare(acts, theirs, names={"input": "image"})
    assert [(row.name, row.reference, row.differs) for row in report.rows] == [
        ("input", "image", True),
        ("conv1", "conv1", False),
    ]
    report = compare(theirs, acts, names={"image": "input"})
    assert [(row.name, row.kind, row.differs) for row in report.rows] == [
        ("image", "Input", True),
        ("conv1", "Conv2D", False),
    ]
    assert compare(acts, theirs).only[1] == ("image",)


def test_names_of_one_side_are_listed_with_the_nearest(acts):
    theirs = {"conv1": acts["conv1"], "convolution2": acts["conv2"], "other": acts["fc"]}
    report = compare(acts, theirs)
    assert report.only == (("conv2/pre", "conv2", "flatten", "fc"), ("convolution2", "other"))
    lines = str(report).splitlines()
    assert "only in a: conv2/pre (like convolution2?), conv2 (like convolution2?), flatten, fc" in lines
    assert "only in b: convolution2 (like conv2?), other" in lines


def test_a_name_that_another_takes_is_not_compared_twice(acts):
    report = compare(acts, {"conv2": acts["conv1"], "fc": acts["fc"]}, names={"conv1": "conv2"})
    assert [(row.name, row.reference) for row in report.rows] == [("conv1", "conv2"), ("fc", "fc")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"conv9": "conv1"}, "a: no recorded layer 'conv9'; did you mean 'conv"),
        ({"conv1": "conv9"}, "b: no recorded layer 'conv9'; did you mean 'conv"),
    ],
)
def test_a_wrong_name(names, message, acts):
    with pytest.raises(LayerNameError) as caught:
        compare(acts, dict(acts), names=names)
    assert message in str(caught.value)


def test_kinds_of_layers(acts):
    kinds = {row.name: row.kind for row in compare(acts, acts).rows}
    assert kinds == {"input": "Input"} | dict(acts.kinds)
    assert {row.kind for row in compare(dict(acts), dict(acts)).rows} == {""}


# ---- layouts


@pytest.mark.parametrize("side", [0, 1])
def test_channels_first_is_seen_in_the_shapes(side, acts):
    sides = [acts, acts]
    sides[side] = first_channels(acts) | {"input": np.moveaxis(acts.input, -1, 1)}
    report = compare(*sides)
    assert report.agrees
    assert report.rows[0].name == "input"
    (row,) = [row for row in report.rows if row.name == "conv1"]
    assert row.note == f"{'ab'[side]} is turned from channels first"
    assert f"conv1: {row.note}" in str(report)
    assert row.shape == row.reference_shape == (2, 6, 5, 5)


def test_an_ambiguous_shape_follows_the_others():
    x = np.arange(2 * 4 * 4 * 4, dtype=np.float32).reshape(2, 4, 4, 4)
    y = np.arange(2 * 5 * 4 * 3, dtype=np.float32).reshape(2, 5, 4, 3)
    ours, theirs = {"a": x, "b": y}, {"a": np.moveaxis(x, -1, 1), "b": np.moveaxis(y, -1, 1)}
    assert compare(ours, theirs).agrees
    assert compare(ours, {"a": x, "b": y}).agrees
    alone = {"a": np.moveaxis(x, -1, 1)}
    assert compare(ours, alone).first == "a"
    assert compare(ours, alone, channels_first=True).agrees
    assert compare(ours, {"a": x}, channels_first=True).first == "a"


def test_a_forced_layout_that_does_not_fit(acts):
    report = compare(acts, dict(acts), channels_first=True)
    assert report.first == "conv1"
    assert {row.name for row in report.rows if not row.differs} == {"flatten", "fc"}
    assert compare(acts, first_channels(acts), channels_first=True).agrees
    assert compare(acts, first_channels(acts), channels_first=False).first == "conv1"


def test_a_missing_batch_axis_and_axes_of_one(model, acts):
    one = model.run(acts.input[:1])
    theirs = {name: array[0] for name, array in first_channels(one).items()} | {"input": one.input[0]}
    report = compare(one, theirs)
    assert report.agrees
    assert len(report.rows) == 5
    assert report.rows[1].note == "b is given its batch axis, turned from channels first"
    assert report.rows[0].note == "b is given its batch axis"
    assert compare(theirs, one).agrees
    (row,) = compare({"a": np.ones((2, 3, 1))}, {"a": np.ones((2, 3))}).rows
    assert (row.differs, row.note) == (False, "b is given or spared axes of length 1")
    pooled = {"gap": np.arange(6.0).reshape(2, 3)}
    assert compare(pooled, {"gap": np.arange(6.0).reshape(2, 3, 1, 1)}).agrees
    assert compare({"gap": np.arange(6.0).reshape(2, 3, 1, 1)}, pooled).agrees


def test_shapes_that_differ(acts):
    report = compare(acts, {**acts, "conv2": acts["conv2"][:, 1:]})
    assert report.first == "conv2"
    (row,) = [row for row in report.rows if row.name == "conv2"]
    assert (row.shape, row.reference_shape, row.worst) == ((2, 4, 3, 4), (2, 3, 3, 4), None)
    assert str(report).startswith(
        "first layer that differs: conv2 (shape (2, 4, 3, 4), reference (2, 3, 3, 4)): no guess makes it agree\n"
    )
    assert report.as_dict()["rows"][2]["relative_error"] == "inf"


def test_no_two_shapes_alike():
    report = compare({"a": np.ones((2, 3)), "b": np.ones((2, 4))}, {"a": np.ones((2, 5)), "b": np.ones((2, 6))})
    assert (report.first, [row.differs for row in report.rows]) == ("a", [True, True])


# ---- values


def test_nan_and_infinity(acts):
    def changed(value):
        array = acts["conv1"].copy()
        array[1, 2, 3, 4] = value
        return {"conv1": array}

    assert compare(changed(np.nan), changed(np.nan)).agrees
    assert compare(changed(np.inf), changed(np.inf)).agrees
    for a, b in ((np.nan, 1), (1, np.nan), (np.inf, -np.inf), (np.inf, np.nan), (3, np.inf)):
        report = compare(changed(a), changed(b))
        assert report.first == "conv1"
        assert report.rows[0].worst == (1, 2, 3, 4)
        assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["rows"][0]["max_error"] == "inf"


def test_numbers_at_the_ends_of_their_types():
    assert compare({"a": np.full((1, 3), 1e300)}, {"a": np.full((1, 3), 1e300)}).agrees
    report = compare({"a": np.full((1, 3), 1.01e300)}, {"a": np.full((1, 3), 1e300)})
    assert report.rows[0].relative_error == pytest.approx(0.01)
    report = compare({"a": np.full((1, 3), 1.01e-300)}, {"a": np.full((1, 3), 1e-300)})
    assert report.rows[0].relative_error == pytest.approx(0.01)
    assert compare({"a": np.full((1, 3), 1.7e308)}, {"a": np.full((1, 3), -1.7e308)}).first == "a"
    assert compare({"a": np.ones(3)}, {"a": np.ones(3)}).agrees
    assert compare({"a": np.zeros((1, 3))}, {"a": np.zeros((1, 3))}).agrees
    assert not compare({"a": np.full((1, 3), 1e-9)}, {"a": np.zeros((1, 3))}).agrees


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (0, 0, "compare: no images in a and b"),
        (2, 0, "compare: no images in b"),
        (0, 2, "compare: no images in a"),
    ],
)
def test_an_empty_batch(a, b, message, model):
    with pytest.raises(ShapeError) as caught:
        compare({"a": np.ones((a, 3))}, {"a": np.ones((b, 3))})
    assert str(caught.value) == message
    runs = [model.run(np.ones((n, 8, 7, 3), np.float32)) for n in (a, b)]
    with pytest.raises(ShapeError) as caught:
        compare(*runs)
    assert str(caught.value) == message


def test_several_inputs_and_outputs():
    pool = GlobalAveragePooling2D("pool")
    nodes = [
        Node("one", Conv2D("one", 4, 3), ("left",)),
        Node("pool", pool, ("right",)),
        Node("fc", Dense("fc", 5), ("pool",)),
    ]
    model = convlab.Model("two", {"left": (6, 5, 2), "right": (4, 3, 3)}, nodes, outputs=("one", "fc"))
    randomise(model, 0)
    rng = np.random.default_rng(0)
    acts = model.run({name: rng.normal(size=(2, *shape)).astype(np.float32) for name, shape in model.inputs.items()})
    report = compare(acts, {**acts, **acts.inputs})
    assert [row.name for row in report.rows] == ["left", "right", "one", "pool", "fc"]
    assert report.agrees
    other = model.run({"left": acts.inputs["left"], "right": acts.inputs["right"][..., ::-1]})
    report = compare(acts, dict(other))
    assert report.first == "pool"
    assert report.guesses[0].name == "channels reversed"


# ---- the report


def test_the_report_as_data(acts):
    report = compare(acts, {**acts, "conv2": acts["conv2"] + 1})
    found = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert (found["agrees"], found["first"], found["guesses"]) == (False, "conv2", [])
    assert [row["verdict"] for row in found["rows"]] == ["PASS", "PASS", "DIFFERS", "PASS", "PASS"]
    assert set(found["rows"][0]) >= {"name", "max_error", "relative_error", "expected", "tolerance", "worst", "shape"}
    assert found["only_in_a"] == found["only_in_b"] == []
    assert repr(report).startswith("<Report: first layer that differs: conv2 (")


def test_one_layer_alone(acts):
    assert str(compare(acts, {"fc": acts["fc"]})).startswith("the 1 layer compared agrees\n")
