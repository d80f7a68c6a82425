"""The Keras model of a notebook: loaded from the object, with its weights and its name."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

import convlab
from support.recorded import answer, file, installed, text, this_test
from support.stand_in import library

keras = library("keras")

SHAPE = (8, 7, 3)
X = np.random.default_rng(0).random((2, *SHAPE), np.float32)


class AtHand:
    """A model of Keras as `load` sees it: what it says of itself, and the weights that it writes."""

    def __init__(self, name, network=None):
        self.name, self._network, self._asked = name, network, this_test()

    def get_config(self):
        raise AssertionError("what the text says is enough")

    def to_json(self):
        return text("keras", (self._asked, "json"), self._text)

    def _text(self):
        return self._network.to_json()

    def save(self, path):
        self._network.save(path)

    def _write(self, path):
        self._network.save_weights(path)

    def save_weights(self, path):
        assert Path(path).parent.parent == Path(tempfile.gettempdir())
        file("keras", (self._asked,), self._write, Path(path))


def network(name="mine", **options):
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((6, 5, 4)), keras.layers.Conv2D(4, 1, name="conv")], name="inner")
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
        inner,
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.GlobalAveragePooling2D(name="mean"),
        keras.layers.Dense(5, activation="softmax", name="probabilities"),
    ]
    return keras.Sequential([keras.Input(SHAPE, name="photo"), *layers], name=name, **options)


@pytest.fixture
def at_hand(monkeypatch, tmp_path):
    """Return a model; whatever is written goes into a folder that is looked at."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return network() if installed("keras") else None


def test_the_object_brings_layers_weights_and_its_name(at_hand, tmp_path):
    expected = answer("keras", (this_test(), X), lambda: at_hand.predict(X, verbose=0))
    model = convlab.load(AtHand("mine", at_hand))
    assert model.name == "mine"
    assert [layer.name for layer in model.layers] == ["conv", "inner/conv", "norm", "mean", "probabilities"]
    np.testing.assert_allclose(model.predict(X), expected, rtol=0, atol=100 * np.finfo(np.float32).eps)
    assert str(model.receipt).startswith("Keras model 'mine': Keras 3 weights HDF5; 4 layers, 10 arrays, ")
    assert list(tmp_path.iterdir()) == []


def test_other_weights_and_options_go_with_it(at_hand, tmp_path):
    model = convlab.load(AtHand("mine", at_hand), weights=0, preprocessing="raw")
    assert model.preprocessing.scale == 1
    assert model.drawn.keys() >= {"conv"}
    assert convlab.load(AtHand("mine", at_hand), weights=None).receipt is None
    own = convlab.load(AtHand("mine", at_hand))
    path = file("keras", (this_test(),), AtHand("mine", at_hand).save, tmp_path / "saved.keras")
    again = convlab.load(AtHand("mine", at_hand), weights=path)
    np.testing.assert_array_equal(again["conv"].weights["kernel"], own["conv"].weights["kernel"])


class Weightless(AtHand):
    def save_weights(self, path):
        raise ValueError("This model has not yet been built.\nmore")


class Undescribed(AtHand):
    def to_json(self):
        raise NotImplementedError("no config\nmore")


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        (
            Weightless,
            {},
            convlab.WeightsError,
            "Keras model 'mine' has no weights yet (This model has not yet been built.): build it, or run it once",
        ),
        (
            Undescribed,
            {},
            convlab.UnsupportedError,
            "Keras model 'mine' is a Undescribed, which Keras cannot describe (no config): give a Sequential or"
            " Functional model",
        ),
        (
            AtHand,
            {"topology": "net.json"},
            convlab.UnsupportedError,
            "Keras model 'mine': topology= is for a file of weights alone",
        ),
        (
            AtHand,
            {"include_top": False},
            convlab.UnsupportedError,
            "Keras model 'mine': which layers are the top is known only of networks of the zoo",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(at_hand, tmp_path, kind, options, error, message):
    with pytest.raises(error) as caught:
        convlab.load(kind("mine", at_hand), **options)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


class Module:
    def state_dict(self):
        return {}


def test_another_object_is_refused():
    message = "^load: a float, expected a name of the zoo, a file, or a model of Keras$"
    with pytest.raises(convlab.UnsupportedError, match=message):
        convlab.load(5.0)
    with pytest.raises(convlab.UnsupportedError, match="; what a PyTorch module computes is code: load the network"):
        convlab.load(Module())
