"""Each guess about a layer is the true cause once: the bug is made in PyTorch, and found."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest

import convlab
from convlab.comparison.comparison import compare
from convlab.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    LeakyReLU,
    MaxPooling2D,
)
from support.comparison.guessing import assert_found, found
from support.comparison.torch_spelling import (
    activate,
    compute,
    convolve,
    first,
    images,
    last,
    network,
    normalise,
    pads,
    spelled,
    tensors,
)
from support.recorded import answer, this_test
from support.stand_in import library

torch, functional = library("torch"), library("torch.nn.functional")


def net():
    return network(
        (9, 8, 3),
        Conv2D("conv1", 5, 3, padding="same", activation="relu"),
        BatchNormalization("bn"),
        MaxPooling2D("pool", (3, 2), stride=2, padding="same"),
        Conv2D("conv2", 7, (2, 3), stride=2, padding="same"),
        Flatten("flatten"),
        Dense("fc", 4, "softmax"),
    )


def test_nothing_is_wrong_without_a_bug():
    report = found(net(), {})
    assert report.agrees
    assert str(report).startswith("all 6 layers agree\n")


def with_kernel(model, name, change):
    """Return the bug of a convolution that uses another kernel (KH, KW, C, O)."""
    weights, layer = tensors(model, name), model[name]

    def layer_with_bug(x):
        kernel = change(weights["kernel"])
        return activate(convolve(x, kernel, weights["bias"], pads(layer, x), layer.window.stride), layer.activation)

    return {name: layer_with_bug}


def test_kernel_turned_by_180_degrees():
    model = net()
    bugs = with_kernel(model, "conv2", lambda k: k.flip(0, 1))
    assert_found(found(model, bugs), "conv2", "kernel turned")


@pytest.mark.parametrize("name", ["conv1", "conv2"])
def test_kernel_reshaped_instead_of_transposed(name):
    model = net()
    oihw = with_kernel(model, name, lambda k: k.permute(3, 2, 0, 1).reshape(k.shape))
    assert_found(found(model, oihw), name, "kernel reshaped", "OIHW buffer read as HWIO")

    def as_oihw(k):
        kh, kw, i, o = k.shape
        return k.reshape(o, i, kh, kw).permute(2, 3, 1, 0)

    hwio = with_kernel(model, name, as_oihw)
    assert_found(found(model, hwio), name, "kernel reshaped", "HWIO buffer read as OIHW")


def test_dense_kernel_reshaped_instead_of_transposed():
    model = net()
    weights = tensors(model, "fc")
    kernel = weights["kernel"].T.reshape(weights["kernel"].shape)
    bugs = {"fc": lambda x: functional.softmax(x @ kernel + weights["bias"], 1)}
    assert_found(found(model, bugs), "fc", "kernel reshaped", "(out, in) buffer read as (in, out)")


def test_kernel_rows_and_columns_swapped():
    model = net()
    bugs = with_kernel(model, "conv1", lambda k: k.transpose(0, 1))
    assert_found(found(model, bugs), "conv1", "kernel axes swapped", "rows and columns")


def test_square_dense_kernel_not_transposed():
    model = network((7,), Dense("fc1", 7), Dense("fc2", 7))
    weights = tensors(model, "fc2")
    bugs = {"fc2": lambda x: x @ weights["kernel"].T + weights["bias"]}
    assert_found(found(model, bugs), "fc2", "kernel axes swapped", "inputs and outputs")


def test_flatten_order_at_the_flatten_itself():
    report = found(net(), {"flatten": lambda x: x.flatten(1)})
    assert_found(report, "flatten", "flatten order", "channels first, 7 x 3 x 2")
    assert len(report.guesses) == 1  # that the "channels" of a row are in another order would say less


def test_flatten_order_behind_a_flatten_that_was_not_recorded():
    report = found(net(), {"flatten": lambda x: x.flatten(1)}, only=["conv2", "fc"])
    assert_found(report, "fc", "flatten order", "channels first, 7 x 3 x 2 (in flatten)")
    assert report.guesses[0].layer == "flatten"
    assert [guess.name for guess in report.guesses] == ["flatten order"]


@pytest.mark.parametrize(("image", "turn"), [((3, 2, 7), (2, 0, 1)), ((7, 3, 2), (1, 2, 0))])
def test_flatten_order_in_the_rows_of_a_dense_kernel(image, turn):
    """Both flattened alike; the kernel's rows are in another order, which only the dense layer shows."""
    model = net()
    weights = tensors(model, "fc")
    order = torch.arange(42).reshape(image).permute(turn).flatten()
    bugs = {"fc": lambda x: functional.softmax(x @ weights["kernel"][order] + weights["bias"], 1)}
    report = found(model, bugs)
    assert_found(report, "fc", "flatten order")


