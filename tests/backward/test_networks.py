"""Gradients by every layer of Keras' networks, beside torch.autograd.

These are a few, one of each kind; `python -m benchmarks.gradients` does all of them (docs/attribution.md).
"""

import numpy as np
import pytest

from support.recorded import live

live("keras", instead="backward/test_pull_back.py")

from benchmarks import gradients  # noqa: E402
from convlab.comparison.comparison import TIMES  # noqa: E402

LAYERS = {  # how many of the network come before the class, and its input
    **{"VGG16": 22, "ResNet50": 176, "InceptionV3": 312, "MobileNetV2": 155, "DenseNet121": 428},
    **{"EfficientNetB0": 239, "NASNetMobile": 770, "ConvNeXtTiny": 156},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore")  # Keras' own
def test_gradients_are_autograds_in_every_layer(name):
    outcome = gradients.compare_gradients(name)
    assert outcome.agrees, outcome.cells
    assert len(outcome.float64) == len(outcome.float32) == LAYERS[name]


@pytest.mark.filterwarnings("ignore")
def test_keras_is_left_in_float32():
    keras = live("keras", instead="backward/test_pull_back.py")
    gradients.in_both("VGG16")
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == ("float32", "float32")
    assert keras.layers.Dense(2).compute_dtype == "float32"


@pytest.mark.filterwarnings("ignore")
def test_one_wrong_number_of_a_layer_is_noticed(monkeypatch):
    plain = gradients.convlab.gradients

    def wrong(model, acts, target):
        found = plain(model, acts, target)
        numbers = found["block1_conv2"].reshape(-1)
        numbers[np.abs(numbers).argmax()] *= numbers.dtype.type(1.01)
        return found

    monkeypatch.setattr(gradients.convlab, "gradients", wrong)
    outcome = gradients.compare_gradients("VGG16")
    assert not outcome.agrees
    for errors in (outcome.float64, outcome.float32):
        assert [name for name in errors if errors[name] > TIMES] == ["block1_conv2"]
