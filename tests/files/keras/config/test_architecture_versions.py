"""Configs as Keras 1 and 2 wrote them, by hand and from files of other people."""

import json

import h5py
import pytest

from convlab.errors import UnsupportedError
from convlab.files.keras.config.architecture import read_architecture
from support.files import keras_twins
from support.files.keras_configs import KERAS_1, KERAS_2, entry, functional, image, refused, relu, sequential, wiring
from support.stand_in import library

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' own


@pytest.fixture(scope="module")
def keras():
    return library("keras")


@pytest.mark.parametrize(("config", "version"), [(KERAS_1, "1.2.2"), (KERAS_2, "2.4.0"), (KERAS_2, None)])
def test_old_spellings(keras, config, version):
    layers = keras.layers
    x, conv = keras.Input((8, 9, 3), name="image"), keras.layers.Conv2D(3, (3, 5), padding="same", activation="relu")
    once = conv(x)
    joined = layers.Concatenate(axis=3)([once, layers.BatchNormalization(epsilon=0.01)(conv(once))])
    logits = layers.Dense(5, use_bias=False)(layers.Flatten()(layers.AveragePooling2D(2)(joined)))
    network = keras_twins.randomise(keras.Model(x, keras.ops.clip(0.2 * logits + 0.5, 0, 1)))  # their hard_sigmoid
    model = read_architecture(config, "old.h5", keras_version=version).model
    kernel, bias, *norm, fc = keras_twins.weights_of(network)
    model["conv"].set_weights(kernel=kernel, bias=bias)
    model["norm"].set_weights(**dict(zip(model["norm"].shapes, norm, strict=True)))
    model["fc"].set_weights(kernel=fc)
    keras_twins.assert_same_outputs(network, model)
    assert wiring(model)["merged"] == ("conv", "norm")
    assert wiring(model)["norm"] == ("conv/2",)
    assert type(model["drop"]).__name__ == "Dropout"


def test_keras_1_with_channels_first(keras):
    """Its Flatten keeps the order (C, H, W), of which its config says nothing."""
    network = keras.Sequential(
        [
            keras.Input((3, 8, 9)),
            keras.layers.Conv2D(2, (3, 2), data_format="channels_first"),
            keras.layers.Flatten(data_format="channels_last"),
            keras.layers.Dense(4),
        ]
    )
    config = sequential(
        (
            "Convolution2D",
            {
                "name": "c",
                "nb_filter": 2,
                "nb_row": 3,
                "nb_col": 2,
                "dim_ordering": "th",
                "batch_input_shape": [None, 3, 8, 9],
            },
        ),
        ("Flatten", {"name": "f"}),
        ("Dense", {"name": "d", "output_dim": 4}),
        keras_version="1.2.2",
    )
    model = read_architecture(config, "th.h5").model
    kernel, bias, fc, fc_bias = keras_twins.weights_of(keras_twins.randomise(network))
    model["c"].set_weights(kernel=kernel, bias=bias)
    model["d"].set_weights(kernel=fc, bias=fc_bias)
    keras_twins.assert_same_outputs(network, model)
    assert model.inputs == {"c_input": (8, 9, 3)}


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("sum", "Add"), ("mul", "Multiply"), ("ave", "Average"), ("max", "Maximum"), ("concat", "Concatenate")],
)
def test_merge_of_keras_1(mode, kind):
    merge = entry("Merge", "m", [["image", 0, 0], ["image", 0, 0]], mode=mode, mode_type="raw", concat_axis=-1)
    config = functional([image(), merge], [["image", 0, 0]], [["m", 0, 0]])
    assert type(read_architecture(config, "m").model["m"]).__name__ == kind


@pytest.mark.parametrize(
    "mode", [{"mode": "cos"}, {"mode": "x", "mode_type": "lambda"}, {"mode": "sum", "mode_type": "function"}]
)
def test_merge_by_code_is_refused(mode):
    merge = entry("Merge", "m", [["image", 0, 0], ["image", 0, 0]], **mode)
    config = functional([image(), merge], [["image", 0, 0]], [["m", 0, 0]])
    assert refused(config, UnsupportedError).startswith(
        "net.h5: layer 'm' is a Merge, which convlab does not load; Keras"
    )


@pytest.mark.parametrize(
    ("kind", "options", "before", "after"),
    [
        (
            "AtrousConvolution2D",
            {"nb_filter": 2, "nb_row": 3, "nb_col": 2, "atrous_rate": [2, 4]},
            (9, 8, 3),
            (5, 4, 2),
        ),
        ("Convolution1D", {"nb_filter": 2, "filter_length": 3, "subsample_length": 2}, (9, 4), (4, 2)),
        ("Convolution2D", {"nb_filter": 2, "nb_row": 3, "nb_col": 2, "subsample": [2, 1]}, (9, 8, 3), (4, 7, 2)),
        ("MaxPool2D", {"pool_size": [3, 2], "border_mode": "same"}, (9, 8, 3), (3, 4, 3)),
        ("MaxPooling1D", {"pool_length": 3, "stride": 2}, (9, 4), (4, 4)),
        (
            "SeparableConvolution2D",
            {"nb_filter": 2, "nb_row": 3, "nb_col": 2, "depth_multiplier": 2},
            (9, 8, 3),
            (7, 7, 2),
        ),
        ("UpSampling1D", {"length": 3}, (9, 4), (27, 4)),
        ("GaussianNoise", {"sigma": 0.1}, (9, 4), (9, 4)),
        ("SyncBatchNormalization", {"axis": [2], "momentum": 0.9}, (9, 4), (9, 4)),
    ],
)
def test_old_names_of_options(kind, options, before, after):
    model = read_architecture(sequential((kind, {"name": "x", "batch_input_shape": [None, *before], **options})), "m")
    assert model.model.output_shape == after