def test_flatten_order_without_a_network():
    model = net()
    x = images(model)
    report = compare(dict(model.run(x)), spelled(model, x, {"flatten": lambda x: x.flatten(1)}))
    assert_found(report, "flatten", "flatten order", "channels first, 7 x 3 x 2")


def test_padding_of_a_strided_convolution_on_the_other_side():
    model = net()
    weights = tensors(model, "conv2")  # 5 x 4, window 2 x 3, stride 2: one row below, one column at the right
    assert model["conv2"].window.pads((5, 4)) == ((0, 1), (0, 1))
    bugs = {"conv2": lambda x: convolve(x, weights["kernel"], weights["bias"], (1, 0, 1, 0), 2)}
    assert_found(found(model, bugs), "conv2", "padding on the other side")


def test_padding_of_an_even_kernel_on_the_other_side():
    model = network((7, 6, 2), Conv2D("conv", 3, 4, padding="same"))
    weights = tensors(model, "conv")
    bugs = {"conv": lambda x: convolve(x, weights["kernel"], weights["bias"], (2, 1, 2, 1))}
    assert_found(found(model, bugs), "conv", "padding on the other side")


def test_padding_of_a_pooling_on_the_other_side():
    model = network((8, 6, 2), MaxPooling2D("pool", 3, stride=2, padding="same"))
    bugs = {"pool": lambda x: functional.max_pool2d(functional.pad(x, (1, 0, 1, 0), value=-torch.inf), 3, 2)}
    assert_found(found(model, bugs), "pool", "padding on the other side")


def test_relu_missing():
    model = net()
    layer, weights = model["conv1"], tensors(model, "conv1")
    bugs = {"conv1": lambda x: convolve(x, weights["kernel"], weights["bias"], pads(layer, x))}
    report = found(model, bugs)
    assert_found(report, "bn", "activation missing", "(relu) (in conv1)")
    assert [row.name for row in report.rows if not row.differs] == ["conv1/pre"]
    assert "only what was recorded there differs" not in str(report)


def test_recorded_before_the_relu():
    """It is compared with what was there; if it is said to be the layer's, nothing but the recording is wrong."""
    model = net()
    x = images(model)
    acts = model.run(x, pre=True)
    theirs = {**spelled(model, x), "conv1": acts["conv1/pre"]}
    report = compare(model.run(x), theirs)
    assert (report.agrees, report.rows[0].name, report.rows[0].reference) == (True, "conv1/pre", "conv1")
    report = compare(model.run(x), theirs, names={"conv1": "conv1"})
    assert_found(report, "conv1", "activation missing")
    assert "all 5 after it agree: only what was recorded there differs" in str(report)


def test_softmax_missing_and_twice():
    model = net()
    weights = tensors(model, "fc")
    logits = {"fc": lambda x: x @ weights["kernel"] + weights["bias"]}
    assert_found(found(model, logits), "fc", "activation missing", "(softmax)")
    twice = {"fc": lambda x: logits["fc"](x).softmax(1).softmax(1)}
    assert_found(found(model, twice), "fc", "activation twice", "(softmax)")


