"""Explanations of every kind of layer: each number of a small recording, against what the layer computed."""

import itertools

import numpy as np
import pytest

import convlab
from convlab.initialise import randomise
from convlab.layers import (
    ACTIVATIONS,
    ELU,
    Activation,
    Add,
    Average,
    AveragePooling1D,
    BatchNormalization,
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
    Flatten,
    GlobalMaxPooling1D,
    LayerNormalization,
    LayerScale,
    LeakyReLU,
    Maximum,
    Minimum,
    Multiply,
    Permute,
    PReLU,
    ReLU,
    Rescaling,
    Reshape,
    SeparableConv2D,
    Softmax,
    Subtract,
    UpSampling2D,
)
from convlab.model import Node

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
        (Softmax("a", (1, 2)), "'a' is a softmax over places"),
        (BatchNormalization("a", axis=1), "'a' normalises along another axis"),
    ],
)
def test_what_has_no_explanation_says_so(layer, message):
    model = convlab.Model.sequential("net", IMAGE, [layer])
    randomise(model, 0)
    with pytest.raises(convlab.UnsupportedError, match=message):
        convlab.explain(model, model.run(numbers(*IMAGE)), "a", 0, 0, 0)
