"""The networks of the zoo that `keras.applications` has, too: layers, weights' addresses, and every number."""

import json
import warnings
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest

import convlab
from benchmarks.keras.networks import SMALL
from benchmarks.keras.random_weights import picture
from convlab.comparison.comparison import compare
from convlab.comparison.keras_recorder import record_keras
from convlab.files.keras.order import keras_order
from convlab.files.registry import lookup
from support.frameworks import give_weights
from support.recorded import answers, live, text

REFERENCES = Path(__file__).parents[1] / "references"
APPLICATIONS = {
    **{"resnet50": "ResNet50", "mobilenet": "MobileNet", "mobilenetv2": "MobileNetV2", "inceptionv3": "InceptionV3"},
    **{"xception": "Xception", "densenet121": "DenseNet121", "efficientnetb0": "EfficientNetB0"},
}
PARAMETERS = {
    **{"resnet50": 25_636_712, "mobilenet": 4_253_864, "mobilenetv2": 3_538_984, "inceptionv3": 23_851_784},
    **{"xception": 22_910_480, "densenet121": 8_062_504, "efficientnetb0": 5_330_571},
}
BOTH = pytest.mark.parametrize("include_top", [True, False])
EACH = pytest.mark.parametrize("name", APPLICATIONS)
pytestmark = pytest.mark.filterwarnings("ignore:.*input_shape. is undefined:UserWarning")  # Keras, of another size


def in_keras(name, **options):
    """Return the network as Keras builds it for its weights of ImageNet, and what it would download."""
    import keras

    asked = []

    def get_file(name, origin, file_hash=None, **others):
        asked.append((name, origin, file_hash))

    keras.backend.clear_session()
    with ExitStack() as patches:
        patches.enter_context(mock.patch("keras.src.utils.file_utils.get_file", get_file))
        patches.enter_context(mock.patch("keras.Model.load_weights"))
        network = getattr(keras.applications, APPLICATIONS[name])(weights="imagenet", **options)
    return network, asked


@BOTH
@EACH
def test_layers_are_those_of_keras(name, include_top):
    """By name, kind, shape of output and weights, in the order in which files have them; and where weights are."""

    def ask():
        import keras

        with keras.device("meta"):  # shapes without the memory
            network, asked = in_keras(name, include_top=include_top, input_shape=model.input_shape)
        return json.dumps([*asked, *map(described, network.layers[1:])])  # without the input

    def described(layer):
        shapes = [tuple(weight.shape) for weight in layer.weights]
        return layer.name, type(layer).__name__, layer.output.shape[1:], shapes

    model = convlab.load(name, weights=None, include_top=include_top)
    layers = [model[one] for one in keras_order(model.graph)]
    entry = lookup(name if include_top else f"{name}_notop")
    ours = [
        (entry.file, entry.url, entry.md5),
        *((one.name, type(one).__name__, model.shapes[one.name], [*one.shapes.values()]) for one in layers),
    ]
    assert json.dumps(ours) == text("keras", (name, include_top), ask)


@EACH
def test_published_numbers_of_parameters(name):
    model = convlab.load(name, weights=None)
    assert sum(layer.parameters for layer in model.layers) == PARAMETERS[name]
    assert len(model.labels) == 1000


def prepared(model):
    """Return a picture as the network takes it."""
    return model.prepare(picture(*SMALL)[0].astype(np.uint8))


@EACH
@pytest.mark.slow
def test_equals_keras_in_every_layer(name):
    model = convlab.load(name, weights=0, include_top=False, input_shape=(*SMALL, 3))
    x = prepared(model)
    ours = model.run(x)

    def ask():
        network, _ = in_keras(name, include_top=False, input_shape=(*SMALL, 3))
        give_weights(network, model)
        return dict(record_keras(network, x))

    theirs = answers("keras", (name, "outputs"), ask, ours)
    report = compare(ours, theirs)
    assert report.agrees, str(report)
    assert set(theirs) == set(ours)
    assert all(1e-3 < np.abs(theirs[layer]).max() < 1e7 for layer in theirs)