def test_missing_activation_that_is_a_layer_of_its_own():
    model = network((5, 4, 3), Conv2D("conv", 4, 3), Activation("sigmoid", "sigmoid"), LeakyReLU("leaky", 0.3))
    bugs = {"sigmoid": lambda x: x, "leaky": lambda x: x}
    assert_found(found(model, bugs), "sigmoid", "activation missing")
    bugs = {"sigmoid": torch.sigmoid, "leaky": lambda x: functional.leaky_relu(x, 0.3)}
    assert found(model, bugs).agrees


def test_relu_applied_where_there_is_none():
    model = net()
    layer, weights = model["conv2"], tensors(model, "conv2")
    bugs = {
        "conv2": lambda x: functional.relu(
            convolve(x, weights["kernel"], weights["bias"], pads(layer, x), layer.window.stride)
        )
    }
    assert_found(found(model, bugs), "conv2", "ReLU applied")


def test_relu_missing_without_a_network():
    model = network((5, 4, 3), Conv2D("conv", 4, 3), Activation("relu", "relu"))
    x = images(model)
    report = compare(dict(model.run(x)), spelled(model, x, {"relu": lambda x: x}))
    assert_found(report, "relu", "activation missing")


def test_gelu_by_the_other_formula():
    model = network((5, 4, 3), Conv2D("conv", 4, 3), Activation("gelu", "gelu"))
    bugs = {"gelu": lambda x: functional.gelu(x, approximate="tanh")}
    assert_found(found(model, bugs), "gelu", "another GELU", "gelu_tanh instead of gelu")


def test_leaky_relu_with_the_slope_of_pytorch():
    model = network((5, 4, 3), Conv2D("conv", 4, 3), LeakyReLU("leaky"))
    bugs = {"leaky": functional.leaky_relu}
    assert_found(found(model, bugs), "leaky", "another slope", "0.01 instead of 0.3")


@pytest.mark.parametrize("epsilon", [1e-5, 1e-2, 0.0, 0.0314])
def test_another_epsilon(epsilon):
    model = net()
    model["bn"].set_weights(moving_variance=[3e-4, 0.5, 2e-3, 1.5, 1.0])
    weights = tensors(model, "bn")
    report = found(model, {"bn": lambda x: normalise(x, weights, epsilon)})
    assert_found(report, "bn", "another epsilon", f"{epsilon:.3g} instead of 0.001")


@pytest.mark.parametrize("dead", [0, 1])
def test_one_channel_fits_any_epsilon(dead):
    """Their gamma is off, which an epsilon of 0.0933 would explain, had the layer no other channel to say no."""
    model = network((6, 5, 1), Conv2D("conv", 1 + dead, 3), BatchNormalization("bn"))
    model["bn"].set_weights(gamma=[1.3, 0.0][: 1 + dead])
    weights = tensors(model, "bn")
    report = found(model, {"bn": lambda x: normalise(x, {**weights, "gamma": weights["gamma"] * 0.97}, 1e-3)})
    assert (report.first, report.guesses) == ("bn", ())


def test_batch_statistics_as_in_training():
    model = net()
    weights = tensors(model, "bn")

    def training(x):
        mean, variance = weights["moving_mean"].clone(), weights["moving_variance"].clone()
        return functional.batch_norm(x, mean, variance, weights["gamma"], weights["beta"], training=True, eps=1e-3)

    assert_found(found(model, {"bn": training}), "bn", "batch statistics")


def test_bias_missing():
    model = net()
    layer, weights = model["conv1"], tensors(model, "conv1")
    bugs = {"conv1": lambda x: functional.relu(convolve(x, weights["kernel"], None, pads(layer, x)))}
    assert_found(found(model, bugs), "conv1", "bias missing")


def test_zeros_compete_in_max_pooling():
    model = network((8, 6, 2), MaxPooling2D("pool", 3, stride=2, padding="same"))
    bugs = {"pool": lambda x: functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 3, 2)}
    report = found(model, bugs, x=images(model) - 4)
    assert_found(report, "pool", "zeros in max pooling")


