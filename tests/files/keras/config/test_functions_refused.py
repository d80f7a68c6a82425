"""Functions on tensors that stay refused, by their own names, and arguments that make no sense."""

import json
import re
from pathlib import Path

import pytest

from convlab.errors import ConvlabError, ShapeError, UnsupportedError, WeightsError
from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.config.functions import KERAS, TENSORFLOW
from support.files.keras_configs import call, entry, functional, image, refused, tensor

PAGE = Path(__file__).parents[4] / "docs" / "functions.md"


def keras2(function, *calls, kind="TFOpLambda"):
    """Return a network of one function of TensorFlow on an image (8, 9, 3)."""
    layer = entry(kind, f"tf.{function}", *calls, function=function)
    return functional([image(), layer], [["image", 0, 0]], [[f"tf.{function}", 0, 0]])


def on_image(function, **arguments):
    return keras2(function, ["image", 0, 0, arguments])


def keras3(operation, *args, module="keras.src.ops.numpy", **options):
    layer = entry(operation, "op", call(tensor("image"), *args), **options)
    if module:
        layer |= {"module": module, "registered_name": operation}
    return functional([image(), layer], [["image", 0, 0]], [["op", 0, 0]], "Functional")


@pytest.mark.parametrize("function", ["einsum", "os.system", "math.argmax", "image.rgb_to_grayscale"])
def test_a_function_that_is_not_known_is_refused_by_its_name(function):
    message = refused(on_image(function, axis=1), UnsupportedError)
    assert message == (
        f"net.h5: layer 'tf.{function}' is the function tf.{function}, which convlab does not load; use a layer of"
        " Keras instead, or one of the functions in docs/functions.md"
    )


@pytest.mark.parametrize(("operation", "part"), [("Einsum", "numpy"), ("PSNR", "nn"), ("RGBToHSV", "image")])
def test_an_operation_that_is_not_known_is_refused_by_its_name(operation, part):
    message = refused(keras3(operation, module=f"keras.src.ops.{part}"), UnsupportedError)
    assert f"layer 'op' is the function {operation} of keras.ops, which convlab does not load" in message


def test_an_authors_own_class_is_no_operation():
    message = refused(keras3("Relu", module="somebodys.ops.nn"), UnsupportedError)
    assert "'somebodys.ops.nn>Relu', a class of its author's own" in message


