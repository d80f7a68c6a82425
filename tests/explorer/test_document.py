"""The document: what it says of each layer is what the network and the recording say."""

import base64
import io
import json
from math import isfinite

import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.explorer.document import Shown, document
from convlab.explorer.groups import groups_of
from convlab.explorer.strict import Digits, as_json
from convlab.layers import Conv2D, Dense, Flatten, MaxPooling2D
from convlab.model.model import Model, Node
from support.explored import NETWORKS
from support.layers.samples import every_layer

each = pytest.mark.parametrize("name", sorted(NETWORKS))


def told(model, acts, **options):
    return json.loads(as_json(document(Shown(model, acts, "convlab explore x y", generation=1, **options))))


@each
def test_layers_are_those_of_the_network_in_order(name):
    model, acts = NETWORKS[name]()
    layers = told(model, acts)["layers"]
    assert [layer["name"] for layer in layers] == list(model.shapes)
    assert [tuple(layer["shape"]) for layer in layers] == list(model.shapes.values())
    for node, layer in zip(model.nodes, layers[len(model.inputs) :], strict=True):
        assert [layers[i]["name"] for i in layer["inputs"]] == list(node.inputs)
        assert layer["kind"] == node.layer.kind
        assert layer["says"].endswith(".")
    assert sum(layer["weights"] for layer in layers) == model.summary().parameters
    assert sum(layer["multiply_adds"] for layer in layers) == model.summary().multiply_adds


@each
def test_statistics_are_those_of_the_recording(name):
    model, acts = NETWORKS[name]()
    for layer in told(model, acts)["layers"][len(model.inputs) :]:
        values, found = acts[layer["name"]][0], acts.statistics(layer["name"])
        assert layer["zeros"] == found.zero_share
        assert layer["dead"] == len(found.dead)
        assert layer["nonfinite"] == (~np.isfinite(values)).sum()
        assert sum(layer["histogram"]["counts"]) == np.isfinite(values).sum()
        assert len(layer["strength"]) == values.shape[-1]
        if isfinite(found.max) and isfinite(found.mean):
            assert (layer["min"], layer["max"], layer["mean"], layer["std"]) == (
                found.min, found.max, found.mean, found.std,
            )  # fmt: skip
        assert layer["seconds"] >= 0


@each
def test_what_cannot_be_explained_says_so(name):
    model, acts = NETWORKS[name]()
    for layer in told(model, acts)["layers"]:
        assert layer["explains"] is (layer["name"] not in model.inputs)


def test_windows_and_fields_are_those_of_the_model():
    model, acts = NETWORKS["lenet"]()
    layers = {layer["name"]: layer for layer in told(model, acts)["layers"]}
    assert layers["conv1"]["window"] == [{"kernel": 5, "stride": 1, "dilation": 1, "before": 2, "after": 2}] * 2
    arithmetic = "floor((14 + 0 + 0 - 1 * (5 - 1) - 1) / 1) + 1 = floor(9 / 1) + 1 = 9 + 1 = 10"
    assert layers["conv2"]["formula"] == f"rows and columns: {arithmetic}"
    assert layers["conv2"]["field"] == {"start": [-2, -2], "end": [11, 11], "jump": [2, 2]}
    assert layers["conv2"]["step"] == {"start": [0, 0], "end": [4, 4], "jump": [1, 1]}
    assert (layers["relu1"]["window"], layers["fc1"]["field"]) == (None, "all")
    assert layers["relu1"]["says"] == "The function relu of each number."


def test_a_merge_of_several_inputs_has_no_field():
    model, acts = NETWORKS["two_inputs"]()
    layers = {layer["name"]: layer for layer in told(model, acts)["layers"]}
    assert layers["both"]["field"] is None
    assert layers["left_conv"]["field"]["jump"] == [2, 2]


def test_the_classes_are_the_first_and_their_labels_are_with_the_logits_too():
    model, acts = NETWORKS["lenet"]()
    said = told(model, acts)
    assert [(one["label"], one["value"]) for one in said["top"]] == acts.top(5)
    assert [model.labels[one["channel"]] for one in said["top"]] == [label for label, _ in acts.top(5)]
    places = {layer["name"]: str(i) for i, layer in enumerate(said["layers"])}
    assert said["labels"] == {places[name]: list(model.labels) for name in ("fc3", "softmax")}


def test_an_output_that_is_no_vector_has_no_classes():
    assert told(*NETWORKS["two_inputs"]())["top"] == []


def test_the_picture_is_what_the_network_saw():
    model, acts = NETWORKS["lenet"]()
    picture = told(model, acts)["picture"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["png"]))))
    assert np.array_equal(pixels, model.preprocessing.restore(acts.input)[0, :, :, 0])
    assert (picture["height"], picture["width"]) == pixels.shape


