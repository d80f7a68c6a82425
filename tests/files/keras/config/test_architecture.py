"""Graphs that Keras 3 writes: Sequential, Functional, models in models, shared layers."""

import json
from collections import Counter
from pathlib import Path

import h5py
import pytest

import convlab
from convlab.errors import UnsupportedError
from convlab.files.architecture import KerasLayer
from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.model import read_model
from convlab.layers import Layer
from support.files import keras_twins
from support.files.keras_configs import functional, image, refused, relu, sequential, wiring
from support.stand_in import library

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' own


@pytest.fixture(scope="module")
def keras():
    return library("keras")


def test_sequential(keras):
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((8, 9, 3), name="image"),
            layers.Conv2D(4, 3, name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(5, name="dense"),
        ],
        name="net",
    )
    architecture = keras_twins.assert_same(network)
    model = architecture.model
    assert (model.name, model.inputs, model.outputs) == ("net", {"image": (8, 9, 3)}, ("dense",))
    assert wiring(model) == {"conv": ("image",), "flat": ("conv",), "dense": ("flat",)}
    assert architecture.layers[:2] == (
        KerasLayer("image", "InputLayer", None, (), "InputLayer"),
        KerasLayer("conv", "Conv2D", "conv", (), "Conv2D"),
    )


def test_branches_and_several_inputs_and_outputs(keras):
    layers = keras.layers
    a, b = keras.Input((8, 9, 3), name="a"), keras.Input((5,), name="b")
    conv = layers.Conv2D(4, 3, name="conv")(a)
    joined = layers.Concatenate(name="joined")([layers.GlobalMaxPooling2D(name="pool")(conv), b])
    network = keras.Model([b, a], [layers.Dense(2, name="y")(joined), conv])
    model = keras_twins.assert_same(network).model
    assert list(model.inputs.items()) == [("b", (5,)), ("a", (8, 9, 3))]
    assert model.outputs == ("y", "conv")
    assert wiring(model)["joined"] == ("pool", "b")


def test_shared_layer(keras):
    x, conv = keras.Input((8, 9, 3), name="x"), keras.layers.Conv2D(3, 2, padding="same", name="conv")
    y = keras.layers.Subtract(name="minus")([conv(conv(x)), x])
    model = keras_twins.assert_same(keras.Model(x, conv(y))).model
    assert wiring(model) == {"conv": ("x",), "conv/2": ("conv",), "minus": ("conv/2", "x"), "conv/3": ("minus",)}
    assert len(model.layers) == 2


@pytest.fixture
def built(monkeypatch):
    """How often each layer has been built since, by its name."""
    counts, build = Counter(), Layer.build

    def counting(layer, *shapes):
        counts[layer.name] += 1
        return build(layer, *shapes)

    monkeypatch.setattr(Layer, "build", counting)
    return counts


def test_a_layer_is_built_once_for_each_call(built):
    layers = [image(), relu("a", [["image", 0, 0]], [["a", 0, 0]]), relu("b", [["a", 1, 0]])]
    read_architecture(functional(layers, [["image", 0, 0]], [["b", 0, 0]]), "m")
    assert built == {"a": 2, "b": 1}


def test_a_file_with_its_weights_is_loaded_without_building_twice(built):
    model = convlab.load(Path(__file__).parents[3] / "references/volumes/unet3d_keras3.keras")
    assert built == Counter(node.layer.name for node in model.nodes)
    assert len(built) > 10


def test_number_of_a_call_that_is_taken():
    layers = [image(), relu("a", [["image", 0, 0]], [["a/2", 0, 0]]), relu("a/2", [["a", 0, 0]])]
    model = read_architecture(functional(layers, [["image", 0, 0]], [["a", 1, 0]]), "m").model
    assert wiring(model) == {"a": ("image",), "a/2": ("a",), "a/3": ("a/2",)}


