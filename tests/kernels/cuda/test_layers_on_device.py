"""Every layer on a GPU or its stand-in: NumPy's results, weights copied there once, and nothing else copied."""

import numpy as np
import pytest

from convlab import layers, ops
from convlab.layers.residual import Residual
from support.cuda.beside_numpy import DTYPES, assert_as_numpy, numbers
from support.layers.absolute import magnitudes
from support.layers.beside_keras import built

IMAGE, SEQUENCE, VOLUME = (5, 7, 6), (11, 4), (3, 5, 7, 4)

SAME = {  # layer class -> options, and the shapes of its inputs; the steps are those of NumPy
    "Activation": [({"activation": "gelu_tanh"}, IMAGE)],
    "ActivityRegularization": [({}, IMAGE)],
    "Add": [({}, IMAGE, IMAGE), ({}, IMAGE, (1, 1, 6), IMAGE)],
    "AlphaDropout": [({}, IMAGE)],
    "Average": [({}, IMAGE, IMAGE, IMAGE)],
    "BatchNormalization": [({}, IMAGE), ({"axis": 1, "scale": False}, IMAGE), ({}, VOLUME)],
    "CenterCrop": [({"height": 4, "width": 3}, IMAGE), ({"height": 4, "width": 9}, IMAGE)],
    "Concatenate": [({}, IMAGE, (5, 7, 2)), ({"axis": 1}, IMAGE, (3, 7, 6))],
    "Cropping1D": [({"cropping": (1, 2)}, SEQUENCE)],
    "Cropping2D": [({"cropping": 1}, IMAGE)],
    "Cropping3D": [({"cropping": (1, 2, 0)}, VOLUME)],
    "CustomScaleLayer": [({"scale": 0.17}, IMAGE, IMAGE)],
    "DepthToSpace": [({"size": 1}, IMAGE), ({"size": 2}, (5, 7, 12))],
    "Dropout": [({}, IMAGE)],
    "ELU": [({"alpha": 0.5}, IMAGE)],
    "Embedding": [({"input_dim": 7, "output_dim": 5}, (9,))],
    "Elementwise": [
        ({"function": "power", "operands": (2.5, None)}, IMAGE),
        ({"function": "where", "operands": (None, [0.5] * 6, None)}, IMAGE, IMAGE),
        ({"function": "erf"}, IMAGE),
    ],
    "ExpandDims": [({"axis": 1}, IMAGE)],
    "Flatten": [({}, IMAGE), ({"channels_first": True}, IMAGE)],
    "GLU": [({}, IMAGE)],
    "GaussianDropout": [({}, IMAGE)],
    "GaussianNoise": [({}, IMAGE)],
    "GlobalMaxPooling1D": [({}, SEQUENCE)],
    "GlobalMaxPooling2D": [({"keepdims": True}, IMAGE)],
    "GlobalMaxPooling3D": [({}, VOLUME), ({"keepdims": True}, VOLUME)],
    "GroupNormalization": [({"groups": 3}, IMAGE)],
    "Identity": [({}, IMAGE)],
    "Lambda": [({"function": lambda x: x * 2 + 1}, IMAGE), ({"function": lambda x: x[0] - x[1]}, IMAGE, IMAGE)],
    "LayerNormalization": [({}, IMAGE), ({"axis": (1, 2), "rms_scaling": True}, IMAGE)],
    "LayerScale": [({}, IMAGE)],
    "LeakyReLU": [({}, IMAGE)],
    "Masking": [({"mask_value": 0.5}, SEQUENCE)],
    "MaxPooling1D": [({"pool": 3, "stride": 2, "padding": "same"}, SEQUENCE)],
    "MaxPooling2D": [({"pool": (3, 2)}, IMAGE)],
    "MaxPooling3D": [({"pool": (3, 1, 2), "stride": 1, "padding": "same"}, VOLUME)],
    "Maximum": [({}, IMAGE, IMAGE)],
    "Minimum": [({}, IMAGE, IMAGE)],
    "Multiply": [({}, IMAGE, (1, 1, 6))],
    "Normalization": [
        ({}, IMAGE),
        ({"mean": [0.5] * 6, "variance": 2.0, "invert": True}, IMAGE),
        ({"axis": None}, IMAGE),
    ],
    "PReLU": [({}, IMAGE), ({"shared_axes": [1, 2]}, IMAGE)],
    "Pad": [
        ({"cells": ((1, 2), (0, 3), (1, 0)), "value": 1.5}, IMAGE),
        ({"cells": ((1, 2), (2, 0), (0, 0)), "mode": "reflect"}, IMAGE),
    ],
    "Permute": [({"dims": (3, 1, 2)}, IMAGE)],
    "ReLU": [({}, IMAGE), ({"max_value": 0.5, "negative_slope": 0.1, "threshold": 0.2}, IMAGE)],
    "Reduce": [
        ({"function": "max", "axis": (1, 3)}, IMAGE),
        ({"function": "sum", "axis": -1, "keepdims": True}, IMAGE),
    ],
    "RepeatVector": [({"n": 3}, (6,))],
    "Rescaling": [({"scale": 1 / 3, "offset": [0.1] * 6}, IMAGE)],
    "Reshape": [({"target_shape": (7, -1)}, IMAGE)],
    "Resizing": [
        ({"height": 3, "width": 9}, IMAGE),
        ({"height": 3, "width": 9, "crop_to_aspect_ratio": True}, IMAGE),
        ({"height": 3, "width": 9, "pad_to_aspect_ratio": True, "fill_value": 0.5}, IMAGE),
        *(
            ({"height": 3, "width": 9, "interpolation": name, "antialias": antialias}, IMAGE)
            for name in ops.INTERPOLATIONS
            for antialias in (False, True)
        ),
    ],
    "Slice": [({"index": (slice(1, -1), 2, ..., None)}, IMAGE)],
    "Softmax": [({}, IMAGE), ({"axis": (1, 2)}, IMAGE)],
    "SpaceToDepth": [({"size": 2}, (4, 6, 3))],
    "SpatialDropout1D": [({}, SEQUENCE)],
    "SpatialDropout2D": [({}, IMAGE)],
    "SpatialDropout3D": [({}, VOLUME)],
    "Split": [({"parts": 3, "number": 1}, IMAGE)],
    "Squeeze": [({}, (5, 1, 6))],
    "Stack": [({"axis": 1}, IMAGE, IMAGE)],
    "StochasticDepth": [({}, IMAGE)],
    "Subtract": [({}, IMAGE, IMAGE)],
    "Take": [({"indices": (2, 0, -1), "axis": 1}, IMAGE)],
    "ThresholdedReLU": [({"theta": 0.3}, IMAGE)],
    "UnitNormalization": [({}, IMAGE)],
    "TimeDistributed": [((layers.MaxPooling2D("layer", 2),), (4, *IMAGE)), ((layers.Softmax("layer"),), (4, 6))],
    "UpSampling1D": [({"size": 3}, SEQUENCE)],
    "UpSampling2D": [({"size": (2, 3)}, IMAGE), ({"interpolation": "bilinear"}, IMAGE)],
    "UpSampling3D": [({"size": (2, 1, 3)}, VOLUME)],
    "ZeroPadding1D": [({"padding": (2, 1)}, SEQUENCE)],
    "ZeroPadding2D": [({"padding": 2}, IMAGE)],
    "ZeroPadding3D": [({"padding": (0, 2, 1)}, VOLUME)],
}

