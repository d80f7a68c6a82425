"""Explanations against the recording: what they show must add up to the number they explain."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convlab
from convlab.errors import ShapeError
from convlab.explanation.explanation import explain
from convlab.explanation.text import decimals, number
from convlab.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    ZeroPadding2D,
)
from convlab.model.model import INPUT, Node
from support.closeness import gamma

FUNCTIONS = ["linear", "relu", "tanh", "sigmoid", "softmax"]


def network(shape, layers, seed=0):
    """Return a sequential model with random weights, biases and statistics of batches too."""
    for i, layer in enumerate(layers):
        layer.name = layer.name or f"layer{i}"
    model, random = convlab.Model.sequential("net", shape, layers), np.random.default_rng(seed)
    for layer in model.layers:
        weights = {name: random.normal(size=size).astype(np.float32) for name, size in layer.shapes.items()}
        if "moving_variance" in weights:
            weights["moving_variance"] = np.abs(weights["moving_variance"])
        layer.set_weights(**weights)
    return model


def record(model, dtype=np.float32, seed=1, n=2):
    return model.run(np.random.default_rng(seed).normal(size=(n, *model.input_shape)).astype(dtype), pre=True)


def source_of(model, acts, layer):
    """Return what feeds a layer, as images."""
    (node,) = [node for node in model.nodes if node.name == layer]
    array = acts.input if node.inputs[0] == INPUT else acts[node.inputs[0]]
    return array.reshape(len(array), *(1,) * (4 - array.ndim), *array.shape[1:])


# ---- random networks

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
sides = st.tuples(st.tuples(st.integers(0, 2), st.integers(0, 2)), st.tuples(st.integers(0, 2), st.integers(0, 2)))
functions = st.sampled_from(FUNCTIONS)


@st.composite
def convolutions(draw, channels):
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    return Conv2D(
        "", groups * draw(st.integers(1, 3)), draw(pairs), draw(pairs), draw(st.one_of(st.just("same"), sides)),
        draw(pairs), groups, draw(functions), draw(st.booleans()),
    )  # fmt: skip


@st.composite
def pools(draw):
    kind = draw(st.sampled_from([MaxPooling2D, AveragePooling2D]))
    height, width = draw(pairs)
    padding = draw(st.one_of(st.sampled_from(["valid", "same"]), st.just((height // 2, width // 2))))
    return kind("", (height, width), draw(pairs), padding)


@st.composite
def networks(draw):
    """Return a model in which each layer fits the one before it."""
    shape = (draw(st.integers(7, 9)), draw(st.integers(10, 12)), draw(st.integers(1, 4)))
    layers, channels = [], shape[2]
    for _ in range(draw(st.integers(1, 4))):
        layer = draw(
            st.one_of(
                convolutions(channels), pools(), st.builds(Activation, st.just(""), functions),
                st.builds(BatchNormalization, st.just("")), st.builds(ZeroPadding2D, st.just(""), sides),
            )
        )  # fmt: skip
        try:
            channels = network(shape, [*layers, layer]).output_shape[2]
        except convlab.ShapeError:  # the window does not fit any more
            break
        layers.append(layer)
    flat = draw(st.sampled_from([Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D]))
    return network(shape, [*layers, flat(""), Dense("", 5, draw(functions), draw(st.booleans()))], seed=len(layers))


@settings(deadline=None, max_examples=150)
@given(st.data(), networks(), st.sampled_from([np.float32, np.float64]))
def test_what_is_shown_adds_up_to_what_is_recorded(data, model, dtype):
    acts = record(model, dtype)
    for node in model.nodes:
        image, *at = (data.draw(st.integers(0, size - 1)) for size in as_images(acts[node.name]).shape)
        e = explain(model, acts, node.name, *at, image=image)
        assert e.recorded == as_images(acts[node.name])[image, *at]
        check_sum(e, acts, dtype)
        check_cells(e, source_of(model, acts, node.name)[image])
        field = model.receptive_fields()[node.name]
        if field is not None:
            assert e.field == field.box(*at[:2])


def as_images(array):
    return array.reshape(len(array), *(1,) * (4 - array.ndim), *array.shape[1:])


def check_sum(e, acts, dtype):
    """Assert that products and bias make the value before the function, and this the one after it."""
    magnitude = np.abs(e.products).sum() + abs(e.bias)
    bound = gamma(e.products.size + 8, dtype) * magnitude + gamma(e.products.size + 8, np.float64) * magnitude
    assert e.before == e.products.sum() + e.bias
    if f"{e.layer}/pre" in acts:
        before = as_images(acts[f"{e.layer}/pre"])[e.image, e.y, e.x, e.channel]
    else:
        before = e.recorded if e.activation == "linear" else e.before
    assert abs(before - e.before) <= bound
    assert e.agrees
    assert abs(e.recorded - e.after) <= e.tolerance < 1e3 * np.finfo(dtype).eps * (1 + magnitude) * e.products.size
    if e.activation == "linear":
        assert e.after == e.before


def check_cells(e, maps):
    """Assert that each cell of the patch is the one of the map that it says it is; those outside are padding."""
    for (i, y), (j, x), (k, c) in cells(e):
        inside = 0 <= y < maps.shape[0] and 0 <= x < maps.shape[1]
        assert e.place.padding[i, j] == (not inside)
        assert e.patch[i, j, k] == (maps[y, x, c] if inside else 0)
    assert e.patch.dtype == e.kernel.dtype == e.products.dtype == np.float64
    assert e.patch.shape == e.kernel.shape == e.products.shape
    if e.kind not in ("BatchNormalization", "MaxPooling2D", "GlobalMaxPooling2D"):
        np.testing.assert_array_equal(e.products, e.patch * e.kernel)


def cells(e):
    """Yield ((index in the patch, place in the map) of the row, of the column, of the channel)."""
    for row in enumerate(e.place.rows):
        for column in enumerate(e.place.columns):
            for channel in enumerate(e.place.channels):
                yield row, column, channel


# ---- each kind of layer


def test_a_strided_dilated_window_and_its_padding():
    model = network((7, 9, 2), [Conv2D("c", 3, (3, 2), (2, 3), ((1, 2), (2, 0)), (2, 4), activation="relu")])
    e = explain(model, record(model), "c", 0, 1, 2, image=1)
    assert (e.place.rows, e.place.columns, e.place.channels) == (range(-1, 4, 2), range(1, 6, 4), range(2))
    assert e.place.padding.tolist() == [[True, True], [False, False], [False, False]]
    assert e.field == ((-1, 3), (1, 5))
    assert e.field_in_image == ((0, 3), (1, 5))
    np.testing.assert_array_equal(e.kernel, model["c"].weights["kernel"][..., 2])
    assert e.bias == model["c"].weights["bias"][2]


def test_same_puts_the_odd_cell_last():
    model = network((8, 9, 1), [Conv2D("c", 1, (4, 3), (3, 2), "same")])
    acts = record(model)
    assert explain(model, acts, "c", 0, 0).place.rows == range(-1, 3)
    assert explain(model, acts, "c", 2, 4).place.rows == range(5, 9)
    assert explain(model, acts, "c", 2, 4).place.columns == range(7, 10)


@pytest.mark.parametrize(
    ("groups", "filters", "channel", "inputs"), [(2, 6, 2, (0, 2)), (2, 6, 3, (2, 4)), (4, 8, 5, (2, 3))]
)
def test_groups_look_at_their_own_channels(groups, filters, channel, inputs):
    model = network((5, 6, 4), [Conv2D("c", filters, 3, groups=groups)])
    e = explain(model, record(model), "c", 1, 2, channel)
    assert e.place.channels == range(*inputs)
    assert e.agrees


def test_the_winner_of_a_pooling_is_the_only_product():
    x = np.arange(24, dtype=np.float32).reshape(1, 4, 6, 1) % 7 - 9
    model = network((4, 6, 1), [MaxPooling2D("p", 3, 2, "same")])
    e = explain(model, model.run(x), "p", 1, 2)
    assert e.place.padding.sum() == 5
    assert np.argwhere(e.kernel[:, :, 0]).tolist() == [[0, 1]]
    assert e.products.sum() == e.recorded == x[0, 2, 5, 0] == -6
    assert e.winner == (0, 1)
    assert e.formula == "largest of 4 cells, at row 2, column 5"


@pytest.mark.parametrize(
    ("cells", "winner"),
    [
        ([[3, 3, 3], [3, 3, 3]], (0, 0)),
        ([[1, 2, 3], [3, 2, 3]], (0, 2)),
        ([[0, 1, 2], [2, 3, 3]], (1, 1)),
        ([[-3, -2, -4], [-2, -2, -3]], (0, 1)),
    ],
)
@pytest.mark.parametrize(("layer", "at"), [(MaxPooling2D("p", (2, 3)), (0, 0)), (GlobalMaxPooling2D("p"), ())])
def test_of_equal_cells_the_first_row_by_row_wins_to_which_the_gradient_goes_too(cells, winner, layer, at):
    model = network((2, 3, 1), [layer])
    e = explain(model, model.run(np.array(cells, np.float32).reshape(1, 2, 3, 1)), "p", *at)
    assert e.winner == winner and np.argwhere(e.kernel[:, :, 0]).tolist() == [list(winner)]


def test_an_average_counts_the_cells_inside():
    model = network((4, 5, 1), [AveragePooling2D("p", 3, 2, "same")])
    e = explain(model, model.run(np.full((1, 4, 5, 1), 6, np.float32)), "p")
    assert e.place.padding.sum() == 3
    assert e.kernel[~e.place.padding, 0].tolist() == [1 / 6] * 6
    assert e.formula == "sum of 6 cells 36 / 6"


def test_batch_normalisation_writes_its_four_numbers():
    model = network((2, 3, 4), [BatchNormalization("b", epsilon=0.5)])
    numbers = {"gamma": 3.0, "beta": 0.25, "moving_mean": 1.0, "moving_variance": 3.5}
    model["b"].set_weights(**{name: np.full(4, value, np.float32) for name, value in numbers.items()})
    e = explain(model, model.run(np.full((1, 2, 3, 4), 5, np.float32)), "b", 1, 2, 3)
    assert e.formula == "(input 5 - mean 1) / sqrt(variance 3.5 + epsilon 0.5) x gamma 3 + beta 0.25"
    assert (e.before, e.products.item(), e.bias, e.kernel.item()) == (6.25, 6, 0.25, 1.5)


def test_softmax_shows_what_it_is_divided_by():
    model = network((3,), [Activation("s", "softmax")])
    e = explain(model, model.run(np.log([[1.0, 2.0, 5.0]])), "s", channel=1)
    assert e.after == pytest.approx(0.25, abs=1e-15)
    assert e.function == f"softmax: exp({np.log(2):.6g} - largest {np.log(5):.6g}) / sum of the 3 exps 1.6"
    assert e.field is None
    assert "input unit 1" in e.formula


def test_flattening_is_traced_back():
    model = network((4, 5, 3), [Conv2D("c", 2, 2), Flatten("f"), Dense("d", 3)])
    acts = record(model)
    e = explain(model, acts, "f", channel=13)
    assert (e.place.rows[0], e.place.columns[0], e.place.channels[0]) == (1, 2, 1)
    assert e.field == ((1, 2), (2, 3))
    assert explain(model, acts, "d", channel=2).field is None


def test_a_frame_is_padding():
    model = network((2, 3, 1), [ZeroPadding2D("z", 1)])
    acts = record(model)
    e = explain(model, acts, "z", 0, 2)
    assert (e.formula, e.field, e.field_in_image) == ("padding", ((-1, -1), (1, 1)), ((0, -1), (1, 1)))
    assert str(e).splitlines()[2] == "  sees nothing of the image but its padding"
    assert explain(model, acts, "z", 2, 1).place.rows == range(1, 2)


def test_a_second_call_of_a_layer_has_its_own_input():
    layer = Conv2D("c", 2, 3, padding="same")
    nodes = [Node("c", layer, (INPUT,)), Node("c/2", layer, ("c",))]
    model = convlab.Model("twice", (4, 5, 2), nodes)
    layer.set_weights(kernel=np.random.default_rng(0).normal(size=(3, 3, 2, 2)), bias=np.ones(2))
    e = explain(model, record(model), "c/2", 1, 2, 1)
    assert (e.layer, e.source, e.field) == ("c/2", "c", ((-1, 3), (0, 4)))
    assert e.agrees


def test_infinities_and_nan_go_where_the_layer_takes_them():
    model = network((2, 4, 1), [MaxPooling2D("p", 2), Conv2D("c", 1, 1), GlobalAveragePooling2D("g")])
    x = np.array([[-np.inf, -np.inf, 1, 2], [-np.inf, -np.inf, np.nan, 3]], np.float32)[None, :, :, None]
    acts = model.run(x)
    assert explain(model, acts, "p", 0, 0).before == -np.inf
    for e in (explain(model, acts, "p", 0, 1), explain(model, acts, "c", 0, 1), explain(model, acts, "g")):
        assert np.isnan(e.before)
        assert e.agrees
    assert "nan" in str(explain(model, acts, "c", 0, 1))


def test_the_sum_is_in_double_precision():
    model = network((1, 3, 1), [Conv2D("c", 1, (1, 3), use_bias=False)])
    model["c"].set_weights(kernel=np.array([1e8, 1, -1e8]).reshape(1, 3, 1, 1))
    e = explain(model, model.run(np.ones((1, 1, 3, 1), np.float32)), "c")
    assert e.before == 1
    assert e.agrees


def test_one_image_of_a_batch():
    model = network((5, 6, 1), [Conv2D("c", 2, 3)])
    acts = record(model, n=3)
    assert [explain(model, acts, "c", 2, 1, 1, image=i).recorded for i in range(3)] == acts["c"][:, 2, 1, 1].tolist()


# ---- a recording that is not this network's


def test_other_weights_are_noticed():
    model = network((5, 6, 1), [Conv2D("c", 2, 3)])
    acts = record(model)
    model["c"].set_weights(bias=model["c"].weights["bias"] + 0.5)
    e = explain(model, acts, "c", 2, 1)
    assert not e.agrees
    assert "OFF BY 0.5, rounding explains" in str(e)
    assert "was it recorded with these weights?" in str(e)


SMALL = network((6, 7, 3), [Conv2D("conv", 4, 2), MaxPooling2D("pool", 2), Flatten("flat"), Dense("fc", 5)])


@pytest.mark.parametrize(
    ("layer", "options", "error", "message"),
    [
        ("pol", {}, convlab.LayerNameError, "no layer 'pol'; did you mean 'pool'?"),
        ("conv", {"y": 5}, convlab.ShapeError, "y is 5, but layer 'conv' has y 0 to 4$"),
        ("conv", {"x": -1}, convlab.ShapeError, "x is -1, but layer 'conv' has x 0 to 5$"),
        ("pool", {"channel": 4}, convlab.ShapeError, "channel is 4, but layer 'pool' has channel 0 to 3$"),
        ("conv", {"image": 2}, convlab.ShapeError, "image is 2, but layer 'conv' has image 0 to 1$"),
        ("fc", {"y": 1}, convlab.ShapeError, "y is 1, but layer 'fc' has y 0 to 0$"),
        ("conv", {"y": 1.0}, convlab.ShapeError, "y is 1.0, but"),
        ("conv", {"y": True}, convlab.ShapeError, "y is True, but"),
    ],
)
def test_wrong_numbers_are_one_line(layer, options, error, message):
    with pytest.raises(error, match=message) as caught:
        explain(SMALL, record(SMALL), layer, **options)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("recorded", "missing"), [(["pool"], "conv"), (["conv"], "pool"), (["fc"], "conv, pool")])
def test_what_was_not_recorded_is_named(recorded, missing):
    acts = SMALL.run(np.zeros((1, 6, 7, 3), np.float32), record=recorded)
    with pytest.raises(convlab.LayerNameError, match=rf"which lacks {missing}: record conv, pool, too$"):
        explain(SMALL, acts, "pool")


def test_the_input_is_always_there():
    acts = SMALL.run(np.zeros((1, 6, 7, 3), np.float32), record="conv")
    assert explain(SMALL, acts, "conv").source == INPUT


def test_the_recording_of_another_network_is_refused():
    other = network((6, 7, 3), [Conv2D("conv", 3, 2)])
    message = r"of another network \('net'\): in it 'conv' has shape \(2, 5, 6, 3\), in 'net' \(N, 5, 6, 4\)$"
    with pytest.raises(convlab.ShapeError, match=message):
        explain(SMALL, record(other), "conv")


def test_an_unknown_kind_of_layer_is_named():
    class Sort(Layer):
        name = "sort"

        def __call__(self, x):
            return np.sort(x, axis=-1)

    model = convlab.Model.sequential("net", (2, 3, 4), [Sort()])
    with pytest.raises(
        convlab.UnsupportedError, match="'sort' is a Sort, which explain does not know: Activation, Add,"
    ):
        explain(model, record(model), "sort")


# ---- as JSON and as text


def test_as_dict_is_json():
    e = explain(SMALL, record(SMALL), "conv", *map(np.int64, (1, 2, 3)), image=np.int64(0))  # as from argmax
    found = json.loads(json.dumps(e.as_dict()))
    assert found["rows"] == [1, 2]
    assert found["columns"] == [2, 3]
    assert found["channels"] == [0, 1, 2]
    assert found["padding"] == [[False, False]] * 2
    assert np.array(found["products"]).sum() + found["bias"] == pytest.approx(found["before"], rel=1e-15)
    np.testing.assert_array_equal(found["patch"], e.patch)
    assert found["channel_sums"] == e.channel_sums.tolist()
    assert (found["layer"], found["kind"], found["source"]) == ("conv", "Conv2D", "input")
    assert (found["after"], found["recorded"], found["agrees"]) == (e.after, e.recorded, True)
    assert found["field"] == [[1, 2], [2, 3]]


@pytest.mark.parametrize("layer", [node.name for node in SMALL.nodes])
def test_every_layer_is_json_and_text(layer):
    e = explain(SMALL, record(SMALL), layer, channel=2)
    json.dumps(e.as_dict())
    assert f"net, {layer} ({e.kind})" in str(e).splitlines()[0]


def test_the_text_of_a_small_convolution():
    model = network((2, 3, 1), [Conv2D("c", 1, 2, padding="same", activation="relu")])
    model["c"].set_weights(kernel=np.array([1.0, -2.0, 0.5, 4.0]).reshape(2, 2, 1, 1), bias=np.array([-0.25]))
    x = np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 5.0]], np.float32)[None, :, :, None]
    assert str(explain(model, model.run(x), "c", 1, 1)) == "\n".join(
        [
            "net, c (Conv2D): channel 0 at row 1, column 1",
            "  looks at input: rows 1 to 2, columns 1 to 2, channel 0 (2 of 4 cells are padding)",
            "  sees rows 1 to 2, columns 1 to 2 of the image (2 x 2, in it row 1, columns 1 to 2)",
            "",
            "input channel 0: sum -6",
            " row    1    2",
            "   1 4.00 5.00      1.00 -2.00       4.0 -10.0",
            "   2  pad  pad  x   0.50  4.00  =      0     0",
            "",
            "sum of 4 products -6 + bias -0.25 = -6.25; relu -> 0",
            "  recorded 0",
        ]
    )


def test_the_text_of_a_deep_convolution_stays_readable():
    model = network((7, 8, 512), [Conv2D("deep", 3, 3, padding="same")])
    e = explain(model, record(model, n=1), "deep", 0, 7, 1)
    lines = str(e).splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) <= 100
    titles = [line for line in lines if line.startswith("input channel")]
    strongest = np.argsort(-np.abs(e.channel_sums))[:3]
    assert titles == [f"input channel {k}: sum {e.channel_sums[k]:+.6g}" for k in strongest]
    rest = e.channel_sums.sum() - e.channel_sums[strongest].sum()
    assert f"the other 509 input channels: {rest:+.6g}" in lines
    assert sum(line.split().count("pad") for line in lines) == 3 * 5


def test_the_text_of_a_dense_layer_has_its_strongest_products():
    acts = record(SMALL)
    e = explain(SMALL, acts, "fc", channel=4)
    lines = str(e).splitlines()
    strongest = int(np.argmax(np.abs(e.products)))
    assert lines[2] == "  sees all of the image"
    assert lines[4].split()[:2] == ["unit", str(strongest)]
    assert "the other 16 products" in lines[12]


def test_the_text_of_a_pooling_has_the_winner():
    model = network((2, 2, 1), [MaxPooling2D("p", 2)])
    text = str(explain(model, model.run(np.array([[1.0, 7.0], [2.0, 3.0]], np.float32)[None, :, :, None]), "p"))
    assert "    0 1.00  7.00*\n" in text
    assert "largest of 4 cells, at row 0, column 1 = 7\n" in text
    assert text.endswith("recorded 7")


def test_an_average_of_one_cell_has_no_winner():
    model = network((2, 2, 1), [AveragePooling2D("p", 2, 2, 1)])
    e = explain(model, record(model), "p")
    assert (e.kernel == 1).sum() == 1
    assert e.winner is None
    assert "*" not in str(e)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.000123456, "0.000123"), (-2.5e-9, "-2.5e-09"), (0.0, "0"), (1234.5, "1234"), (-3e9, "-3e+09")],
)
def test_numbers_of_every_size_are_short(value, text):
    assert number(value, decimals(np.array([value]))) == text


def test_what_rounds_to_zero_has_no_sign():
    assert number(-0.0004, 2) == "0.00"


def test_its_repr_is_one_line():
    assert repr(explain(SMALL, SMALL.run(np.zeros((1, 6, 7, 3), np.float32)), "pool", 1, 2, 3)).startswith(
        "<Explanation of net's pool at (0, 1, 2, 3): "
    )


def test_wide_tables_are_set_one_below_the_other():
    model = network((11, 12, 1), [Conv2D("c", 1, 9)])
    lines = str(explain(model, record(model), "c", 1, 2)).splitlines()
    assert {"input", "x kernel", "= products"} <= set(lines)
    assert max(map(len, lines)) <= 120


def test_weights_of_float64_are_explained_as_they_were_used():
    model = convlab.Model.sequential("m", (4, 5, 1), [Conv2D("conv", 1, 3)])
    model["conv"].set_weights(kernel=np.full((3, 3, 1, 1), 1 / 3), bias=[0.1])
    x = np.random.default_rng(0).random((1, 4, 5, 1), np.float32)
    why = convlab.explain(model, model.run(x), "conv")
    assert why.kernel[0, 0, 0] == np.float32(1 / 3)
    assert why.agrees


def test_of_an_empty_batch_there_is_nothing_to_explain():
    model = convlab.load("lenet5")
    acts = model.run(np.zeros((0, 28, 28, 1), np.float32))
    with pytest.raises(
        ShapeError, match=r"^explain: the recording holds no image of layer 'conv1': it is of an empty"
    ):
        convlab.explain(model, acts, "conv1")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "the largest number of the layer"),
        ({"channel": 1}, "the largest number of channel 1"),
        ({"y": 2, "x": 3}, "the largest number of row 2, column 3"),
        ({"y": 2}, "the largest number of row 2"),
        ({"y": 2, "x": 3, "channel": 1}, ""),
    ],
)
def test_what_is_left_out_is_where_the_largest_number_lies(asked, told):
    model = network((7, 9, 2), [Conv2D("c", 3, 2)])
    acts = record(model)
    e = explain(model, acts, "c", **asked, image=1)
    at = {"y": e.y, "x": e.x, "channel": e.channel}
    assert asked.items() <= at.items()
    part = acts["c"][1][tuple(asked.get(name, slice(None)) for name in at)]
    assert e.recorded == part.max()
    assert e.choice == told
    assert str(e).splitlines()[0].endswith(f", {told}" if told else f"of image {e.image}")


@pytest.mark.parametrize(
    ("layer", "asked", "told"),
    [
        ("c", {"channel": 1}, "the first number of channel 1, which is zero everywhere"),
        ("c", {}, "the largest number of the layer"),
        ("d", {}, "the first number of the layer, which is zero everywhere"),
    ],
)
def test_of_zeros_none_is_the_largest(layer, asked, told):
    model = network((7, 9, 2), [Conv2D("c", 3, 2), Flatten("f"), Dense("d", 4)])
    model["c"].set_weights(kernel=np.array([1.0, 0, 2]) * np.ones((2, 2, 2, 1)), bias=np.zeros(3))
    model["d"].set_weights(kernel=np.zeros((144, 4)), bias=np.zeros(4))
    assert explain(model, record(model), layer, **asked).choice == told


def test_what_adds_nothing_is_counted_and_not_listed():
    model = network((5, 5, 6), [Conv2D("c", 3, 2), Flatten("f"), Dense("d", 4)])
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 6)).astype(np.float32)
    x[..., :4] = 0
    acts = model.run(x)
    e = explain(model, acts, "c", channel=1)
    assert e.strongest(3) == sorted((4, 5), key=lambda i: -abs(e.channel_sums[i]))
    assert "the other 4 input channels add 0" in str(e).splitlines()
    assert "4 others, all 0" in e._repr_html_()
    dark = explain(model, model.run(np.zeros_like(x)), "c", channel=1)
    assert (dark.strongest(3), str(dark).splitlines()[4]) == ([], "all products are 0")


def test_zero_products_are_counted_and_not_listed():
    model = network((20,), [Dense("d", 2)])
    x = np.arange(20) * (np.arange(20) % 4 == 1).astype(np.float32)
    lines = str(explain(model, model.run(x[None]), "d")).splitlines()[4:]
    assert {line.split("  ")[1].strip() for line in lines[:5]} == {f"unit {i}" for i in (1, 5, 9, 13, 17)}
    assert lines[5] == "  the other 15 products add 0"
    x[0::2] = 1
    *_, rest = (line for line in str(explain(model, model.run(x[None]), "d")).splitlines() if "the other" in line)
    assert rest.startswith("  the other 12 products (5 of them 0): ")


def test_where_there_is_one_place_there_is_no_choice():
    model = network((2, 3, 1), [Conv2D("c", 1, (2, 3))])
    assert explain(model, record(model), "c").choice == ""


def test_nan_is_not_the_largest():
    model = network((3, 4, 1), [Conv2D("c", 1, 1)])
    x = np.ones((1, 3, 4, 1), np.float32)
    x[0, 0, 0], x[0, 2, 1] = np.nan, 5 * np.sign(model["c"].weights["kernel"][0, 0, 0, 0])
    e = explain(model, model.run(x), "c")
    assert (e.y, e.x) == (2, 1)


@pytest.mark.parametrize("layer", ["fc3", "softmax"])
def test_a_unit_of_the_output_is_called_by_its_label(layer):
    model = convlab.load("lenet5")
    acts = model.run(np.zeros((1, 28, 28, 1), np.float32))
    why = convlab.explain(model, acts, layer, channel="Shirt")
    assert (why.channel, why.label) == (6, "Shirt")
    assert f"{layer} ({why.kind}): unit 6 (Shirt)\n" in str(why)
    assert convlab.explain(model, acts, "fc2", channel=6).label == ""


@pytest.mark.parametrize(
    ("layer", "channel", "labels", "message"),
    [
        ("fc3", "shirt", True, "no label 'shirt'; did you mean 'Shirt'"),
        ("fc3", "7", False, "layer 'fc3' has no label '7': give the number 7"),
        ("fc2", "Shirt", True, "layer 'fc2' has no labels: give a number, found 'Shirt'"),
        ("fc3", "Shirt", False, "layer 'fc3' has no labels: give a number"),
    ],
)
def test_a_label_that_is_none_is_refused(layer, channel, labels, message):
    model = convlab.load("lenet5")
    model.labels = model.labels if labels else None
    with pytest.raises(convlab.LayerNameError, match=message):
        convlab.explain(model, model.run(np.zeros((1, 28, 28, 1), np.float32)), layer, channel=channel)


def test_labels_of_another_number_name_no_unit():
    model = convlab.load("lenet5")
    model.labels = ("cat", "dog")
    assert convlab.explain(model, model.run(np.zeros((1, 28, 28, 1), np.float32)), "softmax", channel=6).label == ""


def test_one_channel_that_is_not_listed_is_no_several():
    model = network((5, 5, 4), [Conv2D("c", 3, 2)])
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 4)).astype(np.float32)
    assert "the other 1 input channel: " in str(explain(model, model.run(x), "c", channel=1))
    x[..., 2] = 0
    assert "the other 1 input channel adds 0" in str(explain(model, model.run(x), "c", channel=1))
