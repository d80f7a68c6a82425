"""Options that writers set where they change nothing, and flags in the spellings that Keras takes."""

import pytest
from keras_configs import refused, sequential

from convlab.errors import UnsupportedError, WeightsError
from convlab.files.keras.architecture import read_architecture

IMAGE, SEQUENCE = [None, 8, 9, 4], [None, 9, 4]
CONVOLUTIONS = {  # those that take no groups, to which Keras 2.3 to 2.15 write groups=1 all the same
    "DepthwiseConv1D": {"kernel_size": [3], "batch_input_shape": SEQUENCE},
    "DepthwiseConv2D": {"kernel_size": [3, 2], "batch_input_shape": IMAGE},
    "SeparableConv1D": {"filters": 6, "kernel_size": [3], "batch_input_shape": SEQUENCE},
    "SeparableConv2D": {"filters": 6, "kernel_size": [3, 2], "batch_input_shape": IMAGE},
    "Conv1DTranspose": {"filters": 6, "kernel_size": [3], "batch_input_shape": SEQUENCE},
    "Conv2DTranspose": {"filters": 6, "kernel_size": [3, 2], "batch_input_shape": IMAGE},
}


def one(kind, **options):
    """Return the config of a network of one layer."""
    return sequential((kind, {"name": "layer"} | options), keras_version="2.15.0")


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_one_group(kind):
    options = CONVOLUTIONS[kind]
    layers = [read_architecture(one(kind, **options, **more), "m").model["layer"] for more in ({}, {"groups": 1})]
    assert layers[0].shapes == layers[1].shapes
    assert vars(layers[0]).keys() == vars(layers[1]).keys()


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_more_groups_than_the_layer_has_arithmetic_for(kind):
    expected = f"net.h5: layer 'layer' ({kind}) has groups=2; convlab loads {kind} without it"
    assert refused(one(kind, **CONVOLUTIONS[kind], groups=2), UnsupportedError) == expected


@pytest.mark.parametrize(("scale", "center"), [(1, 0), (0, 1), (1, 1), (True, False)])
def test_flags_are_also_0_and_1(scale, center):
    config = one("BatchNormalization", batch_input_shape=IMAGE, scale=scale, center=center)
    shapes = read_architecture(config, "m").model["layer"].shapes
    assert ("gamma" in shapes, "beta" in shapes) == (bool(scale), bool(center))


@pytest.mark.parametrize("value", [2, -1, "true", 1.0, None, [1]])
def test_what_is_no_flag(value):
    message = refused(one("BatchNormalization", batch_input_shape=IMAGE, scale=value), WeightsError)
    assert message.endswith(f"scale is {value!r}, expected true or false")


@pytest.mark.parametrize("key", ["crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"])
@pytest.mark.parametrize("value", [0, 1, False, True])
def test_flags_that_must_be_off(key, value):
    config = one("Resizing", batch_input_shape=IMAGE, height=3, width=5, **{key: value})
    if value:
        message = refused(config, UnsupportedError)
        assert message.endswith(f"layer 'layer' (Resizing) has {key}={value}; convlab loads False alone")
    else:
        assert read_architecture(config, "m").model.output_shape == (3, 5, 4)