@pytest.mark.parametrize("module", ["keras.src.ops.numpy", None], ids=["keras", "h5"])
def test_reshape_is_not_called_damaged_where_the_batch_is_reshaped_too(module):
    assert "shapes whose first axis is the batch, -1" in refused(
        keras3("Reshape", newshape=[4, -1], module=module), UnsupportedError
    )


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (on_image("math.reduce_mean"), UnsupportedError, r"\(tf.math.reduce_mean\) says no axis: that is over all"),
        (on_image("math.reduce_mean", axis=[0, 1]), WeightsError, r"axis is \[0, 1\], expected axes 1 to 3"),
        (on_image("math.reduce_mean", axis=7), WeightsError, "axis is 7, expected axes 1 to 3"),
        (on_image("math.reduce_mean", axis="x"), WeightsError, "axis is 'x', expected axes 1 to 3"),
        (
            on_image("math.l2_normalize", axis=-1, epsilon="x"),
            WeightsError,
            "epsilon is 'x', expected a finite number",
        ),
        (on_image("math.reduce_max", axis=1, keepdims="x"), WeightsError, "keepdims is 'x', expected true or false"),
        (on_image("transpose", perm=[0, 2, 1]), UnsupportedError, "the function tf.transpose, which"),
        (on_image("compat.v1.transpose", perm=[0, 2, 1]), WeightsError, r"axes is \[0, 2, 1\], expected the axes 0"),
        (on_image("compat.v1.transpose", perm=[1, 0, 2, 3]), UnsupportedError, "leave the batch, 0, in front"),
        (on_image("expand_dims", axis=0), UnsupportedError, "the batch, 0, stays in front"),
        (on_image("expand_dims", axis=9), WeightsError, "axis is 9, expected 1 to 4"),
        (on_image("compat.v1.squeeze", axis=2), ShapeError, r"only axes of size 1 can be taken away, axis is \(2,\)"),
        (on_image("reshape", shape=[-1, 7]), ShapeError, r"216 numbers do not make \(7,\)"),
        (on_image("reshape", shape=[-1, 2**40]), WeightsError, "shape is"),
        (on_image("reshape", shape=[-1, 2**31 - 1, 2**31 - 1]), ShapeError, "216 numbers do not make"),
        (on_image("reshape", shape=["tf.shape", 0, 0]), UnsupportedError, "takes its shape from another layer"),
        (on_image("compat.v1.pad", paddings=[[0, 0], [1, 2**31]]), WeightsError, "cells is"),
        (on_image("compat.v1.pad", paddings=[[0, 0], *[[2**31 - 1] * 2] * 3]), ShapeError, "numbers of one input"),
        (on_image("compat.v1.pad", paddings=[[1, 0], *[[1, 1]] * 3]), UnsupportedError, "none along the batch"),
        (
            on_image("compat.v1.pad", paddings=[[0, 0], [8, 0], [0, 0], [0, 0]], mode="REFLECT"),
            ShapeError,
            "at most 7",
        ),
        (on_image("compat.v1.pad", paddings=[[0, 0]] * 4, mode="wrap"), UnsupportedError, "mode='wrap'"),
        (on_image("image.resize", size=[2**31 - 1] * 2), ShapeError, "numbers of one input"),
        (on_image("image.resize", size=[4, 5], preserve_aspect_ratio=True), UnsupportedError, "aspect_ratio=True"),
        (on_image("image.resize", size=[4, 5], method="area", surprise=1), UnsupportedError, "surprise=1"),
        (on_image("split", num_or_size_splits=5, axis=2), ShapeError, "9 cannot be split into 5 equal parts"),
        (on_image("split", num_or_size_splits=2), WeightsError, "axis is 0, expected axes 1 to 3"),
        (on_image("split", num_or_size_splits=[], axis=1), WeightsError, "at least 1 parts"),
        (on_image("compat.v1.gather", indices=[3], axis=-1), ShapeError, r"indices \[3\], expected 0 to 2"),
        (on_image("unstack", axis=1, num="x"), None, ""),
        (on_image("math.add", y=[[1.0], [2.0, 3.0]]), WeightsError, "expected a number, or lists of numbers"),
        (on_image("math.add", y=[[[[[[[[[[1.0]]]]]]]]]]), WeightsError, "expected a number, or lists of numbers"),
        (on_image("math.add", y="x"), WeightsError, "constant is 'x', expected a number"),
        (on_image("math.add", y=float("inf")), WeightsError, "constant is inf, expected a number"),
        (on_image("math.add", y=[[[[1.0]]], [[[2.0]]]]), UnsupportedError, "one for all pictures of a batch"),
        (on_image("math.add", y=[[1.0] * 4] * 9), ShapeError, "sizes differ, and none of them is 1"),
        (on_image("math.add"), WeightsError, r"'tf.math.add' \(tf.math.add\) is not given its y"),
        (on_image("math.add", y=1, z=2), UnsupportedError, "has z=2"),
        (on_image("cast", dtype="int32"), UnsupportedError, "dtype='int32'; convlab loads bfloat16 and float16 and"),
        (on_image("nn.silu", beta=2), UnsupportedError, "beta=2; convlab loads 1 alone"),
        (on_image("nn.log_softmax", axis=1), UnsupportedError, "axis=1; convlab loads the last axis alone"),
        (on_image("nn.max_pool2d", ksize=[1, 2, 2, 2], strides=1, padding="SAME"), WeightsError, "pool_size is"),
        (on_image("nn.max_pool2d", ksize=2**31 - 1, strides=1, padding="VALID"), ShapeError, "tf.nn.max_pool2d"),
        (on_image("nn.depth_to_space", block_size=2), ShapeError, "3 channels do not make blocks of 2 x 2 places"),
        (on_image("nn.space_to_depth", block_size=2), ShapeError, "8 x 9 places are no blocks of 2 x 2"),
        (keras2("concat", [["image", 0, 0, {"axis": 0}]]), WeightsError, "axis is 0, expected axes 1 to 3"),
        (keras2("concat", [["_CONSTANT_VALUE", -1, 1.0, {"axis": 1}]]), UnsupportedError, r"is called on \[1.0\]"),
        (keras2("concat", []), UnsupportedError, r"is called on \[\]"),
        (
            keras2("nn.relu", ["image", 0, 0, {}], ["image", 0, 0, {"z": 1}]),
            UnsupportedError,
            "is called twice, with",
        ),
        (keras3("Mean", axis=None), UnsupportedError, r"\(Mean of keras.ops\) says no axis"),
        (keras3("Average", axis=1, weights=[1, 2]), UnsupportedError, r"weighting=\[1, 2\]"),
        (keras3("Max", axis=1, initial=1.0), UnsupportedError, "initial=1.0"),
        (keras3("Moveaxis", source=[1, 2], destination=1), WeightsError, "destination is 1, expected 2 axes"),
        (keras3("Swapaxes", axis1=[], axis2=1), WeightsError, "expected one axis"),
        (keras3("Add", 1.0, 2.0), WeightsError, "is given 3 arguments, expected x1, x2"),
        (keras3("Squareplus", b=2, module="keras.src.ops.nn"), UnsupportedError, "b=2; convlab loads 4 alone"),
    ],
)
def test_arguments_that_convlab_does_not_take(config, error, message):
    if error is None:
        assert read_architecture(config, "net.h5").model
    else:
        assert re.search(message, refused(config, error))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (0, "the first is to be a bare :"),
        ([{"start": 1, "stop": None, "step": None}], "the first is to be a bare :"),
        ([{"start": None}, 8], "what is asked for is not there"),
        ([{"start": None}, {"start": None, "stop": None, "step": 0}], "expected slices, whole numbers and one ..."),
        ([{"start": None}, {"start": "x", "stop": None}], "expected slices, whole numbers and one ..."),
        ([{"start": None}, {"start": 2**70}], "expected slices, whole numbers and one ..."),
        ([{"start": None}] * 9, "what is asked for is not there"),
        ([{"class_name": "__ellipsis__"}] * 2, "expected slices, whole numbers and one ..."),
        ([{"start": None}, True], "expected slices, whole numbers and one ..."),
        ([{"start": None}, {"start": ["image", 0, 0]}], "takes its key from another layer"),
        ([{"start": None}, {"step": 2**31 - 1}], None),
        ([{"start": None}, *[None] * 3], None),
        ([{"start": None}, *[None] * 90], "axes|not there"),
    ],
)
def test_slices_that_make_no_sense(spec, message):
    config = keras2("__operators__.getitem", ["image", 0, 0, {"slice_spec": spec}], kind="SlicingOpLambda")
    if message is None:
        assert read_architecture(config, "net.h5").model
    else:
        with pytest.raises(ConvlabError, match=message):
            read_architecture(config, "net.h5")


