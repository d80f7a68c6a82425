"""What is written of a network of the zoo is a whole model: its architecture and weights are read from it again."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

import convlab
from convlab.cli import main
from convlab.files.keras.config.writing import described, without_idle_options
from convlab.files.keras.weights.writing import write_model
from convlab.files.registry import bundled_path, lookup
from convlab.zoo import ZOO


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_a_network_of_the_zoo_is_read_again(name, tmp_path):
    smallest = (76, 92, 3) if name == "inceptionv3" else (32, 64, 3)
    size = {} if name == "lenet5" else {"include_top": False, "input_shape": smallest}
    model = convlab.load(name, weights=0, **size)
    write_model(*described(model), tmp_path / "out.h5")
    again = convlab.load(tmp_path / "out.h5")
    assert again.inputs == model.inputs and again.shapes == model.shapes
    assert [(type(one), one.name, one.activation) for one in again.layers] == [
        (type(one), one.name, one.activation) for one in model.layers
    ]
    assert [one.window for one in again.layers] == [one.window for one in model.layers]
    for layer in model.layers:
        for role, array in layer.weights.items():
            np.testing.assert_array_equal(again[layer.name].weights[role], array)
    x = model.prepare(np.random.default_rng(0).integers(0, 256, (2, *model.input_shape), np.uint8))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_the_command_writes_a_whole_model(tmp_path, capsys):
    source, target = bundled_path(lookup("lenet5")), tmp_path / "out.h5"
    assert main(["convert", str(source), str(target), "--architecture", "LeNet-5"]) == 0
    assert capsys.readouterr().out.endswith(f"{target}: whole model, 5 layers, 10 arrays, 61,706 values\n")
    with h5py.File(target) as file:
        config = json.loads(file.attrs["model_config"])
        assert (file.attrs["keras_version"], file.attrs["backend"]) == ("2.15.0", "tensorflow")
    assert config["config"]["layers"][:2] == [
        {"class_name": "InputLayer", "config": {"name": "input", "batch_input_shape": [None, 28, 28, 1]}},
        {
            "class_name": "Conv2D",
            "config": {
                **{"name": "conv1", "filters": 6, "kernel_size": [5, 5], "strides": [1, 1], "padding": "same"},
                **{"dilation_rate": [1, 1], "groups": 1, "activation": "linear", "use_bias": True},
            },
        },
    ]


def test_options_that_mean_nothing_are_left_out_and_no_others():
    config = json.loads((Path(__file__).parents[3] / "references" / "keras2_depthwise.json").read_text())
    cleaned = without_idle_options(config)
    kinds = {entry["class_name"]: entry["config"] for entry in cleaned["config"]["layers"]}
    assert kinds["Conv2D"] == config["config"]["layers"][1]["config"] and "groups" in kinds["Conv2D"]
    for kind in ("DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"):
        assert "groups" not in kinds[kind]
    text = json.dumps(config)
    assert len(re.findall('"groups"', text)) == 4 and "kernel_initializer" in kinds["Conv2DTranspose"]
    assert "kernel_initializer" not in kinds["SeparableConv2D"]
