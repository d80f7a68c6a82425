"""Networks of keras.applications as Keras describes them, against what Keras computes in every layer, recorded.

Recorded are the JSON and some numbers of each layer; the weights are random, drawn by convlab. Files of them are
tested live, by files/keras/test_networks_from_files.py.
"""

import json
import warnings

import numpy as np
import pytest

from benchmarks.keras.networks import SMALL, build
from benchmarks.keras.random_weights import picture
from convlab.comparison.comparison import compare
from convlab.comparison.keras_recorder import record_keras
from convlab.files.keras.config.architecture import read_architecture
from convlab.model.initialise import randomise
from support.frameworks import give_weights
from support.recorded import answers, installed, text
from support.stand_in import StandIn

NAMES = ("MobileNetV2", "ResNet50V2", "EfficientNetB0", "InceptionV3")


def in_keras(name):
    """Return the network in Keras, or what stands for it."""
    if not installed("keras"):
        return StandIn()
    import keras

    keras.backend.clear_session()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build(name, SMALL, top=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")  # Keras' own
def test_equals_keras_in_every_layer(name):
    network = in_keras(name)
    config = text("keras", (name,), network.to_json)
    model = read_architecture(json.loads(config), f"{name}.json").model
    randomise(model, 0)
    x = picture(*SMALL)
    if not any(type(layer).__name__ == "Rescaling" for layer in model.layers):
        x = x / 127 - 1
    ours = model.run(x)

    def ask():
        give_weights(network, model)
        return dict(record_keras(network, x))

    theirs = answers("keras", (name, "outputs"), ask, ours)
    report = compare(ours, theirs)
    assert report.agrees, str(report)
    assert set(theirs) == set(ours)
    assert all(1e-3 < np.abs(theirs[layer]).max() < 1e6 for layer in theirs)
