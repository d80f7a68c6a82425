"""Silenced channels, and the class evidence that they show."""

from copy import deepcopy

import numpy as np
import pytest

import convlab
from convlab.attribution.ablation import _score
from convlab.errors import LayerNameError, ShapeError
from convlab.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    Identity,
    MaxPooling2D,
    Reshape,
    Softmax,
)
from convlab.model.model import Model, Node
from support.closeness import assert_close, gamma


def weighted(model, seed=0, sign=lambda w: w):
    """Return the model with random weights, positive where they are variances."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        arrays = {name: rng.normal(0.1, 0.5, shape) for name, shape in layer.shapes.items()}
        layer.set_weights(**{name: abs(w) + 0.5 if "variance" in name else sign(w) for name, w in arrays.items()})
    return model


def residual():
    """Return a small residual network, (9, 11, 3) -> 5 classes, of which one block is passed by."""
    chain = [
        (Conv2D("stem", 4, 3, padding="same"), ("input",)),
        (BatchNormalization("bn"), ("stem",)),
        (Activation("relu", "relu"), ("bn",)),
        (Conv2D("conv", 4, 3, padding="same", activation="relu"), ("relu",)),
        (Add("add"), ("relu", "conv")),
        (MaxPooling2D("pool", 2), ("add",)),
        (Conv2D("last", 6, (2, 3), activation="relu"), ("pool",)),
        (Conv2D("beside", 6, (2, 3)), ("pool",)),
        (Add("sum"), ("last", "beside")),
        (GlobalAveragePooling2D("gap"), ("sum",)),
        (Dense("out", 5, activation="softmax"), ("gap",)),
    ]
    return Model("residual", (9, 11, 3), [Node(layer.name, layer, inputs) for layer, inputs in chain])


@pytest.fixture
def digits():
    return np.random.default_rng(1).random((2, 28, 28, 1), np.float32)


# ---- ablate


@pytest.mark.parametrize("layer", ["conv1", "relu1", "pool1", "conv2", "flatten", "fc1", "relu4", "fc3", "softmax"])
def test_silenced_channels_are_zero_and_nothing_before_them_changes(lenet, digits, layer):
    before, after = lenet.run(digits), lenet.ablate({layer: [1, 4]}).run(digits)
    assert list(after) == list(before)
    assert after.kinds == before.kinds
    expected = before[layer].copy()
    assert expected[..., [1, 4]].any()
    expected[..., [1, 4]] = 0
    assert np.array_equal(after[layer], expected)
    names = list(before)
    assert all(np.array_equal(after[name], before[name]) for name in names[: names.index(layer)])
    assert not np.array_equal(after.output, before.output)
    assert np.array_equal(lenet.ablate({layer: [1, 4]}).predict(digits), after.output)


def test_the_rest_is_computed_from_what_is_left(lenet, digits):
    after = lenet.ablate({"relu1": [2], "pool2": np.array([0, 15])}).run(digits)
    cut = after["relu1"]
    assert np.array_equal(after["pool1"], lenet["pool1"](cut))
    assert np.array_equal(after["conv2"], lenet["conv2"](after["pool1"]))
    assert not after["pool2"][..., [0, 15]].any()
    assert after["pool2"][..., 1:15].any()


def test_zeros_are_exact_behind_batch_normalization_and_a_fused_function(digits):
    model = weighted(residual(), seed=3)
    x = np.random.default_rng(2).normal(size=(2, 9, 11, 3))
    acts = model.ablate({"bn": [1], "conv": [0], "out": [2]}).run(x, pre=True)
    assert not acts["bn"][..., 1].any()
    assert not acts["conv"][..., 0].any()
    assert not acts["out"][:, 2].any()
    assert acts["conv/pre"][..., 0].any()  # what stood before the function is still told


def test_zeros_are_exact_where_the_channel_was_not_finite():
    model = Model.sequential("net", (2, 3, 2), [Activation("linear", "linear"), Activation("next", "linear")])
    x = np.ones((1, 2, 3, 2))
    x[..., 1] = np.nan
    acts = model.ablate({"linear": [1]}).run(x)
    assert acts["next"].tolist() == np.stack([np.ones((1, 2, 3)), np.zeros((1, 2, 3))], axis=-1).tolist()
    assert np.isnan(x[..., 1]).all()  # the layer handed on the caller's own array


def test_the_original_keeps_its_predictions_and_its_layers(lenet, digits):
    before, prepared = lenet.predict(digits), lenet["conv2"]._held.prepared
    shapes = {node.name: (node.input_shapes, node.output_shape, dict(node.layer.shapes)) for node in lenet.nodes}
    ablated = lenet.ablate({"conv2": [0, 1, 2]})
    ablated.predict(digits)
    assert np.array_equal(lenet.predict(digits), before)
    assert lenet["conv2"]._held.prepared is prepared
    assert ablated["conv2"]._held.prepared is prepared  # not prepared a second time
    assert shapes == {
        node.name: (node.input_shapes, node.output_shape, dict(node.layer.shapes)) for node in lenet.nodes
    }
    assert all(node.silenced == () for node in lenet.nodes)


def test_weights_are_shared_until_one_of_the_two_gets_others(digits):
    model = convlab.load("lenet5", weights=5)
    ablated = model.ablate({"conv2": [0]})
    for layer in model.layers:
        for name, weight in layer.weights.items():
            assert ablated[layer.name].weights[name] is weight
    before = model.predict(digits)
    ablated["conv1"].set_weights(kernel=np.zeros((5, 5, 1, 6)))
    assert np.array_equal(model.predict(digits), before)


def test_a_network_can_be_ablated_again(lenet, digits):
    twice = lenet.ablate({"conv1": [1]}).ablate({"conv1": [4], "conv2": [3]})
    assert np.array_equal(twice.predict(digits), lenet.ablate({"conv1": [1, 4], "conv2": [3]}).predict(digits))


def test_the_copy_is_as_good_as_the_original(lenet):
    ablated = lenet.ablate({"conv2": [3]})
    assert str(ablated.summary()) == str(lenet.summary())
    assert (ablated.labels, ablated.preprocessing) == (lenet.labels, lenet.preprocessing)
    trained = convlab.load("lenet5")
    trained.propagate_nan, trained.tf32 = True, True
    ablated = trained.ablate({"conv2": [3]})
    assert ablated.receipt is trained.receipt
    assert (ablated.propagate_nan, ablated.tf32, ablated.device) == (True, True, trained.device)


def shared():
    """Return a network that calls one layer twice."""
    conv = Conv2D("conv", 3, 3, padding="same")
    nodes = [Node("conv", conv, ("input",)), Node("conv/2", conv, ("conv",))]
    return weighted(Model("shared", (4, 5, 3), nodes))


def test_a_layer_called_twice_is_silenced_in_both_calls_or_in_the_second():
    model, x = shared(), np.random.default_rng(1).normal(size=(1, 4, 5, 3))
    both, second = model.ablate({"conv": iter([1])}).run(x), model.ablate({"conv/2": [1]}).run(x)
    assert not both["conv"][..., 1].any() and not both["conv/2"][..., 1].any()
    assert np.array_equal(second["conv"], model.run(x)["conv"])
    assert not second["conv/2"][..., 1].any()


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ({"conv1": [6]}, "ablate: layer 'conv1' has channels 0 to 5, found 6"),
        ({"conv1": [0, -1]}, "ablate: layer 'conv1' has channels 0 to 5, found -1"),
        ({"conv1": [True]}, "ablate: layer 'conv1' has channels 0 to 5, found True"),
        ({"conv1": [1.0]}, "ablate: layer 'conv1' has channels 0 to 5, found 1.0"),
        ({"fc2": []}, "ablate: layer 'fc2': the list of channels is empty; it has 0 to 83"),
        ({"fc2": 3}, r"ablate: layer 'fc2': 3 is no list of channels, as \[3, 17\]"),
        ({}, r"ablate: no layer given; expected names and channels, as \{'conv1': \[3, 17\]\}"),
    ],
)
def test_wrong_channels_are_named(lenet, channels, message):
    with pytest.raises(ShapeError, match=message):
        lenet.ablate(channels)


def test_a_wrong_layer_is_answered_with_the_nearest(lenet):
    with pytest.raises(LayerNameError, match="no layer 'conv3'; did you mean 'conv"):
        lenet.ablate({"conv3": [0]})


# ---- ablation_cam


def by_definition(model, x, layer, score, classes):
    """Return the maps as the paper defines them: the whole network anew for every channel."""
    acts, cams = model.run(x, pre=True), []
    for i, c in enumerate(classes):
        y, cam = float(acts[score][i, c]), 0
        for k in range(acts[layer].shape[-1]):
            y_k = float(model.ablate({layer: [k]}).run(x[[i]], record=score)[score][0, c])
            cam += (y - y_k) / y * acts[layer][i, :, :, k].astype(np.float64)
        cams.append(np.maximum(cam, 0))
    return np.stack(cams)


def allowed(model, magnitude, x, layer, score, classes):
    """Return how far rounding may take the maps apart.

    `magnitude` adds up the absolute values of what `model` adds up. A score is a chain of sums, whose roundings are
    at most as many as all their terms together (Higham, section 3.1); each weight takes two scores.
    """
    terms = 4 * sum(int(np.prod(shape[:-1])) + 2 for node in model.nodes for shape in node.layer.shapes.values())
    terms += sum(int(np.prod(model.shapes[node.inputs[0]])) for node in model.nodes if not node.layer.shapes)
    u, bounds = gamma(terms, x.dtype), []
    acts, most = model.run(x, pre=True), magnitude.run(abs(x), pre=True)
    for i, c in enumerate(classes):
        weight = 4 * u * abs(most[score][i, c] / acts[score][i, c]) * (1 + abs(most[score][i, c] / acts[score][i, c]))
        bounds.append(weight * np.abs(acts[layer][i]).sum(axis=-1))
    return np.stack(bounds)


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_on_lenet_it_is_the_definition(lenet, digits, batch):
    x = digits.astype(np.float64)
    magnitude = magnitude_of(lenet)
    classes = lenet.predict(x).argmax(axis=1)
    cams = convlab.ablation_cam(lenet, x, "relu2", batch=batch)
    assert (cams.shape, cams.dtype) == ((2, 10, 10), np.float64)
    expected = by_definition(lenet, x, "relu2", "fc3", classes)
    assert (expected > 1e-3).any()
    assert_close(cams, expected, allowed(lenet, magnitude, x, "relu2", "fc3", classes))


def magnitude_of(model):
    """Return the network that adds up absolute values where this one adds values (a mean is subtracted)."""
    other = deepcopy(model)
    for layer in other.layers:
        if layer.shapes:
            sign = {name: -1 if name == "moving_mean" else 1 for name in layer.weights}
            layer.set_weights(**{name: sign[name] * abs(weight) for name, weight in layer.weights.items()})
    return other


@pytest.mark.parametrize("layer", ["stem", "relu", "conv", "add", "last", "beside", "sum"])
@pytest.mark.parametrize("class_index", [None, 0, 3])
def test_on_a_residual_network_it_is_the_definition(layer, class_index):
    model = weighted(residual(), seed=1)
    x = np.random.default_rng(4).normal(size=(3, 9, 11, 3))
    scores = model.run(x, record="out/pre")["out/pre"]
    classes = scores.argmax(axis=1) if class_index is None else [class_index] * 3
    cams = convlab.ablation_cam(model, x, layer, class_index, batch=3)
    expected = by_definition(model, x, layer, "out/pre", classes)
    assert (expected > 1e-3).any()
    assert_close(cams, expected, allowed(model, magnitude_of(model), x, layer, "out/pre", classes))


def one_voice(final="softmax"):
    """Return a network in which class 1 hears channel 2 alone, and the other classes all channels."""
    conv = Conv2D("conv", 4, 3, activation="relu")
    layers = [conv, GlobalAveragePooling2D("gap"), Dense("out", 3, activation=final)]
    model = weighted(Model.sequential("net", (6, 7, 2), layers), seed=6)
    kernel = np.random.default_rng(7).normal(size=(4, 3))
    kernel[:, 1] = [0, 0, 1, 0]
    model["out"].set_weights(kernel=kernel, bias=np.zeros(3))
    return model


@pytest.mark.parametrize("final", ["softmax", "sigmoid", "linear"])
def test_where_one_channel_carries_the_class_its_map_is_the_answer(final):
    model, x = one_voice(final), np.random.default_rng(8).normal(size=(2, 6, 7, 2))
    cams = convlab.ablation_cam(model, x, "conv", 1)
    maps = model.run(x)["conv"]
    assert maps[..., 2].any() and maps[..., 0].any()
    assert np.array_equal(cams, maps[..., 2])


def test_a_sequence_and_a_softmax_of_its_own():
    layers = [Conv1D("conv", 3, 4, activation="relu"), GlobalAveragePooling1D("gap"), Dense("out", 2), Softmax("p")]
    model = weighted(Model.sequential("net", (9, 2), layers), seed=2)
    model["out"].set_weights(kernel=np.array([[0.5, 0], [2, 1], [1, 0]]), bias=np.zeros(2))
    x = np.random.default_rng(8).normal(size=(2, 9, 2))
    cams = convlab.ablation_cam(model, x, "conv", 1)
    assert cams.shape == (2, 6)
    assert np.array_equal(cams, model.run(x)["conv"][..., 1])


@pytest.mark.parametrize(
    "after",
    [
        [Dropout("drop")],
        [Identity("same"), Activation("float32", "linear")],
        [Reshape("image", (1, 1, 3)), Flatten("flat")],
    ],
    ids=["dropout", "identity", "flatten"],
)
@pytest.mark.parametrize("final", ["softmax", "sigmoid"])
def test_what_follows_the_softmax_and_changes_nothing_is_passed_over(after, final):
    plain, x = one_voice(final), np.random.default_rng(8).normal(size=(2, 6, 7, 2))
    model = Model.sequential("net", (6, 7, 2), [*plain.layers, *after])
    assert np.array_equal(convlab.ablation_cam(model, x, "conv", 1), plain.run(x)["conv"][..., 2])


def test_a_softmax_on_a_map_of_one_cell_is_a_score():
    conv, x = Conv2D("conv", 4, 3), np.random.default_rng(8).normal(size=(2, 6, 7, 2))
    head = [GlobalAveragePooling2D("gap", keepdims=True), Conv2D("out", 3, 1, activation="softmax"), Flatten("flat")]
    model, plain = weighted(Model.sequential("net", (6, 7, 2), [conv, *head])), one_voice()
    model["conv"].set_weights(**plain["conv"].weights)
    model["out"].set_weights(kernel=plain["out"].weights["kernel"][None, None], bias=np.zeros(3))
    cams = convlab.ablation_cam(model, x, "conv", 1)
    assert np.array_equal(cams, np.maximum(model.run(x)["conv"][..., 2], 0))


def test_a_flattened_softmax_of_many_cells_is_no_score():
    layers = [Conv2D("conv", 4, 3), Conv2D("cells", 3, 1, activation="softmax"), Flatten("flat")]
    model = weighted(Model.sequential("net", (4, 5, 2), layers))
    assert _score(model) == "flat"


def test_a_score_of_zero_is_not_divided_by():
    model, x = one_voice(), np.random.default_rng(8).normal(size=(1, 6, 7, 2))
    model["out"].set_weights(bias=-model.run(x, record="out/pre")["out/pre"][0])
    maps = model.run(x)["conv"]
    assert np.array_equal(convlab.ablation_cam(model, x, "conv", 1), maps[..., 2] * maps[..., 2].mean())


def test_images_do_not_see_each_other(lenet, digits):
    x = digits.astype(np.float64)
    alone = np.concatenate([convlab.ablation_cam(lenet, x[[i]], "conv1") for i in range(2)])
    classes = lenet.predict(x).argmax(axis=1)
    bound = allowed(lenet, magnitude_of(lenet), x, "conv1", "fc3", classes)
    assert_close(convlab.ablation_cam(lenet, x, "conv1"), alone, bound)
    assert convlab.ablation_cam(lenet, digits, "conv1").dtype == np.float32
    assert convlab.ablation_cam(lenet, digits[:0], "conv1").shape == (0, 28, 28)


def test_the_network_before_the_layer_runs_once(digits, monkeypatch):
    model, calls = convlab.load("lenet5", weights=5), []
    original = Conv2D.__call__
    monkeypatch.setattr(Conv2D, "__call__", lambda self, x: calls.append((self.name, len(x))) or original(self, x))
    convlab.ablation_cam(model, digits, "pool1", batch=4)
    assert calls == [("conv1", 2), ("conv2", 2), *[("conv2", 4), ("conv2", 2)] * 2]


def test_beside_the_layer_nothing_runs_again(monkeypatch):
    model, calls = weighted(residual(), seed=1), []
    for kind in (Conv2D, BatchNormalization, Activation, MaxPooling2D, Add):
        call = kind.__call__
        monkeypatch.setattr(kind, "__call__", lambda self, *x, call=call: calls.append(self.name) or call(self, *x))
    convlab.ablation_cam(model, np.random.default_rng(4).normal(size=(1, 9, 11, 3)), "conv")
    once = ["stem", "bn", "relu", "conv", "add", "pool", "last", "beside", "sum"]
    assert calls == once + once[4:]


def test_channels_that_are_silent_already_are_not_run(monkeypatch):
    layers = [Activation("pass", "linear"), GlobalAveragePooling2D("gap")]
    model, calls = Model.sequential("net", (2, 3, 4), layers), []
    x = np.ones((1, 2, 3, 4))
    x[..., [0, 2]] = 0
    original = GlobalAveragePooling2D.__call__
    monkeypatch.setattr(GlobalAveragePooling2D, "__call__", lambda self, x: calls.append(len(x)) or original(self, x))
    assert convlab.ablation_cam(model, x, "pass", 3).tolist() == np.ones((1, 2, 3)).tolist()
    assert calls == [1, 2]


def test_the_network_is_left_as_it_was(digits):
    model = shared_classifier()
    x = np.random.default_rng(1).normal(size=(1, 4, 5, 3))
    before = model.predict(x)
    shapes = {node.name: (node.input_shapes, dict(node.layer.shapes)) for node in model.nodes}
    convlab.ablation_cam(model, x, "conv/2")
    assert {node.name: (node.input_shapes, dict(node.layer.shapes)) for node in model.nodes} == shapes
    assert np.array_equal(model.predict(x), before)


def shared_classifier():
    """Return a network that calls one convolution on two sizes, and then decides."""
    conv = Conv2D("conv", 3, (2, 3))
    nodes = [
        Node("conv", conv, ("input",)),
        Node("conv/2", conv, ("conv",)),
        Node("flatten", Flatten("flatten"), ("conv/2",)),
        Node("out", Dense("out", 4), ("flatten",)),
    ]
    return weighted(Model("shared", (4, 5, 3), nodes))


def test_wrong_requests_to_cam_are_named(lenet, digits):
    with pytest.raises(LayerNameError, match="no layer 'conv3'; did you mean 'conv"):
        convlab.ablation_cam(lenet, digits, "conv3")
    with pytest.raises(
        ShapeError, match=r"layer 'fc1' has shape \(120,\), not \(H, W, C\): take one before the dense"
    ):
        convlab.ablation_cam(lenet, digits, "fc1")
    for index in (10, -1, True):
        with pytest.raises(ShapeError, match=f"class_index is {index}, but the network has classes 0 to 9"):
            convlab.ablation_cam(lenet, digits, "conv2", index)
    for batch in (0, -1):
        with pytest.raises(ShapeError, match=f"^ablation_cam: batch is {batch}, expected at least 1$"):
            convlab.ablation_cam(lenet, digits, "conv2", batch=batch)
    bare = Model.sequential("bare", (6, 7, 2), [Conv2D("conv", 4, 3)])
    with pytest.raises(ShapeError, match=r"the output of 'bare' has shape \(4, 5, 4\), not \(classes,\)"):
        convlab.ablation_cam(bare, np.zeros((1, 6, 7, 2)), "conv")
    nodes = [
        Node("blind", Conv2D("blind", 2, 1), ("input",)),
        Node("gap", GlobalAveragePooling2D("gap"), ("input",)),
    ]
    with pytest.raises(ShapeError, match="layer 'blind' does not lead to the output 'gap'"):
        convlab.ablation_cam(weighted(Model("forked", (6, 7, 2), nodes)), np.zeros((1, 6, 7, 2)), "blind")