def test_zeros_count_in_average_pooling():
    model = network((8, 6, 2), AveragePooling2D("pool", 3, stride=2, padding=1))
    bugs = {"pool": lambda x: functional.avg_pool2d(x, 3, 2, padding=1)}
    assert_found(found(model, bugs), "pool", "zeros in average pooling")


def test_output_channels_in_another_order():
    model = net()
    node = model.nodes[3]
    order = [5, 0, 3, 6, 1, 4, 2]
    bugs = {"conv2": lambda x: compute(model, node, x)[:, order]}
    assert_found(found(model, bugs), "conv2", "channels in another order", "(5, 0, 3, 6, 1, 4, 2)")
    bugs = {"conv2": lambda x: compute(model, node, x).flip(1)}
    assert_found(found(model, bugs), "conv2", "channels in another order", "reversed")


def test_height_and_width_swapped():
    model = network((6, 6, 2), Conv2D("conv", 3, 3))
    node = model.nodes[0]
    assert_found(found(model, {"conv": lambda x: compute(model, node, x).mT}), "conv", "height and width swapped")


def test_batch_mixed_up():
    model = net()
    report = found(model, {"conv1": lambda x: compute(model, model.nodes[0], x)[[2, 0, 1]]})
    assert_found(report, "conv1", "batch mixed up", "in the place of (2, 0, 1)")
    assert [guess.name for guess in report.guesses] == ["batch mixed up"]


def test_one_image_throughout():
    model = net()
    report = found(model, {"conv1": lambda x: compute(model, model.nodes[0], x)[[1, 1, 1]]})
    assert_found(report, "conv1", "one image throughout", "the batch is image 1 throughout")
    assert [guess.name for guess in report.guesses] == ["one image throughout"]
    report = found(model, {"conv1": lambda x: compute(model, model.nodes[0], x)[[1, 1, 2]]})
    assert (report.first, report.guesses) == ("conv1", ())


def channels(*columns):
    """Return a layer (4, 5, C) whose channels are each one kind of noise, 0 where None."""
    noise = np.random.default_rng(0).normal(size=(9, 4, 5)).astype(np.float32)
    return {"conv": np.stack([np.zeros((4, 5)) if c is None else noise[c] for c in columns], axis=-1)}


def test_channels_that_hold_the_same_are_told_apart():
    """Those in their own place stay there: of two dead channels, the one that has moved is named."""
    report = compare(channels(0, None, 2, None), channels(None, None, 2, 0))
    assert_found(report, "conv", "channels in another order", "(3, 1, 2, 0)")
    report = compare(channels(None, 1, None, 3), channels(1, None, 3, None))
    assert_found(report, "conv", "channels in another order", "(1, 0, 3, 2)")


@pytest.mark.parametrize("theirs", [(None,) * 4, (1, 1, 2, None), (0, 1, 2, 2)])
def test_no_order_makes_channels_out_of_others(theirs):
    report = compare(channels(0, 1, 2, None), channels(*theirs))
    assert (report.first, report.guesses) == ("conv", ())


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("known", [True, False])
def test_channels_first_where_no_shape_tells(side, known):
    model = network((4, 4, 4), Conv2D("conv", 4, 3, padding="same"))
    acts = model.run(images(model))
    right = acts if known else dict(acts)
    sides = [right, right]
    sides[side] = {"conv": np.moveaxis(acts["conv"], -1, 1)}
    report = compare(*sides)
    assert_found(report, "conv", "channels first", ("a is", "the reference is")[side])
    assert len(report.guesses) == 1
    if side:
        assert compare(*sides, channels_first=True).agrees


def test_the_cause_in_a_layer_that_was_not_recorded():
    model = net()
    weights = tensors(model, "bn")
    bugs = {"bn": lambda x: normalise(x, weights, 1e-5)}
    report = found(model, bugs, only=["conv1", "pool", "conv2"])
    assert_found(report, "pool", "another epsilon", "1e-05 instead of 0.001 (in bn)")
    assert report.guesses[0].layer == "bn"