SUMS = {  # the same with the terms of a sum
    "AveragePooling1D": [(5, {"pool": 4, "padding": "same"}, SEQUENCE)],
    "AveragePooling2D": [(7, {"pool": (3, 2), "stride": 1, "padding": "same"}, IMAGE)],
    "AveragePooling3D": [(7, {"pool": (3, 1, 2), "stride": 1, "padding": "same"}, VOLUME)],
    "Conv1D": [(13, {"filters": 5, "kernel": 3, "padding": "causal", "dilation": 2}, SEQUENCE)],
    "Conv1DTranspose": [(13, {"filters": 5, "kernel": 3, "stride": 2}, SEQUENCE)],
    "Conv2D": [
        (37, {"filters": 4, "kernel": (3, 2), "padding": "same", "activation": "relu"}, IMAGE),
        (13, {"filters": 4, "kernel": 2, "stride": (2, 1), "groups": 2, "activation": "relu6"}, IMAGE),
        (54, {"filters": 9, "kernel": 3, "use_bias": False}, IMAGE),
    ],
    "Conv2DTranspose": [(37, {"filters": 4, "kernel": (3, 2), "stride": 2, "activation": "relu"}, IMAGE)],
    "Conv3D": [
        (25, {"filters": 5, "kernel": (3, 1, 2), "padding": "same", "activation": "relu"}, VOLUME),
        (17, {"filters": 6, "kernel": 2, "stride": (1, 2, 1), "groups": 2, "activation": "relu6"}, VOLUME),
    ],
    "Conv3DTranspose": [(33, {"filters": 5, "kernel": 2, "stride": (1, 2, 3), "activation": "relu"}, VOLUME)],
    "Dense": [
        (7, {"units": 5, "activation": "relu"}, IMAGE),
        (9, {"units": 3}, (8,)),
        (8, {"units": 3, "use_bias": False}, (8,)),
    ],
    "DepthwiseConv1D": [(4, {"kernel": 3, "depth_multiplier": 2}, SEQUENCE)],
    "DepthwiseConv2D": [
        (7, {"kernel": (3, 2), "padding": "same", "activation": "relu6"}, IMAGE),
        (7, {"kernel": (3, 2), "depth_multiplier": 3, "stride": 2}, IMAGE),
    ],
    "Dot": [
        (7, {"axes": 2}, IMAGE, (3, 7)),
        (6, {"axes": (1, -1)}, (6, 5), (3, 6)),
        (14, {"axes": -1, "normalize": True}, (5,), (5,)),
    ],
    "GlobalAveragePooling1D": [(12, {}, SEQUENCE)],
    "GlobalAveragePooling2D": [(36, {}, IMAGE)],
    "GlobalAveragePooling3D": [(106, {}, VOLUME)],
    "SeparableConv1D": [(12, {"filters": 5, "kernel": 3, "depth_multiplier": 2}, SEQUENCE)],
    "SeparableConv2D": [(13, {"filters": 5, "kernel": (3, 2), "activation": "relu"}, IMAGE)],
}