def test_lists_without_end_are_refused():
    deep = json.loads("[" * 900 + "]" * 900)
    assert "nested more than 32 deep" in refused(on_image("math.add", y=deep))


def test_an_output_that_is_far_away():
    split = entry("TFOpLambda", "s", ["image", 0, 0, {"num_or_size_splits": 3, "axis": -1}], function="split")
    config = functional([image(), split], [["image", 0, 0]], [["s", 0, 2**31 - 1]])
    assert "take more than 200,000 inputs" in refused(config, UnsupportedError)


def test_the_outputs_of_a_split_have_names():
    split = entry("TFOpLambda", "s", ["image", 0, 0, {"num_or_size_splits": 3, "axis": -1}], function="split")
    add = entry("TFOpLambda", "a", ["s", 0, 2, {"y": ["s", 0, 0]}], function="math.add")
    model = read_architecture(functional([image(), split, add], [["image", 0, 0]], [["a", 0, 0]]), "net.h5").model
    assert [node.name for node in model.nodes] == ["s:0", "s:1", "s:2", "a"]
    assert model.nodes[-1].inputs == ("s:2", "s:0")


def test_a_layer_whose_input_has_a_name():
    relu = entry("ReLU", "relu", call(inputs=tensor("image")))
    model = read_architecture(functional([image(), relu], [["image", 0, 0]], [["relu", 0, 0]]), "net.keras").model
    assert model.nodes[0].inputs == ("image",)


def test_the_page_lists_every_function():
    listed = re.findall(r"`([\w.]+)`", PAGE.read_text(encoding="utf-8"))
    assert listed == [f"tf.{name}" for name in TENSORFLOW] + list(KERAS)
