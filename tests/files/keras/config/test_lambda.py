"""Lambda layers of a file: computed by the functions that a user gives, never by the code in it."""

import json

import numpy as np
import pytest

import convlab
from convlab.cli import main
from convlab.errors import LayerNameError, UnsupportedError
from convlab.files.keras.config.architecture import read_architecture
from support.files.keras_configs import entry, functional, image, sequential

CODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
OPTIONS = {"function": CODE, "function_type": "lambda", "module": "__main__", "output_shape": None, "arguments": {}}


def network(*names):
    chain = ["image", *names]
    layers = [entry("Lambda", name, [[chain[i], 0, 0, {}]], **OPTIONS) for i, name in enumerate(names)]
    return functional([image(), *layers], [["image", 0, 0]], [[names[-1], 0, 0]])


def test_functions_by_name():
    functions = {"twice": lambda t: 2 * t, "mean": lambda t: t.mean(axis=(1, 2))}
    model = read_architecture(network("twice", "mean"), "net.h5", functions=functions).model
    x = np.random.default_rng(0).normal(size=(2, 8, 9, 3))
    assert np.array_equal(model.predict(x), (2 * x).mean(axis=(1, 2)))
    assert [layer.kind for layer in model.layers] == ["Lambda", "Lambda"]


def test_at_each_step_and_inside_a_network():
    inner = {"class_name": "Lambda", "config": {"name": "abs", **OPTIONS}}
    config = sequential(
        ("TimeDistributed", {"name": "td", "batch_input_shape": [None, 4, 3], "layer": inner}),
        ("TimeDistributed", {"name": "cnn", "layer": {**sequential(("Lambda", inner["config"])), "name": "net"}}),
    )
    model = read_architecture(config, "net.h5", functions={"td": np.negative, "abs": np.abs}).model
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    assert np.array_equal(model.predict(x), np.abs(x))


def test_without_a_function_it_says_how(tmp_path, capsys):
    (tmp_path / "net.json").write_text(json.dumps(network("twice")))
    with pytest.raises(UnsupportedError) as caught:
        convlab.load(tmp_path / "net.json", weights=None)
    assert str(caught.value) == (
        f"{tmp_path / 'net.json'}: layer 'twice' is a Lambda, whose function is code, and convlab runs none from a"
        " file; in Python, give one that does the same to an array: convlab.load(..., functions={'twice': f})"
    )
    assert main(["summary", str(tmp_path / "net.json")]) == 1
    assert "in Python, give one" in capsys.readouterr().err
    assert convlab.load(tmp_path / "net.json", weights=None, functions={"twice": np.abs})["twice"].function is np.abs


def test_a_function_for_no_layer_is_refused():
    with pytest.raises(LayerNameError, match=r"^net.h5: functions: no Lambda layer 'twise'; did you mean 'twice'\?"):
        read_architecture(network("twice"), "net.h5", functions={"twice": np.abs, "twise": np.abs})
    with pytest.raises(UnsupportedError, match=r"^lenet5: functions are for the Lambda layers of a file"):
        convlab.load("lenet5", functions={"conv1": np.abs})