def layer_and_inputs(name, options, shapes, dtype):
    make = getattr(layers, name)
    layer = built(layers.over_time(*options) if name == "TimeDistributed" else make("layer", **options), *shapes)
    inputs = [numbers(seed, (2, *shape), dtype) for seed, shape in enumerate(shapes)]
    return layer, [np.floor(3 + 3 * x) for x in inputs] if name == "Embedding" else inputs


def assert_copied_once(device, layer, *inputs):
    """Assert that the weights were copied to the device, at most once, and that a second call copies nothing."""
    if device.transfers is None:
        return
    options = [getattr(layer, name, None) for name in ("mean", "variance", "scale", "offset", "indices")]
    options += [operand for operand in getattr(layer, "operands", ()) if operand is not None]
    numbers = layer.parameters + sum(np.size(option) for option in options if option is not None)
    assert {direction for direction, _ in device.transfers} <= {"to device"}
    assert sum(size for _, size in device.transfers) <= numbers * inputs[0].itemsize
    device.transfers.clear()
    layer(*map(device.take, inputs))
    assert device.transfers == []


def test_every_layer_is_here():
    classes = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    assert {*SAME, *SUMS} == classes - {"Activated", "Layer", "OneRow"}, "a row of SAME, or of SUMS if it adds up"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SAME)
def test_layer(name, dtype, device):
    for options, *shapes in SAME[name]:
        layer, inputs = layer_and_inputs(name, options, shapes, dtype)
        assert_as_numpy(device, layer, *inputs)
        assert_copied_once(device, layer, *inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SUMS)
def test_layer_of_sums(name, dtype, device):
    for terms, options, *shapes in SUMS[name]:
        layer, inputs = layer_and_inputs(name, options, shapes, dtype)
        assert_as_numpy(device, layer, *inputs, terms=terms, magnitude=magnitudes(layer, *inputs))
        assert_copied_once(device, layer, *inputs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_convolution_that_adds_a_shortcut(dtype, device):
    convolution = built(layers.Conv2D("c", 4, 3, padding="same"), IMAGE)
    layer, inputs = Residual.of(convolution, "relu"), [numbers(i, (2, 5, 7, c), dtype) for i, c in enumerate((6, 4))]
    magnitude = magnitudes(convolution, inputs[0]) + np.abs(inputs[1])
    assert_as_numpy(device, layer, *inputs, terms=56, magnitude=magnitude)
    assert_copied_once(device, layer, *inputs)


def test_new_weights_are_copied_again(device):
    layer, (x,) = layer_and_inputs("Dense", {"units": 5}, [(8,)], np.float32)
    layer(device.take(x))
    layer.set_weights(**{name: -w for name, w in layer.weights.items()})
    assert_as_numpy(device, layer, x, terms=9, magnitude=magnitudes(layer, x))


def test_what_is_no_word_is_nan_on_a_device(device):
    layer, x = built(layers.Embedding("layer", 7, 5), (3,)), np.array([[1, 2.5, 7]], np.float32)
    found = device.give(layer(device.take(x)))
    assert np.array_equal(found[0, 0], layer.weights["embeddings"][1].astype(np.float32))
    assert np.isnan(found[0, 1:]).all()
