"""Where a network's numbers come from is said wherever they are shown: random weights, guesses."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.cli import main


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)).save(tmp_path / "p.png")
    return tmp_path / "p.png"


def test_random_weights_are_named_in_every_text_and_picture(picture):
    model = convlab.load("lenet5", weights=0)
    acts = model.run(model.prepare(picture))
    why = convlab.explain(model, acts, "conv2")
    named = [
        convlab.plot.feature_maps(acts, "relu2"),
        convlab.plot.network(acts),
        convlab.plot.dense(acts, "softmax"),
        convlab.plot.filters(model, "conv1"),
        convlab.plot.explanation(why, acts),
        convlab.plot.overlay(acts, "relu2", 0),
    ]
    for figure in named:
        assert any("random weights" in text.get_text().replace("\n", " ") for text in figure.findobj(match=_is_text))
    assert "lenet5 (random weights), conv2" in str(why)
    assert "random weights in conv1, conv2, fc1, fc2, fc3" in str(model.summary())
    assert "lenet5 (random weights)" in repr(acts)


def _is_text(artist):
    return hasattr(artist, "get_text")


def test_trained_weights_are_not(picture):
    model = convlab.load("lenet5")
    assert (model.title, model.run(model.prepare(picture)).title) == ("lenet5", "lenet5")
    assert "random" not in str(model.summary())


def test_what_is_set_is_random_no_more(picture):
    model = convlab.load("lenet5", weights=0)
    for name in ("conv1", "conv2", "fc1", "fc2"):
        model[name].set_weights(**model[name].weights)
    assert model.random_layers == ("fc3",)
    copies = model.ablate({"conv1": [0]}), pickle.loads(pickle.dumps(model))
    assert [copy.random_layers for copy in copies] == [("fc3",), ("fc3",)]
    model["fc3"].set_weights(**model["fc3"].weights)
    assert (model.random_layers, model.title) == ((), "lenet5")


def test_the_command_names_them_beside_each_prediction(picture, tmp_path, capsys):
    arguments = ["run", "lenet5", str(picture), "--weights", "0", "--layers", "fc3", "--out", str(tmp_path / "o")]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{picture} (random weights)"
    opened = convlab.Activations.open(tmp_path / "o/p/activations.h5")
    assert (opened.title, opened.model) == ("lenet5 (random weights)", "lenet5")


def test_guessed_preprocessing_is_called_a_guess(tmp_path):
    config = {"name": "c", "filters": 2, "kernel_size": [3, 3], "batch_input_shape": [None, 8, 6, 3]}
    layers = [{"class_name": "Conv2D", "config": config}]
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": layers}}))
    told = "input made by unit: RGB, 0-255 -> 0-1, a guess: the file does not say"
    assert told in str(convlab.load(path, weights=None).summary()).splitlines()
    chosen = convlab.load(path, weights=None, preprocessing="tf")
    assert "guess" not in str(chosen.summary())
