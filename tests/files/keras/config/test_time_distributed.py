"""TimeDistributed around layers and whole networks, read from Keras' files of every format."""

import json

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.files.keras.config.architecture import read_architecture
from support.files.keras_configs import entry, functional, image, refused, sequential
from support.files.keras_twins import assert_same, assert_same_outputs, config, randomise, saved
from support.recorded import file, live, this_test
from support.stand_in import library

CONV = {"class_name": "Conv2D", "config": {"name": "conv", "filters": 2, "kernel_size": [2, 2]}}


def distributed(layer, name="td", **options):
    return entry("TimeDistributed", name, [["image", 0, 0, {}]], layer=layer, **options)


def film(layer, **options):
    layers = [image("image", 4, 6, 7, 3), distributed(layer, **options)]
    return functional(layers, [["image", 0, 0]], [["td", 0, 0]])


def nested(depth, layer):
    for number in range(depth):
        layer = {"class_name": "TimeDistributed", "config": {"name": f"t{number}", "layer": layer}}
    return layer


def test_keras_2_says_the_shape_in_the_outer_layer():
    written = sequential(
        ("TimeDistributed", {"name": "td", "batch_input_shape": [None, 4, 6, 7, 3], "layer": CONV}),
        ("TimeDistributed", {"name": "flat", "layer": {"class_name": "Flatten", "config": {"name": "flatten"}}}),
    )
    model = read_architecture(written, "net.h5").model
    assert (model.input_shape, model.output_shape) == ((4, 6, 7, 3), (4, 60))
    assert [layer.kind for layer in model.layers] == ["TimeDistributed(Conv2D)", "TimeDistributed(Flatten)"]


def test_a_network_inside_has_names_of_its_own():
    inner = sequential(("Conv2D", CONV["config"]), ("Flatten", {"name": "flat"}), name="cnn")
    model = read_architecture(film(inner), "net.h5").model
    assert list(model.shapes) == ["image", "conv", "flat"] and model.output_shape == (4, 60)


def test_names_that_are_there_twice_become_paths():
    inner = sequential(("Conv2D", CONV["config"]), name="cnn")
    written = film(inner)
    written["config"]["layers"].append(entry("Flatten", "conv", [["td", 0, 0, {}]]))
    written["config"]["output_layers"] = [["conv", 0, 0]]
    assert list(read_architecture(written, "net.h5").model.shapes) == ["image", "td/conv", "conv"]


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        ({"class_name": "LSTM", "config": {"name": "l"}}, UnsupportedError, "is a LSTM, which convlab does not load"),
        ({"class_name": "Lambda", "config": {"name": "l"}}, UnsupportedError, "is a Lambda"),
        ({"class_name": "InputLayer", "config": {"name": "l"}}, WeightsError, "is TimeDistributed around an input"),
        (None, WeightsError, "the layer in 'td' is None, expected an object"),
        (nested(100, CONV), WeightsError, "nested more than 32 deep"),
        (nested(9, CONV), ShapeError, "is TimeDistributed, 10 deep, on an input of (4, 6, 7, 3): expected (T, ...)"),
    ],
    ids=["lstm", "lambda", "input", "none", "deep", "deeper than the input"],
)
def test_what_is_refused(layer, error, message):
    assert message in refused(film(layer), error)


def test_an_option_that_nobody_knows_is_refused():
    assert "has stateful=True" in refused(film(CONV, stateful=True), UnsupportedError)


keras = library("keras")
layers = keras.layers
quiet = pytest.mark.filterwarnings("ignore")


def cnn():
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.2), name="conv1"),
            layers.BatchNormalization(name="bn"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(5, activation="softmax", name="fc"),
        ],
        name="cnn",
    )


def residual():
    x = keras.Input((6, 7, 3))
    y = layers.Conv2D(3, 3, padding="same", name="ca")(x)
    y = layers.Conv2D(3, 3, padding="same", name="cb", trainable=False)(layers.BatchNormalization(name="b")(y))
    return keras.Model(x, layers.GlobalAveragePooling2D(name="gap")(layers.Add(name="add")([x, y])), name="res")


def network(which):
    x = keras.Input((4, 6, 7, 3))
    if which == "layers":
        y = layers.TimeDistributed(layers.Conv2D(4, 2, activation="relu"))(x)
        y = layers.TimeDistributed(layers.Flatten())(layers.TimeDistributed(layers.BatchNormalization())(y))
        y = layers.Conv1D(3, 2)(layers.TimeDistributed(layers.Dense(5))(y))
    elif which == "models":
        y = layers.TimeDistributed(cnn(), name="td")(x)
        z = layers.TimeDistributed(residual())(x)
        y = layers.Concatenate()([layers.TimeDistributed(layers.Dense(3))(y), z])
    elif which == "first":
        first = {"data_format": "channels_first"}
        y = layers.Permute((1, 4, 2, 3))(x)
        y = layers.TimeDistributed(layers.Conv2D(4, (2, 3), **first))(y)
        y = layers.TimeDistributed(layers.BatchNormalization(axis=1))(y)
        y = layers.TimeDistributed(layers.MaxPooling2D((1, 2), **first))(y)
        y = layers.TimeDistributed(layers.Flatten(data_format="channels_first"))(y)
    else:
        y = keras.Input((2, 4, 6, 7, 3))
        x, y = y, layers.TimeDistributed(layers.TimeDistributed(layers.Conv2D(2, 3), name="inner"), name="outer")(y)
    return keras.Model(x, y)


@quiet
@pytest.mark.parametrize("which", ["layers", "models", "first", "nested"])
def test_as_keras(which):
    assert_same(network(which))


@quiet
@pytest.mark.parametrize("suffix", [".h5", ".keras", ".weights.h5"])
@pytest.mark.parametrize("which", ["layers", "models", "first", "nested"])
def test_files(which, suffix, tmp_path):
    net, path, topology = randomise(network(which)), tmp_path / f"net{suffix}", tmp_path / "net.json"
    if suffix == ".weights.h5":
        topology.write_text(json.dumps(config(net)))
        model = convlab.load(file("keras", (this_test(),), net.save_weights, path), topology=topology)
    else:
        model = convlab.load(saved(net, path))
    assert_same_outputs(net, model)


@quiet
def test_convert_writes_it_back(tmp_path):
    live("keras", instead="files/keras/config/test_time_distributed.py")
    from convlab.cli import main

    net = randomise(network("models"))
    net.save(tmp_path / "net.keras")
    assert main(["convert", str(tmp_path / "net.keras"), str(tmp_path / "again.h5")]) == 0
    again = network("models")
    again.load_weights(tmp_path / "again.h5")
    x = np.random.default_rng(3).normal(size=(2, 4, 6, 7, 3)).astype(np.float32)
    assert np.array_equal(net.predict(x, verbose=0), again.predict(x, verbose=0))


@quiet
def test_a_shared_layer_and_a_called_model():
    x, shared = keras.Input((4, 6, 7, 3)), layers.TimeDistributed(residual())
    y = layers.TimeDistributed(layers.Reshape((1, 1, 3)))(shared(x))
    assert_same(keras.Model(x, shared(layers.Add()([x, y]))))
