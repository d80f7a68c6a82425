"""Configs as Keras has written them since version 1, made by hand."""

import pytest

from convlab.errors import WeightsError
from convlab.files.keras.config.architecture import read_architecture


def entry(kind, name, *inbound, **options):
    """Return a layer of a Functional model; inbound: one list of (layer, call, output) for each call."""
    return {"class_name": kind, "config": {"name": name, **options}, "name": name, "inbound_nodes": list(inbound)}


def functional(layers, inputs, outputs, kind="Model", name="net"):
    config = {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"class_name": kind, "config": config}


def sequential(*layers, **more):
    """Return the config of Keras before 2.2.3, whose layers are a bare list."""
    return {"class_name": "Sequential", "config": [{"class_name": k, "config": c} for k, c in layers], **more}


def tensor(layer, call=0, output=0):
    """Return a tensor as Keras 3 writes it in the arguments of a call."""
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 1], "keras_history": [layer, call, output]}}


def call(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}


KERAS_1 = functional(
    [
        entry("InputLayer", "image", batch_input_shape=[None, 8, 9, 3], input_dtype="float32"),
        entry(
            "Convolution2D",
            "conv",
            [["image", 0, 0]],
            [["conv", 0, 0]],
            nb_filter=3,
            nb_row=3,
            nb_col=5,
            border_mode="same",
            subsample=[1, 1],
            dim_ordering="tf",
            bias=True,
            activation="relu",
            init="glorot_uniform",
            W_regularizer=None,
            activity_regularizer=None,
            trainable=True,
        ),
        entry(
            "BatchNormalization",
            "norm",
            [["conv", 1, 0]],
            epsilon=0.01,
            mode=0,
            axis=-1,
            momentum=0.9,
            gamma_init="one",
        ),
        entry(
            "Merge",
            "merged",
            [["conv", 0, 0], ["norm", 0, 0]],
            mode="concat",
            mode_type="raw",
            concat_axis=3,
            dot_axes=-1,
            output_shape=None,
            output_shape_type="raw",
            output_mask=None,
            output_mask_type="raw",
            arguments={},
        ),
        entry(
            "AveragePooling2D",
            "pool",
            [["merged", 0, 0]],
            pool_size=[2, 2],
            strides=[2, 2],
            border_mode="valid",
            dim_ordering="tf",
        ),
        entry("Dropout", "drop", [["pool", 0, 0]], p=0.5, trainable=True),
        entry("Flatten", "flat", [["drop", 0, 0]], trainable=True),
        entry("Dense", "fc", [["flat", 0, 0]], output_dim=5, activation="hard_sigmoid", bias=False, input_dim=96),
    ],
    [["image", 0, 0]],
    [["fc", 0, 0]],
)
KERAS_2 = functional(
    [
        entry("InputLayer", "image", batch_input_shape=[None, 8, 9, 3], dtype="float32", sparse=False, ragged=False),
        entry(
            "Conv2D",
            "conv",
            [["image", 0, 0, {}]],
            [["conv", 0, 0, {}]],
            filters=3,
            kernel_size=[3, 5],
            strides=[1, 1],
            padding="same",
            data_format="channels_last",
            use_bias=True,
            activation="relu",
            dilation_rate=[1, 1],
            kernel_constraint=None,
            dtype="float32",
            groups=1,
        ),
        entry(
            "BatchNormalization",
            "norm",
            [["conv", 1, 0, {"training": False}]],
            epsilon=0.01,
            axis=[3],
            momentum=0.9,
            scale=True,
        ),
        entry("Concatenate", "merged", [["conv", 0, 0, {}], ["norm", 0, 0, {}]], axis=-1),
        entry("AveragePooling2D", "pool", [["merged", 0, 0, {}]], pool_size=[2, 2], strides=[2, 2], padding="valid"),
        entry("Dropout", "drop", [["pool", 0, 0, {"training": None}]], rate=0.5, noise_shape=None, seed=None),
        entry("Flatten", "flat", [["drop", 0, 0, {}]], data_format="channels_last"),
        entry("Dense", "fc", [["flat", 0, 0, {}]], units=5, activation="hard_sigmoid", use_bias=False),
    ],
    [["image", 0, 0]],
    [["fc", 0, 0]],
    "Functional",
)


def wiring(model):
    return {node.name: node.inputs for node in model.nodes}


def image(name="image", *shape):
    return entry("InputLayer", name, batch_input_shape=[None, *(shape or (8, 9, 3))])


def relu(name, *calls, **options):
    return entry("Activation", name, *calls, activation="relu", **options)


def refused(config, error=WeightsError, **options):
    """Return what is said about a config that is refused."""
    with pytest.raises(error) as info:
        read_architecture(config, "net.h5", **options)
    assert "\n" not in str(info.value)
    return str(info.value)