@pytest.mark.parametrize("kind", ["Functional", "Sequential"])
def test_model_called_twice_in_a_model(keras, kind):
    """Only the second call is an output, and a layer inside has the name of one outside."""
    layers = keras.layers
    steps = [layers.Conv2D(3, 2, padding="same", name="conv"), layers.ReLU(name="relu")]
    if kind == "Sequential":
        inner = keras.Sequential([keras.Input((8, 9, 3)), *steps], name="inner")
    else:
        x = keras.Input((8, 9, 3))
        inner = keras.Model(x, steps[1](steps[0](x)), name="inner")
    x = keras.Input((8, 9, 3), name="x")
    architecture = keras_twins.assert_same(keras.Model(x, inner(layers.Conv2D(3, 1, name="conv")(inner(x)))))
    assert wiring(architecture.model) == {
        "inner/conv": ("x",),
        "relu": ("inner/conv",),
        "conv": ("relu",),
        "inner/conv/2": ("conv",),
        "relu/2": ("inner/conv/2",),
    }
    assert architecture.model.outputs == ("relu/2",)
    tree = next(layer for layer in architecture.layers if layer.name == "inner")
    assert (tree.kind, tree.layer) == (kind, None)
    assert tree.layers[1:] == (
        KerasLayer("conv", "Conv2D", "inner/conv", (), "Conv2D"),
        KerasLayer("relu", "ReLU", "relu", (), "ReLU"),
    )


def test_models_in_models(keras):
    """A Sequential of a Functional with two inputs and two outputs inside another."""
    layers = keras.layers
    p, q = keras.Input((8, 9, 3)), keras.Input((8, 9, 3))
    pair = keras.Model([p, q], [layers.Subtract()([p, q]), layers.Conv2D(2, 1, name="conv")(q)], name="pair")
    x = keras.Input((8, 9, 3))
    both = pair([layers.Conv2D(3, 1, name="conv")(x), x])
    middle = keras.Model(x, layers.Concatenate()([both[1], both[0]]), name="middle")
    network = keras.Sequential([keras.Input((8, 9, 3)), middle, layers.Conv2D(2, 1, name="conv")])
    model = keras_twins.assert_same(network).model
    assert [node.name for node in model.nodes if "conv" in node.name] == ["middle/conv", "middle/pair/conv", "conv"]


def test_activation_that_is_a_layer(keras):
    conv = keras.layers.Conv2D(4, 2, activation=keras.layers.LeakyReLU(0.1), name="conv")
    model = keras_twins.assert_same(keras.Sequential([keras.Input((8, 9, 3), name="x"), conv])).model
    assert wiring(model) == {"conv/linear": ("x",), "conv": ("conv/linear",)}
    assert type(model["conv"]).__name__ == "Conv2D"


def test_arithmetic_on_tensors(keras):
    x = keras.Input((8, 9, 3))
    y = (1 - (x + 3.0)) * 0.25
    keras_twins.assert_same(keras.Model(x, (y - 2) / 4 + keras.layers.ReLU()(0.5 * x) - y * x))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", [".keras", ".h5"])
def test_operation_with_the_name_of_a_layer_is_none(keras, tmp_path, form):
    """keras.ops.average(x) is one number; a layer Average of one tensor is that tensor."""
    x = keras.Input((8, 9, 3))
    network = keras.Model(x, x * keras.ops.average(x))
    keras_twins.saved(network, tmp_path / f"m{form}")
    with pytest.raises(UnsupportedError, match=r"layer 'average\w*' \(Average of keras.ops\) says no axis: "):
        read_model(tmp_path / f"m{form}")


def test_operations_that_are_layers(keras):
    x = keras.Input((8, 9, 3))
    y, ops = keras.layers.Conv2D(3, 1)(x), keras.ops
    z = ops.concatenate([ops.maximum(x, y), ops.minimum(x, y), ops.multiply(x, y)], axis=1)
    keras_twins.assert_same(
        keras.Model(x, ops.softmax(ops.concatenate([z, ops.subtract(x, y), ops.add(x, y)], axis=1)))
    )


@pytest.mark.filterwarnings("ignore")
def test_function_of_the_authors_own_is_shown():
    """Keras 3 writes the code of one, which names the file that it is from; nobody reads it."""
    code = {"value": ["4wEAAAAAAAAAAAAAAAIAAAATAAAA", None, None]}
    layers = ("Activation", {"name": "twice", "batch_input_shape": [None, 6], "activation": code})
    message = refused(sequential(layers), UnsupportedError)
    assert message.startswith("net.h5: layer 'twice' has the activation {'value': ['4wEA")


def test_legacy_file_of_keras_3(keras, tmp_path):
    """It has no modules, and its version stands beside the config."""
    network = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, activation="hard_sigmoid", name="fc")])
    keras_twins.saved(network, tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        config, version = json.loads(file.attrs["model_config"]), file.attrs["keras_version"]
    assert read_architecture(config, "m.h5", keras_version=version).model["fc"].activation == "hard_sigmoid"


def test_mixed_precision_runs_in_float32(keras):
    layer = keras.layers.Dense(4, dtype="mixed_bfloat16")
    assert read_architecture(keras_twins.config(keras.Sequential([keras.Input((6,)), layer])), "m").model