@EACH
def test_equals_tensorflow_in_every_layer(name):
    """In so many places of each as references/make_tensorflow_references.py recorded."""
    model = convlab.load(name, weights=0, include_top=False, input_shape=(*SMALL, 3))
    ours = model.run(prepared(model))
    with np.load(REFERENCES / "tensorflow_layers.npz") as file:
        recorded = {key.partition(":")[2]: file[key] for key in file.files if key.startswith(f"{name}:")}
    assert set(recorded) == set(ours)
    theirs = {layer: replaced(ours[layer], numbers) for layer, numbers in recorded.items()}
    report = compare(ours, theirs)
    assert report.agrees, str(report)


def replaced(array, numbers):
    """Return an array with numbers in the places from which they were taken."""
    array = array.copy()
    array.reshape(-1)[np.linspace(0, array.size - 1, len(numbers)).astype(int)] = numbers
    return array


@EACH
def test_weights_that_keras_saved_load_by_the_networks_name(name, tmp_path):
    """In both layouts, with and without the top; and where layers have older names, as in Keras' published files."""
    live("keras", instead="files/keras/test_networks_recorded.py")
    model = convlab.load(name, weights=1)
    network, _ = in_keras(name)
    give_weights(network, model)
    network.save_weights(tmp_path / "small.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that .h5 is legacy
        network.save(tmp_path / "whole.h5")
    rename(tmp_path / "whole.h5", tmp_path / "older.h5")
    for file, include_top in (("small.weights.h5", True), ("whole.h5", False), ("older.h5", True)):
        again = convlab.load(name, weights=tmp_path / file, include_top=include_top)
        assert again.receipt.missing == again.receipt.unexpected == ()
        for layer in again.layers:
            for role in layer.weights.keys() - {"count"}:  # of images seen: Keras keeps a whole number
                np.testing.assert_array_equal(layer.weights[role], model[layer.name].weights[role])
    assert "layers by their order" in again.receipt.layout


def rename(source, target):
    """Write a file of weights whose layers without names are numbered from 1, with a classifier called probs."""
    with h5py.File(source) as file, h5py.File(target, "w") as new:
        old = file["model_weights"]
        names = [older(name) for name in old.attrs["layer_names"].astype(str)]
        new.attrs["layer_names"] = np.array(names, "S")
        for name in old.attrs["layer_names"].astype(str):
            old.copy(name, new, older(name))
            group = new[older(name)]
            assert all(path in group for path in group.attrs["weight_names"])


def older(name):
    kind, _, number = name.rpartition("_")
    if name in ("conv2d", "batch_normalization", "normalization"):
        return f"{name}_1"
    if kind in ("conv2d", "batch_normalization"):
        return f"{kind}_{int(number) + 1}"
    return {"predictions": "probs", "conv_preds": "logits", "conv1_bn": "conv1/bn"}.get(name, name)


def test_a_file_whose_order_contradicts_its_names_is_refused(tmp_path):
    """Two layers of one shape, exchanged: the names are the network's, one is not, and no order is trusted."""
    from convlab.files.keras.config.writing import described
    from convlab.files.keras.weights.writing import write_model

    model = convlab.load("lenet5", weights=0)
    write_model(*described(model), tmp_path / "right.h5")
    with h5py.File(tmp_path / "right.h5", "a") as file:
        group = file["model_weights"]
        names = list(group.attrs["layer_names"].astype(str))
        group.move("fc3", "fc9")
        swapped = {"conv1": "conv2", "conv2": "conv1", "fc3": "fc9"}
        group.attrs["layer_names"] = np.array([swapped.get(name, name) for name in names], "S")
    with pytest.raises(convlab.WeightsError, match=r"missing layers: fc3 .*; unexpected layers: fc9"):
        convlab.load("lenet5", weights=tmp_path / "right.h5")