@pytest.mark.parametrize("first", [0, 1])
def test_calls_of_inner_models_in_keras_2(first):
    """Where a model was made from an input, Keras 2 counts its making as call 0."""
    inner = functional([image("x"), relu("a", [["x", 0, 0, {}]])], [["x", 0, 0]], [["a", 0, 0]], name="inner")
    inner |= {"name": "inner", "inbound_nodes": [[["image", 0, 0, {}]], [["inner", first, 0, {}]]]}
    config = functional([image(), inner], [["image", 0, 0]], [["inner", first + 1, 0]])
    model = read_architecture(config, "m").model
    assert wiring(model) == {"a": ("image",), "a/2": ("a",)}
    assert model.outputs == ("a/2",)


def test_sequential_that_starts_with_a_model():
    """As people put a network of keras.applications before layers of their own."""
    base = functional([image("x"), relu("a", [["x", 0, 0, {}]])], [["x", 0, 0]], [["a", 0, 0]], name="base")
    config = {"class_name": "Sequential", "config": [base, {"class_name": "Flatten", "config": {"name": "flat"}}]}
    model = read_architecture(config, "m").model
    assert (model.inputs, wiring(model)) == ({"base_input": (8, 9, 3)}, {"a": ("base_input",), "flat": ("a",)})


def test_single_inputs_and_outputs_and_calls_without_lists():
    config = functional([image(), relu("a", ["image", 0, 0, {}])], ["image", 0, 0], ["a", 0, 0])
    assert wiring(read_architecture(config, "m").model) == {"a": ("image",)}


def test_calls_are_put_in_order():
    layers = [relu("c", [["b", 0, 0]]), relu("b", [["a", 0, 0]]), image(), relu("a", [["image", 0, 0]])]
    model = read_architecture(functional(layers, [["image", 0, 0]], [["c", 0, 0]]), "m").model
    assert list(wiring(model)) == ["a", "b", "c"]


def test_an_output_named_twice_is_one():
    layers = [image(), relu("a", [["image", 0, 0]]), relu("b", [["a", 0, 0]])]
    config = functional(layers, [["image", 0, 0]], [["b", 0, 0], ["a", 0, 0], ["b", 0, 0]])
    assert read_architecture(config, "m").model.outputs == ("b", "a")


@pytest.mark.parametrize(("padding", "shape"), [([1, 2], (10, 13, 3)), ([1, 2, 3, 4], (11, 16, 3)), (1, (10, 11, 3))])
def test_padding_of_keras_1(padding, shape):
    config = sequential(("ZeroPadding2D", {"name": "z", "padding": padding, "batch_input_shape": [None, 8, 9, 3]}))
    assert read_architecture(config, "m").model.output_shape == shape


def test_numbers_that_keras_2_wrote_as_arrays():
    alpha = {"type": "ndarray", "value": 0.25}
    config = sequential(("LeakyReLU", {"name": "l", "alpha": alpha, "batch_input_shape": [None, 5]}))
    assert read_architecture(config, "m").model["l"].negative_slope == 0.25


# files of other people


def real_config(path):
    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"]), file.attrs.get("keras_version")


@pytest.mark.parametrize(
    ("file", "layers", "parameters", "output"),
    [
        ("Sam783_lenet.h5", 8, 186_110, (10,)),
        ("copperwire_mnist_dec.h5", 5, 197_481, (28, 28, 1)),
        ("conv2d_theano_1.h5", 1, 276, (3, 3, 6)),
        ("conv2d_tensorflow_2.h5", 1, 276, (3, 3, 6)),
    ],
)
def test_real_files(shared, file, layers, parameters, output):
    config, version = real_config(shared / "keras_files" / file)
    model = read_architecture(config, file, version).model
    assert (len(model.layers), sum(layer.parameters for layer in model), model.output_shape) == (
        layers,
        parameters,
        output,
    )


def test_real_topology(shared):
    config = json.loads((shared / "keras_files" / "tensorspace_topology.json").read_text())
    assert read_architecture(config, "t.json").model.inputs == {"reshape_1_input": (28, 28)}


def test_real_lambda(shared):
    config, version = real_config(shared / "keras_files" / "copperwire_mnist_enc.h5")
    assert "layer 'lambda_1' is a Lambda, whose function is code, and convlab runs none from a file" in refused(
        config, UnsupportedError, keras_version=version
    )
