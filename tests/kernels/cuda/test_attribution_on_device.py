"""Gradients and attributions of a network on a GPU or its stand-in: the processor's numbers, and where they lie."""

from functools import partial

import numpy as np
import pytest

import convlab
from convlab import attribution
from convlab.layers import Activation, Add, BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node

METHODS = {name: {} for name in attribution.__all__ if name[0].islower() and name != "preferred_input"} | {
    "smoothgrad": {"samples": 2},  # the simulator takes its time
    "integrated_gradients": {"steps": 2},
    "occlusion": {"window": 5, "stride": 4},
}


def network():
    nodes = [
        Node("a", Conv2D("a", 4, 3, stride=(2, 1), padding="same", activation="relu"), ("input",)),
        Node("b", Conv2D("b", 4, (1, 3), padding="same"), ("a",)),
        Node("norm", BatchNormalization("norm"), ("b",)),
        Node("add", Add("add"), ("a", "norm")),
        Node("relu", Activation("relu", "relu"), ("add",)),
        Node("pool", MaxPooling2D("pool", (2, 3)), ("relu",)),
        Node("flat", Flatten("flat"), ("pool",)),
        Node("out", Dense("out", 3, "softmax"), ("flat",)),
    ]
    model = Model("m", (8, 9, 3), nodes, labels=("a", "b", "c"))
    randomise(model, 1)
    return model


X = np.random.default_rng(0).normal(size=(2, 8, 9, 3)).astype(np.float32)


@pytest.fixture
def model(device):
    return network().to("cuda")


def close(found, expected):
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * np.finfo(np.float32).eps * np.abs(expected).max())


@pytest.mark.parametrize("rule", ["gradient", "guided", "deconvnet"])
@pytest.mark.parametrize("target", ["b", ("relu", 2), ("pool", (1, 2, 3)), {"relu": np.ones((2, 4, 9, 4))}])
def test_gradients_stay_there(target, rule, model, device):
    acts, plain = model.run(X), network()
    copied = device.transfers and list(device.transfers)
    found = convlab.gradients(model, acts, target, rule=rule)
    if copied is not None:
        assert "to host" not in {direction for direction, _ in device.transfers[len(copied) :]}
    expected = convlab.gradients(plain, plain.run(X), target, rule=rule)
    assert list(found) == list(expected)
    for name in found:
        assert isinstance(found.arrays.on_device[name], device.cupy.ndarray)
        close(found[name], expected[name])


@pytest.mark.parametrize("method", sorted(METHODS))
def test_attributions_are_computed_there_and_come_to_the_host(method, model, device, monkeypatch):
    ask, acts, plain = partial(getattr(attribution, method), target="b", **METHODS[method]), model.run(X), network()
    expected = ask(plain, plain.run(X))
    computed, apply = set(), Flatten.__call__
    monkeypatch.setattr(Flatten, "__call__", lambda layer, x: (computed.add(type(x)), apply(layer, x))[1])
    found = ask(model, acts)
    assert computed <= {device.cupy.ndarray}
    close(found.values, expected.values)
    close(found.at_pixels(), expected.at_pixels())
    assert (found.target, found.layer) == (expected.target, expected.layer)


@pytest.mark.parametrize("fourier", [False, True])
@pytest.mark.parametrize(("layer", "channel"), [("b", [2, 0]), ("out", 1)])
def test_preferred_inputs_come_to_the_host(layer, channel, fourier, model, device):
    ask = partial(attribution.preferred_input, layer=layer, channel=channel, fourier=fourier, steps=3)
    found, expected = ask(model), ask(network())
    for name in ("images", "start", "end"):
        close(getattr(found, name), getattr(expected, name))
    assert found.pictures.dtype == np.uint8
    if device.transfers is not None:
        assert {direction for direction, _ in device.transfers} == {"to device", "to host"}


def test_what_if_stays_there(model, device):
    acts, plain = model.run(X), network()
    found = model.rerun(acts, {"a": lambda y: 0.5 * y})
    expected = plain.rerun(plain.run(X), {"a": lambda y: 0.5 * y})
    for name in expected:
        assert isinstance(found.arrays.on_device[name], device.cupy.ndarray)
        close(found[name], expected[name])
    assert found.arrays.on_device["a"] is not acts.arrays.on_device["a"]


def test_the_array_of_ablation_is_on_the_host(model):
    close(convlab.ablation_cam(model, X, "relu"), convlab.ablation_cam(network(), X, "relu"))


def test_a_recording_of_a_gpu_is_asked_about_on_the_processor(model):
    acts, plain = model.run(X).to("cpu"), network()
    found = convlab.gradients(model.to("cpu"), acts, 1)
    close(found["input"], convlab.gradients(plain, plain.run(X), 1)["input"])
