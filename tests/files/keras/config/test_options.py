"""Options that writers set where they change nothing, and flags in the spellings that Keras takes."""

import json

import h5py
import numpy as np
import pytest

import convlab
from convlab.errors import UnsupportedError, WeightsError
from convlab.files.keras.config.architecture import read_architecture
from support.files.keras_configs import functional, image, refused, sequential

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


@pytest.mark.parametrize(
    ("written", "version", "name"),
    [
        ("softmax_v2", "2.8.0", "softmax"),
        ("log_softmax_v2", "2.8.0", "log_softmax"),
        ("hard_sigmoid", "2.15.0", "hard_sigmoid_keras2"),
        ("hard_sigmoid", "3.8.0", "hard_sigmoid"),
    ],
)
def test_activations_under_names_of_their_time(written, version, name):
    config = sequential(
        ("Activation", {"name": "layer", "activation": written, "batch_input_shape": IMAGE}), keras_version=version
    )
    assert read_architecture(config, "m").model["layer"].activation == name


@pytest.mark.parametrize("more", [{}, {"renorm_clipping": {"rmax": 3}, "renorm_momentum": 0.9}])
def test_another_way_to_train_is_none_to_predict(more):
    config = one("BatchNormalization", batch_input_shape=IMAGE, renorm=True, **more)
    assert list(read_architecture(config, "m").model["layer"].shapes) == [
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
    ]


def test_a_class_registered_without_a_package_is_keras_own_in_a_module_of_keras():
    layer = {"class_name": "CustomScaleLayer", "config": {"name": "layer", "scale": 0.5}, "name": "layer"}
    layer |= {"registered_name": "Custom>CustomScaleLayer", "inbound_nodes": [[["a", 0, 0, {}], ["b", 0, 0, {}]]]}
    names = {"own": "keras.src.applications.inception_resnet_v2", "authors": "my_layers"}
    nets = {
        who: functional(
            [image("a"), image("b"), layer | {"module": module}], [["a", 0, 0], ["b", 0, 0]], [["layer", 0, 0]]
        )
        for who, module in names.items()
    }
    assert read_architecture(nets["own"], "m").model["layer"].scale == 0.5
    assert "a class of its author's own" in refused(nets["authors"], UnsupportedError)


def mobile(**policy):
    """Return the config of two layers as Keras 2 writes them."""
    depthwise = CONVOLUTIONS["DepthwiseConv2D"] | {"name": "depthwise", "groups": 1, "renorm": False} | policy
    pointwise = {"name": "pointwise", "filters": 3, "kernel_size": [1, 1], "groups": 1} | policy
    return sequential(("DepthwiseConv2D", depthwise), ("Conv2D", pointwise), keras_version="2.15.0")


def loaded(tmp_path, config):
    """Return the model of a file with this config and weights of its own."""
    path = tmp_path / "net.h5"
    weights = {
        "depthwise": [("kernel", (3, 2, 4, 1)), ("bias", (4,))],
        "pointwise": [("k", (1, 1, 4, 3)), ("b", (3,))],
    }
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [array.encode() for array, _ in arrays]
            for array, shape in arrays:
                group[array] = np.ones(shape, np.float32)
    return convlab.load(path)


def test_the_receipt_names_options_that_change_nothing(tmp_path):
    receipt = loaded(tmp_path, mobile()).receipt
    assert receipt.neutral == ("groups=1 (depthwise)", "renorm=False (depthwise)")
    line = "options that change nothing here: groups=1 (depthwise), renorm=False (depthwise)"
    assert line in str(receipt).splitlines()
    assert not receipt.precision


@pytest.mark.parametrize(
    "policy",
    [
        "mixed_float16",
        {"class_name": "Policy", "config": {"name": "mixed_float16"}},
        {"class_name": "PolicyV1", "config": {"name": "mixed_float16", "loss_scale": "dynamic"}},
        {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "mixed_float16"},
            "registered_name": None,
        },
    ],
)
def test_the_receipt_says_that_it_is_computed_in_float32(tmp_path, policy):
    model = loaded(tmp_path, mobile(dtype=policy))
    assert model.receipt.precision == ("mixed_float16 (depthwise, pointwise)",)
    text = "float32 here, in the file in: mixed_float16 (depthwise, pointwise)"
    assert str(model.receipt).endswith(f"computed in {text}")
    assert "computed in float32, in the file in mixed_float16 (depthwise, pointwise)" in str(model.summary())
    assert model.predict(np.zeros((1, 8, 9, 4), np.float32)).dtype == np.float32


@pytest.mark.parametrize("policy", ["float32", None, {"class_name": "DTypePolicy", "config": {"name": "float32"}}])
def test_of_float32_nothing_is_said(tmp_path, policy):
    model = loaded(tmp_path, mobile(dtype=policy))
    assert not model.receipt.precision
    assert "computed in" not in f"{model.receipt}{model.summary()}"
