"""The table of layers: counts, shapes and receptive fields against published and hand-made numbers."""

import json

import numpy as np
import pytest

import convlab
from convlab.layers import Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D
from convlab.model.model import Model, Node

# Receptive field and jump of VGG16: Araujo, Norris and Sim (Distill 2019) give 212 at block5_pool.
VGG16_FIELDS = {
    "block1_conv1": (3, 1),
    "block1_conv2": (5, 1),
    "block1_pool": (6, 2),
    "block2_pool": (16, 4),
    "block3_pool": (44, 8),
    "block4_pool": (100, 16),
    "block5_conv3": (196, 16),
    "block5_pool": (212, 32),
}

TABLE = """\
layer  type                    output     parameters  multiply-adds  receptive field   jump    start
-----  ----------------------  ---------  ----------  -------------  ---------------  -----  -------
input                          9 x 8 x 2
conv   Conv2D                  5 x 8 x 6         102          3,840            4 x 5  2 x 1  -1 x -2
pool   MaxPooling2D            5 x 2 x 6           -              -            4 x 7  2 x 3  -1 x -2
mean   GlobalAveragePooling2D  6                   -              -              all    all      all
fc     Dense                   4                  28             24              all    all      all
-----  ----------------------  ---------  ----------  -------------  ---------------  -----  -------
total                                            130          3,864"""


@pytest.fixture
def small():
    """Return a model in which height and width differ in everything."""
    layers = [
        Conv2D("conv", 6, (4, 2), stride=(2, 1), padding="same", dilation=(1, 4)),
        MaxPooling2D("pool", (1, 3)),
        GlobalAveragePooling2D("mean"),
        Dense("fc", 4),
    ]
    return Model.sequential("small", (9, 8, 2), layers)


def test_table_of_a_small_model(small):
    assert str(small.summary()) == TABLE


def test_rows_hold_what_the_table_shows(small):
    summary = small.summary()
    conv, pool, mean, fc = summary.rows
    assert (conv.name, conv.type, conv.output_shape) == ("conv", "Conv2D", (5, 8, 6))
    assert (conv.parameters, conv.multiply_adds) == (4 * 2 * 2 * 6 + 6, 5 * 8 * 6 * (4 * 2 * 2))
    assert (conv.receptive_field, conv.jump, conv.start) == ((4, 5), (2, 1), (-1, -2))
    assert (pool.receptive_field, pool.jump, pool.start) == ((4, 7), (2, 3), (-1, -2))
    assert (mean.receptive_field, mean.jump, mean.start) == (None, None, None)
    assert (fc.parameters, fc.multiply_adds) == (6 * 4 + 4, 24)
    assert (summary.parameters, summary.multiply_adds) == (130, 3864)


def test_summary_as_json(small):
    data = json.loads(json.dumps(small.summary().as_dict()))
    assert (data["model"], data["inputs"], data["parameters"]) == ("small", {"input": [9, 8, 2]}, 130)
    assert data["rows"][1] == {
        "name": "pool",
        "type": "MaxPooling2D",
        "output_shape": [5, 2, 6],
        "parameters": 0,
        "multiply_adds": 0,
        "receptive_field": [4, 7],
        "jump": [2, 3],
        "start": [-1, -2],
    }


def test_summary_needs_no_weights_and_names_preprocessing():
    text = str(convlab.load("vgg16", weights=None).summary())
    assert text.splitlines()[-1] == "input made by vgg-caffe: RGB -> BGR, 0-255, minus (103.939, 116.779, 123.68)"
    assert "total" in text
    assert "138,357,544" in text


def test_summary_names_the_file_of_the_weights():
    model = convlab.load("lenet5")
    assert str(model.summary()).splitlines()[-1] == f"weights: {model.receipt.headline}"
    assert "5 layers, 10 arrays, 61,706 values" in model.receipt.headline


@pytest.mark.parametrize(("name", "field"), VGG16_FIELDS.items())
def test_receptive_fields_of_vgg16(name, field):
    rows = {row.name: row for row in convlab.load("vgg16", weights=None).summary().rows}
    assert (rows[name].receptive_field, rows[name].jump) == ((field[0],) * 2, (field[1],) * 2)


def test_vgg16_takes_15_billion_multiply_adds():
    summary = convlab.load("vgg16", weights=None).summary()
    by_hand = sum(
        size * size * 9 * before * after
        for size, before, after in [
            (224, 3, 64), (224, 64, 64), (112, 64, 128), (112, 128, 128), (56, 128, 256), (56, 256, 256),
            (56, 256, 256), (28, 256, 512), (28, 512, 512), (28, 512, 512),
            (14, 512, 512), (14, 512, 512), (14, 512, 512),
        ]
    )  # fmt: skip
    assert summary.multiply_adds == by_hand + 25088 * 4096 + 4096 * 4096 + 4096 * 1000 == 15_470_264_320


def test_a_unit_sees_its_receptive_field_and_nothing_else(small):
    """Change one cell of the input after the other: the units that change are those whose box holds the cell."""
    layers = [
        Conv2D("a", 2, (3, 2), (2, 1), "same", (1, 2)),
        MaxPooling2D("b", (2, 3), (1, 2)),
        Conv2D("c", 1, (2, 1)),
    ]
    model = Model.sequential("boxes", (11, 12, 1), layers)
    for layer in model.layers:
        layer.set_weights(**{name: np.ones(shape) for name, shape in layer.shapes.items()})
    field = model.receptive_fields()["c"]
    base = model.predict(np.zeros((1, 11, 12, 1)))[0, :, :, 0]
    seen = {}
    for y, x in np.ndindex(11, 12):
        image = np.zeros((1, 11, 12, 1))
        image[0, y, x] = 1
        for unit in zip(*np.nonzero(model.predict(image)[0, :, :, 0] != base), strict=True):
            seen.setdefault(unit, []).append((y, x))
    assert len(seen) == base.size
    for unit, cells in seen.items():
        (top, bottom), (left, right) = field.box(*map(int, unit))
        rows, columns = zip(*cells, strict=True)
        assert (min(rows), max(rows)) == (max(top, 0), min(bottom, 10))
        assert (min(columns), max(columns)) == (max(left, 0), min(right, 11))


def test_flatten_sees_all():
    model = Model.sequential("flat", (4, 3, 2), [Flatten("flatten"), Dense("fc", 5)])
    assert [row.receptive_field for row in model.summary().rows] == [None, None]


def test_parameters_count_where_a_node_has_another_name_than_its_layer():
    conv = Conv2D("conv", 4, 3, padding="same")
    model = Model("m", (9, 8, 4), [Node("first", conv, ("input",)), Node("again", conv, ("first",))])
    assert [row.parameters for row in model.summary().rows] == [3 * 3 * 4 * 4 + 4, 0]


def test_a_network_whose_input_is_no_image_sees_all_of_it():
    summary = Model.sequential("mlp", (10,), [Dense("fc", 3)]).summary()
    assert summary.rows[0].receptive_field is None


def test_at_the_prompt_a_summary_is_its_table():
    summary = convlab.load("lenet5", weights=None).summary()
    assert repr(summary) == str(summary)
