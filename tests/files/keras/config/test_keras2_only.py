"""Layers that no Keras of today writes, from configs as Keras 1 and 2 wrote them, beside TensorFlow's answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from convlab.files.keras.config.architecture import read_architecture
from support.files.keras_configs import entry, functional, image

FILE = Path(__file__).parents[3] / "references" / "keras2_layers.npz"
with np.load(FILE) as stored:
    RECORDED = {name: stored[name] for name in stored.files}
THRESHOLDED = [
    (json.loads(str(RECORDED[name]))[1]["theta"], RECORDED[name.replace("call", "out")])
    for name in RECORDED
    if name.endswith("/call") and json.loads(str(RECORDED[name]))[0] == "ThresholdedReLU"
]


@pytest.mark.parametrize(("theta", "expected"), THRESHOLDED)
def test_thresholded_relu(theta, expected):
    x = RECORDED["x"]
    layers = [image("image", *x.shape[1:]), entry("ThresholdedReLU", "t", [["image", 0, 0, {}]], theta=theta)]
    model = read_architecture(functional(layers, [["image", 0, 0]], [["t", 0, 0]]), "net.h5").model
    assert np.array_equal(model.predict(x), expected)
    assert not np.array_equal(expected, x)


def test_thresholded_relu_as_keras_3_rewrites_it():
    thresholded = entry("ThresholdedReLU", "t", [["image", 0, 0]], theta=0.5)
    thresholded |= {"module": "keras.src.legacy.layers", "registered_name": "ThresholdedReLU"}
    config = functional([image(), thresholded], [["image", 0, 0]], [["t", 0, 0]])
    assert read_architecture(config, "net.keras").model["t"].theta == 0.5