def test_without_an_image_there_are_layers_without_numbers():
    model = convlab.load("lenet5")
    said = told(model, None)
    assert said["picture"] is None
    assert said["top"] == []
    assert not any("min" in layer or "explains" in layer for layer in said["layers"])


def test_what_a_recording_lacks_has_no_numbers():
    model = convlab.load("lenet5")
    acts = model.run(np.zeros((1, 28, 28, 1), np.float32), record=["conv1", "relu1"])
    layers = {layer["name"]: layer for layer in told(model, acts)["layers"]}
    assert [name for name, layer in layers.items() if "min" in layer] == ["input", "conv1", "relu1"]
    assert [name for name, layer in layers.items() if layer["explains"]] == ["conv1", "relu1"]


def test_the_notes_name_files_without_their_folders():
    model, acts = NETWORKS["lenet"]()
    assert any("/" in note for note in model.notes)
    assert not any("/lenet5_fashion_mnist.h5" in line for line in told(model, acts)["told"])
    assert any(line.startswith("weights: lenet5_fashion_mnist.h5") for line in told(model, acts)["told"])


def grouped(*names):
    kinds = {"conv": lambda name: Conv2D(name, 1, 1), "pool": lambda name: MaxPooling2D(name, 1)}
    layers = [kinds[kind](name) for name, kind in names]
    return groups_of(Model.sequential("net", (8, 8, 1), layers).nodes)


def test_layers_are_grouped_by_paths_and_by_what_names_begin_with():
    assert grouped(("a/b/conv", "conv"), ("a/pool", "pool")) == [["a", "b"], ["a"]]
    assert grouped(("block1_conv1", "conv"), ("block1_pool", "pool"), ("block2_conv", "conv")) == [
        ["block1"], ["block1"], [],
    ]  # fmt: skip
    assert (
        grouped(("conv2_block1_1_conv", "conv"), ("conv2_block1_1_pool", "pool")) == [["conv2", "conv2_block1"]] * 2
    )
    assert grouped(("conv2d_1", "conv"), ("conv2d_2", "conv"), ("pool_1", "pool")) == [[], [], []]


def test_layers_of_a_dense_part_have_no_windows():
    model = Model.sequential("net", (4, 4, 1), [Flatten("flat"), Dense("dense_1", 2)])
    assert [layer["window"] for layer in document(Shown(model, None, ""))["layers"]] == [None] * 3


def test_numbers_have_the_digits_of_float32():
    digits = Digits()
    assert digits.of(np.array([np.float64(np.float32(0.1)), 0.1, np.nan, -np.inf, 1e300])) == [
        0.1, 0.1, "nan", "-inf", 1e300,
    ]  # fmt: skip
    assert digits.of(np.float32([[1 / 3], [2**-149]]).astype(np.float64)) == [[0.33333334], [1e-45]]
    assert digits[1 / 3] == 1 / 3


SAMPLES = [(name, layer, shapes) for name, layer, shapes in every_layer()]


@pytest.mark.parametrize(("name", "layer", "shapes"), SAMPLES, ids=[name for name, *_ in SAMPLES])
def test_every_layer_says_what_it_does_and_its_arithmetic_ends_in_its_size(name, layer, shapes):
    inputs = {f"x{i}": shape for i, shape in enumerate(shapes)}
    model = Model("net", inputs, [Node("layer", layer, tuple(inputs))])
    told = document(Shown(model, None, ""))["layers"][-1]
    assert told["says"].endswith(".") and len(told["says"]) > 10
    if told["formula"] is None:
        assert told["window"] is None
        return
    sides = dict(zip(("columns", "rows", "slices"), reversed(told["shape"][:-1]), strict=False))
    for line in told["formula"].split("\n"):
        names, _, arithmetic = line.partition(": ")
        assert {sides[side] for side in names.split(" and ")} == {int(arithmetic.rpartition(" = ")[2])}


def test_the_arithmetic_is_told_of_windows_with_and_without_padding():
    found = {name for name, layer, shapes in SAMPLES if told_formula(layer, shapes)}
    assert {"Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2D", "MaxPooling1D", "MaxPooling3D", "Cropping2D"} <= found
    assert found.isdisjoint({"Dense", "Add", "Activation", "Conv2DTranspose", "UpSampling2D", "GlobalMaxPooling2D"})


def told_formula(layer, shapes):
    inputs = {f"x{i}": shape for i, shape in enumerate(shapes)}
    model = Model("net", inputs, [Node("layer", layer, tuple(inputs))])
    return document(Shown(model, None, ""))["layers"][-1]["formula"]
