"""Explanations of every kind of layer: each number of a small recording, against what the layer computed."""

import itertools

import numpy as np
import pytest

import convlab
from convlab.layers import (
    ACTIVATIONS,
    ELU,
    GLU,
    Activation,
    Add,
    Average,
    AveragePooling1D,
    BatchNormalization,
    CenterCrop,
    Concatenate,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    CustomScaleLayer,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    LayerNormalization,
    LayerScale,
    LeakyReLU,
    Masking,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Rescaling,
    Reshape,
    SeparableConv2D,
    Softmax,
    Subtract,
    ThresholdedReLU,
    UpSampling2D,
    over_time,
)
from convlab.model.initialise import randomise
from convlab.model.model import Node

IMAGE, ROW = (5, 4, 3), (7, 3)
ON_IMAGES = {
    "depthwise": DepthwiseConv2D("a", (3, 2), (2, 1), "same", 2, activation="tanh"),
    "depthwise dilated": DepthwiseConv2D("a", 2, dilation=(2, 1), use_bias=False),
    "separable": SeparableConv2D("a", 5, (2, 3), padding="same", depth_multiplier=2, activation="relu"),
    "transposed valid": Conv2DTranspose("a", 2, (3, 2), (2, 3)),
    "transposed same": Conv2DTranspose("a", 2, (2, 3), (3, 2), "same", activation="relu"),
    "transposed wider than its kernel": Conv2DTranspose("a", 2, 1, 2),
    "transposed dilated": Conv2DTranspose("a", 2, 3, (2, 1), dilation=(1, 2)),
    "transposed, dilation and stride share a factor": Conv2DTranspose("a", 2, 3, 2, dilation=2),
    "dense on an image": Dense("a", 4, "softmax"),
    "crop": Cropping2D("a", ((1, 2), (0, 1))),
    "center crop": CenterCrop("a", 2, 3),
    "upsample": UpSampling2D("a", (2, 3)),
    "permute": Permute("a", (3, 1, 2)),
    "reshape": Reshape("a", (2, 30)),
    "flatten channels first": Flatten("a", channels_first=True),
    "dropout": Dropout("a"),
    "softmax": Softmax("a"),
    "relu6": ReLU("a", 0.7, 0.1, 0.2),
    "leaky": LeakyReLU("a", 0.2),
    "prelu": PReLU("a", (2,)),
    "elu": ELU("a", 0.5),
    "masking": Masking("a", 0.5),
    "thresholded": ThresholdedReLU("a", 0.5),
    "rescaling": Rescaling("a", (2.0, 3.0, -4.0), 0.5),
    "layer scale": LayerScale("a"),
    "norm without gamma": BatchNormalization("a", scale=False),
    **{name: Activation("a", name) for name in ACTIVATIONS},
}
ON_ROWS = {
    "conv1d": Conv1D("a", 2, 3, 2, activation="relu"),
    "transposed": Conv1DTranspose("a", 2, 3, 2),
    "pool": AveragePooling1D("a", 3, 2, "same"),
    "global": GlobalMaxPooling1D("a"),
}


def assert_every_number_is_explained(model, inputs):
    acts = model.run(inputs)
    for name in acts:
        for at in itertools.product(*(range(size) for size in (1, 1, *acts[name].shape[1:])[-3:])):
            why = convlab.explain(model, acts, name, *at)
            assert why.agrees, (name, at, why.recorded, why.after, why.tolerance)
            assert why.tolerance < 1e-4 * (1 + abs(why.after)) and str(why)
    return acts