def test_no_more_than_the_last_sixteen_layers_are_suspected():
    """Each guess on each layer runs all after it anew, which would take a deep network hours."""
    layers = [Dense(f"fc{i}", 3 + i % 2, "tanh") for i in range(17)]
    model = network((3,), *layers)
    for i, names in ((0, []), (1, ["activation missing"])):
        weights = tensors(model, f"fc{i}")
        bugs = {f"fc{i}": lambda x, weights=weights: x @ weights["kernel"] + weights["bias"]}
        report = found(model, bugs, only=["fc16"])
        assert report.first == "fc16"
        assert [guess.name for guess in report.guesses] == names, str(report)


def test_what_has_many_variants_is_suspected_of_the_last_four_layers():
    model = network((3,), *(Dense(f"fc{i}", 3 + i % 2, "tanh") for i in range(6)))
    for i, names in ((1, []), (2, ["another activation"])):
        weights = tensors(model, f"fc{i}")
        bugs = {f"fc{i}": lambda x, weights=weights: torch.sigmoid(x @ weights["kernel"] + weights["bias"])}
        report = found(model, bugs, only=["fc5"])
        assert report.first == "fc5"
        assert [guess.name for guess in report.guesses] == names, str(report)


def test_the_same_cause_with_the_network_on_the_other_side():
    model = net()
    x = images(model)
    theirs = spelled(model, x, with_kernel(model, "conv2", lambda k: k.flip(0, 1)))
    assert_found(compare(theirs, model.run(x)), "conv2", "kernel turned")
    assert_found(compare(theirs, dict(model.run(x)) | {"input": x}, model=model), "conv2", "kernel turned")


@pytest.mark.parametrize("only", [["conv1"], ["conv1/pre", "conv1"], ["conv2"], ["fc"]])
def test_the_cause_in_a_network_with_silenced_channels(only):
    """What is silenced stays silenced in what is run anew; before its activation function nothing is."""
    model = net().ablate({"conv1": [1, 3], "conv2": [0, 2, 5]})
    other = convlab.Model("net", model.inputs, [replace(node, layer=copy(node.layer)) for node in model.nodes])
    for name in ("conv1", "conv2"):
        if name == only[-1] or (name == "conv2" and only == ["fc"]):
            other[name].set_weights(kernel=other[name].weights["kernel"][::-1, ::-1])
    x = images(model)
    theirs = other.run(x, record=only)
    report = compare(model.run(x, pre=True), dict(theirs))
    assert_found(report, only[0], "kernel turned")


def test_a_value_before_its_activation_function():
    model = net()
    x = images(model)
    theirs = spelled(model, x, with_kernel(model, "conv1", lambda k: k.flip(0, 1)))
    weights = tensors(model, "conv1")

    def before():
        kernel = weights["kernel"].flip(0, 1)
        return last(convolve(first(x), kernel, weights["bias"], (1, 1, 1, 1)))

    theirs["conv1/pre"] = answer("torch", (this_test(),), before)
    assert_found(compare(model.run(x, pre=True), theirs), "conv1/pre", "kernel turned")


def test_sequences_are_compared_and_their_kernels_reshaped():
    model = network((9, 3), Conv1D("conv", 5, 4, activation="relu"), Flatten("flatten"), Dense("fc", 2))
    acts = model.run(images(model), pre=True)
    report = compare(acts, {name: np.moveaxis(a, -1, 1) if a.ndim == 3 else a for name, a in acts.items()})
    assert report.agrees
    before = np.moveaxis(acts["conv/pre"], -1, 1)
    report = compare(acts, {"conv": before, "fc": acts["fc"]})
    assert (report.agrees, report.rows[0].name, report.rows[0].reference) == (True, "conv/pre", "conv")
    report = compare(acts, {"conv": before, "fc": acts["fc"]}, names={"conv": "conv"})
    assert_found(report, "conv", "activation missing")
    report = compare(acts, {"conv/pre": before * 2})
    assert (report.first, report.guesses) == ("conv/pre", ())
