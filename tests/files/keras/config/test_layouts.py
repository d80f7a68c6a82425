"""Which layers have their channels first in files of Keras is what their classes say, and so it is computed."""

import json
import zipfile

import numpy as np
import pytest

from convlab import layers
from convlab.files.keras.config import functions
from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.config.channels_first import layout_of
from convlab.files.keras.config.graph import LayerConfig
from convlab.files.keras.config.layers import LAYERS
from convlab.files.keras.config.masks import mask_on
from convlab.files.keras.config.operations import LAYOUTS
from convlab.layers import ACTIVATIONS
from convlab.model.initialise import randomise
from references.keras_writers.archive import RECORDS, unpack
from support.files.keras_configs import entry, functional
from support.layers.beside_keras import NO_CLASS_OF_KERAS
from support.recorded import live

NEWEST = RECORDS / "keras-3.15.1.tar.xz"
NO_LAYOUT_IN_KERAS = {"Cropping1D", "UpSampling1D"}  # whose sequences have their channels last all the same
FRAMES = {rank: {"padding": 0, "data_format": "channels_first"} for rank in (2, 3, 4)}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    unpack(NEWEST, folder)
    return folder


def recorded(records, kind):
    """Yield the layers of a class in a file that Keras wrote of its options: config, and shapes of what it takes."""
    if not (records / f"{kind}.keras").exists():
        return
    with zipfile.ZipFile(records / f"{kind}.keras") as archive:
        network = json.loads(archive.read("config.json"))["config"]
    for layer in network["layers"]:
        if layer["class_name"] == kind:
            tensors = tensors_in(layer["inbound_nodes"][0]["args"])
            config = {key: value for key, value in layer["config"].items() if key != "name"}
            yield config, [tuple(one["config"]["shape"][1:]) for one in tensors]


def tensors_in(arguments):
    for one in arguments:
        if isinstance(one, list):
            yield from tensors_in(one)
        elif isinstance(one, dict) and one.get("class_name") == "__keras_tensor__":
            yield one


def network(kind, config, shapes, *before):
    """Return a layer as a network that ends in a row, in Keras' order, behind layers on each of its inputs."""
    entries, ends = [], []
    for i, shape in enumerate(shapes):
        entries.append(entry("InputLayer", f"x{i}", batch_input_shape=[None, *shape]))
        ends.append([f"x{i}", 0, 0, {}])
        for other, options in before:
            entries.append(entry(other, f"{other}{i}", [ends[i]], **options))
            ends[i] = [f"{other}{i}", 0, 0, {}]
    entries.append(entry(kind, "layer", ends, **config))
    entries.append(entry("Flatten", "row", [["layer", 0, 0, {}]]))
    inputs = [[f"x{i}", 0, 0] for i in range(len(shapes))]
    told = functional(entries, inputs, [["row", 0, 0]], kind="Functional")
    model = read_architecture(told, "net.json", "3.15.1").model
    randomise(model, 1)
    return model


def row_of(model, inputs):
    """Return the row that a network makes of inputs as Keras has them; no two of their sides are equal."""
    given = [
        x if x.shape[1:] == shape else np.moveaxis(x, 1, -1)
        for x, shape in zip(inputs, model.inputs.values(), strict=True)
    ]
    return model.predict(given[0] if len(given) == 1 else dict(zip(model.inputs, given, strict=True)))


def numbers(shapes):
    return [np.random.default_rng(i).uniform(0, 2, (2, *shape)).astype(np.float32) for i, shape in enumerate(shapes)]


def test_layers_with_a_layout_are_those_that_have_one_in_keras(records):
    """But for those that treat all axes alike, and Flatten, which is looked at by its name."""
    have_one = {kind for kind in LAYERS if any("data_format" in config for config, _ in recorded(records, kind))}
    told = {kind for kind in {*LAYERS, *layers.__all__} - NO_CLASS_OF_KERAS if layout_of(kind) == "channels_last"}
    alike = {kind for kind in have_one if layout_of(kind) == "any"}
    assert told == (have_one - alike - {"Flatten"}) | NO_LAYOUT_IN_KERAS, (
        "layout of the class, which is channels_last where Keras' has a data_format; or NO_LAYOUT_IN_KERAS,"
        " or NO_CLASS_OF_KERAS of support/layers/beside_keras.py"
    )


def test_functions_with_a_layout_are_those_that_are_told_it():
    rows = [*functions.TENSORFLOW.values(), *functions.KERAS.values()]
    told = {row.kind for row in rows if "data_format" in dict(row.parameters)}
    assert told == {kind for kind, layout in LAYOUTS.items() if layout == "channels_last"}


def sees_its_channels(config):
    activation = config.get("activation")
    return isinstance(activation, str) and (activation == "glu" or ACTIVATIONS[activation].along_channels)


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if layout_of(kind) == "channels_last"])
def test_with_its_channels_first_a_layer_computes_the_same(records, kind):
    for config, shapes in recorded(records, kind):
        if sees_its_channels(config) or kind in NO_LAYOUT_IN_KERAS:
            continue  # an activation function is along Keras' last axis, whichever that is
        first = [(shape[-1], *shape[:-1]) for shape in shapes]
        x = numbers(first)
        ours = network(kind, config | {"data_format": "channels_first"}, first)
        last = network(kind, config | {"data_format": "channels_last"}, shapes)
        assert list(ours.inputs.values()) == list(last.inputs.values())
        y = row_of(last, [np.moveaxis(one, 1, -1) for one in x])
        assert np.array_equal(np.sort(row_of(ours, x)), np.sort(y)), config  # Keras flattens each in its own order


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if kind != "Embedding"])
def test_behind_a_layer_with_channels_first_a_layer_computes_the_same(records, kind):
    for config, shapes in recorded(records, kind):
        if any(len(shape) < 2 for shape in shapes):
            continue
        plain = network(kind, config, shapes)
        framed = network(kind, config, shapes, (f"ZeroPadding{len(shapes[0]) - 1}D", FRAMES[len(shapes[0])]))
        assert list(framed.inputs.values()) == [(*shape[1:], shape[0]) for shape in shapes]
        if plain["layer"].shapes:
            framed["layer"].set_weights(**plain["layer"].weights)
        x = numbers(shapes)
        assert np.allclose(row_of(framed, x), row_of(plain, x), rtol=1e-5, atol=1e-5), config


# ---- masks


def passes(kind, function=""):
    """Tell whether a mask on its input is on its output, too."""
    return mask_on(LayerConfig("layer", kind, {}, (), function=function), "layer", {"x": "mask"}, ["x"]) == "mask"


@pytest.mark.parametrize("kind", LAYERS)
def test_a_mask_is_passed_on_where_keras_does(records, kind):
    keras = live("keras", instead="files/keras/config/test_masks.py")
    known = getattr(keras.layers, kind, None)
    if known is None or kind in ("Dot", "Embedding", "Masking"):
        return  # which Keras 3 has elsewhere, or whose mask is none, or their own
    config, _ = next(recorded(records, kind))
    assert passes(kind) is known.from_config(config).supports_masking


def test_a_function_passes_no_mask_on():
    assert passes("ReLU") and not passes("ReLU", function="tf.nn.relu")