def numbers(*shape, dtype=np.float32):
    return np.random.default_rng(3).normal(size=(1, *shape)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", ON_IMAGES.values(), ids=ON_IMAGES)
def test_layers_on_images(layer, dtype):
    model = convlab.Model.sequential("net", IMAGE, [layer])
    randomise(model, 0)
    assert_every_number_is_explained(model, numbers(*IMAGE, dtype=dtype))


@pytest.mark.parametrize("layer", ON_ROWS.values(), ids=ON_ROWS)
def test_layers_on_rows(layer):
    model = convlab.Model.sequential("net", ROW, [layer])
    randomise(model, 0)
    assert_every_number_is_explained(model, numbers(*ROW))


@pytest.mark.parametrize("shape", [(7,), (4, 7)])
def test_words(shape):
    model = convlab.Model.sequential("net", shape, [Embedding("a", 7, 5)])
    randomise(model, 0)
    acts = assert_every_number_is_explained(model, np.random.default_rng(1).integers(0, 7, (1, *shape)))
    at = (0, 3, 2) if len(shape) == 1 else (1, 3, 2)
    word = int(acts.input[(0, *at[3 - len(shape) - 1 : 2])])
    assert convlab.explain(model, acts, "a", *at).formula == f"row {word}, column 2 of the table"


def test_a_gated_half():
    model = convlab.Model.sequential("net", (5, 4, 6), [GLU("a")])
    acts = assert_every_number_is_explained(model, numbers(5, 4, 6))
    why = convlab.explain(model, acts, "a", 1, 2, 1)
    assert list(why.place.channels) == [1, 4]


def test_a_vector_that_is_repeated():
    model = convlab.Model.sequential("net", (5,), [RepeatVector("a", 3)])
    acts = assert_every_number_is_explained(model, numbers(5))
    assert convlab.explain(model, acts, "a", 0, 2, 4).formula == "input unit 4"


@pytest.mark.parametrize("merge", [Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, CustomScaleLayer])
def test_merges(merge):
    nodes = [
        Node("conv", Conv2D("conv", 3, (3, 2), padding="same"), ("input",)),
        Node("merge", merge("merge"), ("conv", "input")),
    ]
    model = convlab.Model("net", IMAGE, nodes)
    randomise(model, 0)
    acts = assert_every_number_is_explained(model, numbers(*IMAGE))
    why = convlab.explain(model, acts, "merge", 1, 2, 0)
    assert why.sources == (("conv",) if merge is Concatenate else ("conv", "input"))
    assert why.field == ((0, 2), (2, 3))  # what the convolution sees; the input adds the cell in its middle
    if merge is Concatenate:
        assert convlab.explain(model, acts, "merge", 1, 2, 4).formula == "input at row 1, column 2, channel 1"
    else:
        assert [why.patch[0, 0, i] for i in (0, 1)] == [acts["conv"][0, 1, 2, 0], acts.input[0, 1, 2, 0]]
        assert "conv, input: row 1, column 2, channel 0" in str(why)


@pytest.mark.parametrize(
    ("inner", "shape"),
    [
        (Dense("a", 4, "softmax"), (5, 3)),
        (BatchNormalization("a"), (5, 3)),
        (ReLU("a", 0.7, 0.1, 0.2), (5, 3)),
        (Conv1D("a", 2, 3, padding="same", activation="relu"), (5, 7, 3)),
        (GlobalMaxPooling1D("a"), (5, 7, 3)),
        (Flatten("a"), (5, 7, 3)),
        (Dense("a", 4), (5, 7, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_step(inner, shape):
    model = convlab.Model.sequential("net", shape, [over_time(inner)])
    randomise(model, 0)
    acts = assert_every_number_is_explained(model, numbers(*shape))
    at = (0, 3, 1) if acts["a"].ndim == 3 else (3, 1, 1)
    place = convlab.explain(model, acts, "a", *at).place
    assert 3 in (place.columns if len(shape) == 2 else place.rows)


def test_what_is_merged_at_each_step_has_no_explanation():
    model = convlab.Model("net", {"x": (5, 3), "y": (5, 3)}, [Node("a", over_time(Add("a")), ("x", "y"))])
    acts = model.run([numbers(5, 3), numbers(5, 3)])
    with pytest.raises(convlab.UnsupportedError, match="'a' merges inputs at each step: no explanation"):
        convlab.explain(model, acts, "a", 0, 0, 0)


def test_a_gate_that_is_repeated_over_the_image():
    gate = Dense("gate", 3, "sigmoid")
    nodes = [
        Node("flat", Flatten("flat"), ("input",)),
        Node("gate", gate, ("flat",)),
        Node("one", Reshape("one", (1, 1, 3)), ("gate",)),
        Node("scaled", Multiply("scaled"), ("input", "one")),
    ]
    model = convlab.Model("net", IMAGE, nodes)
    randomise(model, 0)
    acts = assert_every_number_is_explained(model, numbers(*IMAGE))
    why = convlab.explain(model, acts, "scaled", 4, 1, 2)
    assert why.kernel[0, 0, 0] == pytest.approx(float(acts["gate"][0, 2]), rel=1e-12)
    assert why.field is None  # the gate has seen all of the image


def test_what_a_transposed_convolution_gathers():
    """A stride of 2 and a kernel of 3: even places are covered by two inputs, odd ones by one."""
    layer = Conv2DTranspose("up", 1, 3, 2, use_bias=False)
    model = convlab.Model.sequential("net", (3, 3, 1), [layer])
    layer.set_weights(kernel=np.arange(9.0).reshape(3, 3, 1, 1))
    acts = model.run(np.arange(1.0, 10.0, dtype=np.float32).reshape(1, 3, 3, 1))
    why = convlab.explain(model, acts, "up", 2, 3)
    assert (why.place.rows, why.place.columns) == (range(2), range(1, 2))
    assert why.patch.ravel().tolist() == [2, 5]  # column 1 of rows 0 and 1
    assert why.kernel.ravel().tolist() == [7, 1]  # row 2 of the kernel for the first, row 0 for the second
    assert why.before == 2 * 7 + 5 * 1 == acts.output[0, 2, 3, 0]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (LayerNormalization("a"), "'a' is a LayerNormalization, which explain does not know"),
        (UpSampling2D("a", 2, "bilinear"), r"'a' interpolates \(bilinear\)"),
        (UpSampling2D("a", 2, "bicubic"), r"'a' interpolates \(bicubic\)"),
        (CenterCrop("a", 6, 3), "'a' enlarges its input"),
        (Softmax("a", (1, 2)), "'a' is a softmax over places"),
        (BatchNormalization("a", axis=1), "'a' normalises along another axis"),
    ],
)
def test_what_has_no_explanation_says_so(layer, message):
    model = convlab.Model.sequential("net", IMAGE, [layer])
    randomise(model, 0)
    with pytest.raises(convlab.UnsupportedError, match=message):
        convlab.explain(model, model.run(numbers(*IMAGE)), "a", 0, 0, 0)


# ---- the field


def inception():
    nodes = [
        Node("one", Conv2D("one", 2, 1), ("input",)),
        Node("five", Conv2D("five", 3, (5, 3), padding="same"), ("input",)),
        Node("cat", Concatenate("cat"), ("one", "five")),
    ]
    model = convlab.Model("net", (9, 8, 2), nodes)
    randomise(model, 0)
    return model


@pytest.mark.parametrize(
    ("channel", "source", "field"), [(1, "one", ((4, 4), (5, 5))), (2, "five", ((2, 6), (4, 6)))]
)
def test_a_concatenation_sees_what_the_input_sees_that_the_number_came_from(channel, source, field):
    model = inception()
    why = convlab.explain(model, model.run(numbers(9, 8, 2)), "cat", 4, 5, channel)
    assert (why.sources, why.field) == ((source,), field)


def test_a_sequence_is_an_image_of_one_row():
    model = convlab.Model.sequential("net", (9, 2), [Conv1D("conv", 3, 5, padding="same")])
    randomise(model, 0)
    acts = model.run(numbers(9, 2))
    inside, edge = (convlab.explain(model, acts, "conv", 0, x, 1) for x in (4, 0))
    assert (inside.field, inside.field_in_image) == (((0, 0), (2, 6)),) * 2
    assert (edge.field, edge.field_in_image) == (((0, 0), (-2, 2)), ((0, 0), (0, 2)))
    assert "sees columns 2 to 6 of the sequence (5)" in str(inside)


def test_behind_upsampling_there_is_no_one_field():
    model = convlab.Model.sequential("net", IMAGE, [UpSampling2D("up"), Conv2D("conv", 2, 3)])
    randomise(model, 0)
    why = convlab.explain(model, model.run(numbers(*IMAGE)), "conv", 1, 1, 0)
    assert (why.field, why.field_in_image) == ("varies", None)
    assert "sees a part of the image that no one rule gives for all units" in str(why)


def test_a_number_behind_the_second_input_is_explained_on_the_second():
    nodes = [
        Node("left", Conv2D("left", 2, 3), ("a",)),
        Node("right", Conv2D("right", 2, (3, 1)), ("b",)),
        Node("both", Add("both"), ("left", "right")),
    ]
    model = convlab.Model("net", {"a": (8, 7, 3), "b": (8, 5, 1)}, nodes)
    randomise(model, 0)
    acts = model.run({"a": numbers(8, 7, 3), "b": numbers(8, 5, 1)})
    right, both = (convlab.explain(model, acts, name, 5, 1, 0) for name in ("right", "both"))
    assert (right.input, right.image_shape, right.field) == ("b", (8, 5, 1), ((5, 7), (1, 1)))
    assert (both.input, both.image_shape, both.field) == (None, (), None)
    assert "sees several inputs of the network" in str(both)


# ---- odd graphs


def test_a_merge_of_one_input_hands_it_on():
    model = convlab.Model("net", IMAGE, [Node("add", Add("add"), ("input",))])
    assert_every_number_is_explained(model, numbers(*IMAGE))


@pytest.mark.parametrize("shared", [Permute("shared", (3, 1, 2)), Flatten("shared"), Reshape("shared", (-1, 2))])
def test_a_layer_called_on_two_shapes_is_explained_on_either(shared):
    nodes = [
        Node("shared", shared, ("input",)),
        Node("conv", Conv2D("conv", 2, 2), ("input",)),
        Node("shared/2", shared, ("conv",)),
    ]
    model = convlab.Model("net", (4, 6, 3), nodes)
    randomise(model, 0)
    assert_every_number_is_explained(model, numbers(4, 6, 3))


def test_what_is_no_image_says_so():
    model = convlab.Model.sequential("net", IMAGE, [Reshape("four", (5, 2, 2, 3)), Reshape("five", (1, 5, 2, 2, 3))])
    acts = model.run(numbers(*IMAGE))
    with pytest.raises(convlab.UnsupportedError, match="layer 'four' is a Reshape that makes a volume"):
        convlab.explain(model, acts, "four")
    with pytest.raises(
        convlab.UnsupportedError, match=r"layer 'five' \(Reshape\) cannot be explained: its numbers lie"
    ):
        convlab.explain(model, acts, "five")


def test_a_silenced_channel_is_explained_as_such():
    model = convlab.Model.sequential("net", IMAGE, [Conv2D("conv", 3, 2)])
    randomise(model, 0)
    quiet = model.ablate({"conv": [1]})
    acts = quiet.run(numbers(*IMAGE))
    why = convlab.explain(quiet, acts, "conv", 1, 1, 1)
    assert (why.recorded, why.after, why.function, why.agrees) == (0, 0, "silenced", True)
    assert "silenced -> 0" in str(why)
    assert convlab.explain(quiet, acts, "conv", 1, 1, 2).agrees


# ---- tolerances: neither too wide nor too narrow


def planted(layer, change, shape=IMAGE, scale=1.0, at=(0, 1, 2)):
    """Return the explanation of a number that was changed after it was recorded."""
    model = convlab.Model.sequential("net", shape, [layer])
    randomise(model, 0)
    acts = model.run(numbers(*shape) * np.float32(scale))
    array = acts[layer.name]
    place = (0, *at)[: array.ndim] if array.ndim == 4 else (0, at[-1])
    array[place] = change(array[place])
    return convlab.explain(model, acts, layer.name, *(at if array.ndim == 4 else (0, 0, at[-1])))


@pytest.mark.parametrize(
    ("layer", "change"),
    [
        (Activation("a", "hard_shrink"), lambda v: v + np.float32(1e-3)),
        (Activation("a", "sigmoid"), lambda v: v * np.float32(1.0001)),
        (Activation("a", "softmax"), lambda v: v * np.float32(1.0001)),
        (Dense("a", 5, "softmax"), lambda v: v * np.float32(1.0001)),
        (Dropout("a"), lambda v: np.nextafter(v, np.float32(9))),
        (MaxPooling2D("a", 2), lambda v: np.nextafter(v, np.float32(9))),
        (GlobalAveragePooling2D("a"), lambda v: v * np.float32(1 + 1e-6)),
        (Conv2D("a", 3, 2), lambda v: v + np.float32(1e-4)),
        (SeparableConv2D("a", 3, 2), lambda v: v + np.float32(1e-4)),
    ],
    ids=lambda value: getattr(value, "name", "") and type(value).__name__,
)
def test_a_number_that_was_changed_a_little_does_not_agree(layer, change):
    assert not planted(layer, change).agrees


@pytest.mark.parametrize(
    ("layer", "asked"),
    [(BatchNormalization("a"), "with these weights"), (MaxPooling2D("a", 2), "by this network")],
)
def test_weights_are_asked_about_where_there_are_some(layer, asked):
    assert str(planted(layer, lambda v: v + 1)).endswith(f"; was it recorded {asked}?")


def test_a_probability_that_is_0_in_float32_is_not_a_thousandth():
    why = planted(Activation("a", "softmax"), lambda v: np.float32(1e-3), scale=300, at=(0, 2, 0))
    assert why.after < 1e-30 and not why.agrees


def test_kernels_that_cancel_when_they_are_multiplied_out():
    layer = SeparableConv2D("a", 2, 1, depth_multiplier=2)
    model = convlab.Model.sequential("net", IMAGE, [layer])
    depthwise = np.full((1, 1, 3, 2), 1000.0) + np.random.default_rng(0).random((1, 1, 3, 2))
    mixing = np.tile([[1.0], [-1.0]], (3, 2)).reshape(1, 1, 6, 2)
    layer.set_weights(depthwise_kernel=depthwise, pointwise_kernel=mixing, bias=np.zeros(2))
    assert_agree(model, numbers(*IMAGE) * 1000)


def assert_agree(model, x):
    acts = model.run(x)
    for at in np.ndindex(acts.output.shape[1:]):
        why = convlab.explain(model, acts, model.nodes[-1].name, *at)
        assert why.agrees, (at, why.recorded, why.after, why.tolerance)


@pytest.mark.parametrize("layer", [ReLU("a"), LeakyReLU("a"), ELU("a"), PReLU("a"), ThresholdedReLU("a")], ids=repr)
def test_a_function_of_zero(layer):
    model = convlab.Model.sequential("net", IMAGE, [layer])
    randomise(model, 0)
    why = convlab.explain(model, model.run(np.zeros((1, *IMAGE), np.float32)), "a")
    assert why.agrees and why.after == 0


@pytest.mark.parametrize(("layer", "which"), [(Maximum("a"), "largest"), (Minimum("a"), "smallest")])
def test_of_equal_inputs_the_first_is_chosen(layer, which):
    model = convlab.Model("net", {"x": IMAGE, "y": IMAGE}, [Node("a", layer, ("x", "y"))])
    ones = np.ones((1, *IMAGE), np.float32)
    why = convlab.explain(model, model.run([ones, ones]), "a")
    assert why.formula.startswith(f"{which} of the inputs, number 1 of 2")
    assert (why.products.tolist(), why.input, why.field) == ([[[1, 0]]], None, None)
    other = ones * (-np.inf if which == "largest" else np.inf)
    why = convlab.explain(model, model.run([ones, other]), "a")
    assert why.agrees and why.after == 1


def test_the_threshold_itself_is_on_the_side_where_the_layer_puts_it():
    x = np.full((1, *IMAGE), 0.1, np.float32)
    assert_agree(convlab.Model.sequential("net", IMAGE, [ReLU("a", None, 0.5, 0.1)]), x)


@pytest.mark.parametrize("size", [1e-22, 1e22])
def test_products_beyond_the_range_of_the_type(size):
    layer = Conv2D("a", 2, 1)
    model = convlab.Model.sequential("net", IMAGE, [layer])
    layer.set_weights(kernel=np.full((1, 1, 3, 2), size, np.float32), bias=np.zeros(2))
    assert_agree(model, np.full((1, *IMAGE), size, np.float32))


def test_infinity_times_zero():
    nodes = [Node("zero", ReLU("zero"), ("input",)), Node("product", Multiply("product"), ("input", "zero"))]
    model = convlab.Model("net", IMAGE, nodes)
    acts = model.run(np.full((1, *IMAGE), -np.inf, np.float32))
    why = convlab.explain(model, acts, "product")
    assert np.isnan(why.recorded) and why.agrees
