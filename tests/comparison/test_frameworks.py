"""A porter's day: a PyTorch module recorded by its hooks, compared with convlab's own run of the same weights."""

import numpy as np
import pytest

import convlab
from convlab.comparison.torch_recorder import record_torch
from support.recorded import answer, installed, this_test
from support.stand_in import library

torch, nn = library("torch"), library("torch.nn")


@pytest.fixture(scope="module")
def model():
    return convlab.load("lenet5")


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(0, 1, (2, 28, 28, 1)).astype(np.float32)


def module(model):
    """Return LeNet-5 as one would write it in PyTorch: in-place ReLU, and a Flatten of (C, H, W)."""
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(True), nn.AvgPool2d(2)]
    features += [nn.Conv2d(6, 16, 5), nn.ReLU(True), nn.AvgPool2d(2), nn.Flatten()]
    top = [nn.Linear(400, 120), nn.ReLU(True), nn.Linear(120, 84), nn.ReLU(True), nn.Linear(84, 10), nn.Softmax(1)]
    network = nn.Sequential(*features, *top)
    with torch.no_grad():
        for i, layer in enumerate(model.layers):
            part = network[i]
            if layer.shapes:
                kernel = torch.tensor(np.array(layer.weights["kernel"]))
                part.weight.copy_(kernel.permute(3, 2, 0, 1) if len(layer.shapes["kernel"]) == 4 else kernel.T)
                part.bias.copy_(torch.tensor(np.array(layer.weights["bias"])))
    return network


def names(model):
    return {layer.name: str(i) for i, layer in enumerate(model.layers)}


def recorded(network, model, x):
    """Return what `record_torch` records; from a record, images are ours between its samples."""
    ours, question = model.run(x), this_test()
    theirs = record_torch(network, x) if installed("torch") else {}

    def array(layer, number):
        images = len(model.shapes[layer]) == 3
        return answer("torch", (question, layer), lambda: theirs[number], (lambda: ours[layer]) if images else None)

    return {"input": x} | {number: array(layer, number) for layer, number in names(model).items()}


def test_weights_carried_over_without_a_thought_for_flatten(model, x):
    report = convlab.compare(model.run(x), recorded(module(model), model, x), names=names(model))
    assert report.first == "flatten"
    assert report.guesses[0].name == "flatten order"
    assert [row.name for row in report.rows if not row.differs][1:] == [la.name for la in model.layers][:6]


def test_weights_carried_over_with_their_rows_permuted(model, x):
    network = module(model)
    with torch.no_grad():
        network[7].weight.copy_(network[7].weight.reshape(120, 5, 5, 16).permute(0, 3, 1, 2).reshape(120, 400))
    theirs = recorded(network, model, x)
    report = convlab.compare(model.run(x), theirs, names=names(model))
    assert [row.name for row in report.rows if row.differs] == ["flatten"]
    assert "all 6 after it agree: only what was recorded there differs, not the network" in str(report)
    rest = {name: other for name, other in names(model).items() if name != "flatten"}
    assert convlab.compare(model.run(x), theirs, names=rest).agrees
