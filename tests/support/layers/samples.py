"""Samples of every layer: its options, and the shapes of its inputs."""

import numpy as np

from convlab import layers, ops
from convlab.layers.one_row import ActivatedOneRow
from convlab.layers.residual import Residual
from support.layers.beside_keras import built, random

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
    "ExpandDims": [({"axis": 1}, IMAGE), ({"axis": 1}, SEQUENCE)],
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
    "Rescaling": [({"scale": 1 / 3, "offset": [0.1] * 6}, IMAGE), ({"scale": 2.5, "offset": -0.5}, VOLUME)],
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
    "Split": [({"parts": 3, "number": 1}, IMAGE), ({"parts": 5, "number": 2, "axis": 1}, IMAGE)],
    "Squeeze": [({}, (5, 1, 6))],
    "Stack": [({"axis": 1}, IMAGE, IMAGE)],
    "StochasticDepth": [({}, IMAGE)],
    "Subtract": [({}, IMAGE, IMAGE)],
    "Take": [({"indices": (2, 0, -1), "axis": 1}, IMAGE)],
    "ThresholdedReLU": [({"theta": 0.3}, IMAGE)],
    "UnitNormalization": [({}, IMAGE), ({"axis": 1}, IMAGE)],
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


def every_layer():
    """Yield name, layer and input shapes of every sample, and of the layers that only other layers are made of."""
    for name, rows in (SAME | {name: [row[1:] for row in rows] for name, rows in SUMS.items()}).items():
        for options, *shapes in rows:
            over = name == "TimeDistributed"
            yield name, layers.over_time(*options) if over else getattr(layers, name)("layer", **options), shapes
    yield "Residual", Residual(built(layers.Conv2D("layer", 4, 3, padding="same"), IMAGE)), [IMAGE, (*IMAGE[:2], 4)]
    yield "OneRow", layers.OneRow(layers.UpSampling2D("layer", (1, 2))), [SEQUENCE]
    yield "ActivatedOneRow", ActivatedOneRow(layers.Conv2D("layer", 3, (1, 2))), [SEQUENCE]
    yield "ActivatedTimeDistributed", layers.over_time(layers.Conv2D("layer", 3, 2)), [(4, *IMAGE)]


def inputs_for(layer, shapes):
    """Return numbers for inputs of these shapes; whole ones where they are rows of a table."""
    inputs = [random([7, i], (2, *shape)) for i, shape in enumerate(shapes)]
    return [np.floor(3 + 3 * x) for x in inputs] if isinstance(layer, layers.Embedding) else inputs
