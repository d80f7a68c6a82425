"""The fused network of `predict`: which calls become one, which must not, and that its numbers are the network's.

A folded weight is rounded once more, and a sum of K products errs by gamma_K times the sum of their magnitudes
(tests/support/closeness.py). That sum is what a network computes from |x| with the magnitudes of all its weights;
from layer to layer the K add up.
"""

from copy import copy
from dataclasses import replace
from math import prod

import numpy as np
import pytest

from convlab.errors import WeightsError
from convlab.layers import (
    Activation,
    Add,
    Average,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    MaxPooling2D,
    ReLU,
    SeparableConv2D,
    ZeroPadding2D,
)
from convlab.layers.residual import Residual
from convlab.model.fusion import fuse
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.runtime.policy import using_policy
from support.closeness import assert_close, sum_bound

SHAPE = (9, 7, 6)


def with_random_weights(model, seed=3):
    """Give all weights random numbers, those of normalisations too, variances above 0."""
    randomise(model, seed=seed)
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, BatchNormalization):
            shapes = {name: shape for name, shape in layer.shapes.items() if name != "moving_variance"}
            weights = {name: random.uniform(-2, 2, shape) for name, shape in shapes.items()}
            variance = random.uniform(0.1, 3, layer.shapes["moving_variance"])
            layer.set_weights(**{name: w.astype(np.float32) for name, w in weights.items()}, moving_variance=variance)
        elif "bias" in layer.shapes:
            layer.set_weights(bias=random.uniform(-1, 1, layer.shapes["bias"]).astype(np.float32))
    return model


def sequential(*layers, shape=SHAPE):
    return with_random_weights(Model.sequential("small", shape, layers))


def graph(*nodes, shape=SHAPE, outputs=None):
    nodes = [Node(name, layer, inputs) for name, layer, inputs in nodes]
    return with_random_weights(Model("small", shape, nodes, outputs=outputs))


def images(model, n=3):
    return np.random.default_rng(5).uniform(-2, 2, (n, *model.input_shape)).astype(np.float32)


def magnitudes(model):
    """Return the network that computes, from |x|, the sums of the magnitudes of all products in a network."""
    layers = {layer.name: _above(layer) for layer in model.layers}
    nodes = [replace(node, layer=layers[node.layer.name]) for node in model.nodes]
    return Model(model.name, model.inputs, nodes, outputs=model.outputs)


def _above(layer):
    layer = copy(layer)
    signs = {"moving_mean": -1}
    if layer.shapes:
        layer.set_weights(**{name: signs.get(name, 1) * abs(weight) for name, weight in layer.weights.items()})
    if layer.activation != "linear":
        layer.activation = "linear"
    return Activation(layer.name, "linear") if isinstance(layer, ReLU) else layer


def assert_same_numbers(model, n=3):
    """Check `predict` and `run`, both against float64, in which nothing is fused."""
    x = images(model, n)
    exact = model.run(x.astype(np.float64))
    above = magnitudes(model).run(abs(x.astype(np.float64)))
    terms = sum(prod(layer.shapes[name]) + 4 for layer in model.layers for name in layer.shapes)
    predicted = model.predict(x)
    for name in model.outputs:
        bound = sum_bound(terms, above.outputs[name], np.float32)
        found = predicted[name] if len(model.outputs) > 1 else predicted
        assert_close(found, exact.outputs[name], bound, f"predict, {name}")
        assert_close(model.run(x).outputs[name], exact.outputs[name], bound, f"run, {name}")


def fused(model):
    return {node.name: node for node in fuse(model.graph).nodes}


# ---- what is fused

CONVOLUTIONS = {
    "conv": lambda **options: Conv2D("conv", 5, (3, 2), **options),
    "strided without bias": lambda **options: Conv2D("conv", 5, (3, 2), stride=(2, 1), use_bias=False, **options),
    "groups": lambda **options: Conv2D("conv", 4, (3, 2), groups=2, **options),
    "depthwise": lambda **options: DepthwiseConv2D("conv", (3, 2), depth_multiplier=2, **options),
    "separable": lambda **options: SeparableConv2D("conv", 5, (3, 2), depth_multiplier=2, **options),
}
SAME = {name: (lambda make=make: make(padding="same")) for name, make in CONVOLUTIONS.items()}
ACTIVATIONS = {
    "none": ([], "linear"),
    "relu": ([ReLU("act")], "relu"),
    "relu of options": ([ReLU("act", max_value=6.0)], "relu6"),
    "relu by name": ([Activation("act", "relu")], "relu"),
    "tanh by name": ([Activation("act", "tanh")], "tanh"),
}


@pytest.mark.parametrize(("after", "function"), ACTIVATIONS.values(), ids=ACTIVATIONS)
@pytest.mark.parametrize("conv", [*SAME, "dense"])
def test_normalisation_and_activation_after_a_convolution(conv, after, function):
    make = SAME.get(conv, lambda: Dense("conv", 5))
    model = sequential(make(), BatchNormalization("norm"), *map(copy, after))
    [node] = fuse(model.graph).nodes
    assert (node.name, node.inputs) == (model.outputs[0], ("input",))
    assert type(node.layer) is type(model["conv"])
    assert node.layer.activation == function
    assert_same_numbers(model)


@pytest.mark.parametrize("norm", [{"scale": False}, {"center": False}, {"scale": False, "center": False}])
@pytest.mark.parametrize("axis", [-1, 3, [3]])
def test_normalisation_without_gamma_or_beta_and_its_axis_counted_from_either_end(norm, axis):
    model = sequential(Conv2D("conv", 5, 2), BatchNormalization("norm", axis, epsilon=0.5, **norm))
    assert list(fused(model)) == ["norm"]
    assert_same_numbers(model)


@pytest.mark.parametrize("conv", CONVOLUTIONS)
@pytest.mark.parametrize("padding", [0, 1, ((1, 0), (2, 1))])
def test_zeros_around_the_input_are_the_convolutions_padding(conv, padding):
    conv = CONVOLUTIONS[conv](padding=padding)
    model = sequential(ZeroPadding2D("zeros", ((2, 1), (0, 3))), conv, BatchNormalization("norm"), ReLU("act"))
    [node] = fuse(model.graph).nodes
    (top, bottom), (left, right) = node.layer.window.padding
    (a, b), (c, d) = conv.window.padding
    assert (top, bottom, left, right) == (2 + a, 1 + b, c, 3 + d)
    assert_same_numbers(model)


@pytest.mark.parametrize(
    ("function", "nodes"),
    [("relu", ["act", "conv"]), ("relu6", ["norm", "act", "conv"]), ("silu", ["norm", "act", "conv"])],
)
def test_a_normalisation_rectifies_before_a_convolution(function, nodes):
    model = sequential(BatchNormalization("norm"), Activation("act", function), Conv2D("conv", 5, 3))
    assert list(fused(model)) == nodes
    x = images(model)
    exact = model.run(x.astype(np.float64)).output
    for compiled in (False, True):
        model.compiled = compiled
        np.testing.assert_allclose(model.predict(x), exact, atol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_zeros_around_the_input_of_a_max_pooling_where_nothing_is_negative(activation):
    model = sequential(
        Conv2D("conv", 5, 3, activation=activation), ZeroPadding2D("zeros", 1), MaxPooling2D("pool", 3, 2)
    )
    assert list(fused(model)) == ["conv", "pool"]
    x = images(model)
    np.testing.assert_array_equal(model.predict(x), model.run(x).output)


def test_what_only_hands_on_is_skipped():
    model = sequential(
        Dropout(
            "drop",
        ),
        Conv2D("conv", 5, 3),
        Activation("same", "linear"),
        Dropout("drop2"),
        BatchNormalization("norm"),
    )
    assert list(fused(model)) == ["norm"]
    assert_same_numbers(model)


def test_a_residual_network():
    model = graph(
        ("conv", Conv2D("conv", 5, 3, padding="same"), ("input",)),
        ("norm", BatchNormalization("norm"), ("conv",)),
        ("act", Activation("act", "relu"), ("norm",)),
        ("conv2", Conv2D("conv2", 5, 3, padding="same"), ("act",)),
        ("norm2", BatchNormalization("norm2"), ("conv2",)),
        ("drop", Dropout("drop"), ("norm2",)),
        ("sum", Add("sum"), ("act", "drop")),
        ("act2", Activation("act2", "relu"), ("sum",)),
    )
    nodes = fused(model)
    assert {name: node.inputs for name, node in nodes.items()} == {
        "act": ("input",),
        "act2": ("act", "act"),
    }
    assert isinstance(nodes["act2"].layer, Residual) and nodes["act2"].layer.activation == "relu"
    assert_same_numbers(model)


def test_the_last_of_two_convolutions_adds_the_other():
    model = graph(
        ("a", Conv2D("a", 5, 3), ("input",)),
        ("b", Conv2D("b", 5, 3), ("input",)),
        ("sum", Add("sum"), ("a", "b")),
    )
    assert {name: node.inputs for name, node in fused(model).items()} == {"a": ("input",), "sum": ("input", "a")}
    assert_same_numbers(model)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kernel", [1, 3])  # one whose kernel adds, and one whose does not
@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_a_residual_convolution_is_the_convolution_and_then_the_sum(kernel, activation, compiled):
    # 41 kernels fill no panel, 7 * 5 places no block
    model = graph(
        ("conv", Conv2D("conv", 41, kernel, padding="same"), ("input",)),
        ("shortcut", Conv2D("shortcut", 41, 1), ("input",)),
        shape=(7, 5, 19),
        outputs=("conv", "shortcut"),
    )
    x = images(model)
    with using_policy(compiled):
        y, shortcut = (model[name](x) for name in ("conv", "shortcut"))
        total = shortcut + y
        found = Residual(model["conv"], activation)(x, shortcut)
    assert np.array_equal(found, np.maximum(total, 0) if activation == "relu" else total)
    assert (total < 0).any()


# ---- what is not


class Squared(Dense):
    """A layer of a user's: a dense one whose results are multiplied by themselves."""

    def linear(self, x):
        return super().linear(x) ** 2


NOT_FOLDED = {
    "an activation before the normalisation": [
        Conv2D("a", 5, 3, activation="relu"), BatchNormalization("b")],
    "a normalisation along the rows": [Conv2D("a", 5, 3), BatchNormalization("b", axis=1)],
    "an activation after an activation": [Conv2D("a", 5, 3, activation="tanh"), ReLU("b")],
    "another ceiling": [Conv2D("a", 5, 3), ReLU("b", max_value=2.5)],
    "a slope": [Conv2D("a", 5, 3), ReLU("b", negative_slope=0.25)],
    "a sum's other function": [Add("a"), Activation("b", "tanh")],
    "a threshold": [Conv2D("a", 5, 3), ReLU("b", threshold=0.5)],
    "zeros before same padding": [ZeroPadding2D("a", 1), Conv2D("b", 5, 3, padding="same")],
    "zeros before a maximum of negative numbers": [ZeroPadding2D("a", 1), MaxPooling2D("b", 3)],
    "zeros before a normalisation": [ZeroPadding2D("a", 1), BatchNormalization("b")],
    "zeros before a transposed convolution": [ZeroPadding2D("a", 1), Conv2DTranspose("b", 5, 3)],
    "a layer that only inherits from one": [Squared("a", 5), BatchNormalization("b")],
    "something between": [Conv2D("a", 5, 3), MaxPooling2D("b", 2), BatchNormalization("c")],
}  # fmt: skip


@pytest.mark.parametrize("layers", NOT_FOLDED.values(), ids=NOT_FOLDED)
def test_not_fused(layers):
    model = sequential(*layers)
    assert [node.name for node in fuse(model.graph).nodes] == [layer.name for layer in layers]
    x = images(model)
    np.testing.assert_array_equal(model.predict(x), model.run(x).output)


def test_zeros_wider_than_half_a_max_pooling_stay_zeros():
    layers = [Conv2D("conv", 5, 3, activation="relu"), ZeroPadding2D("zeros", 2), MaxPooling2D("pool", 2)]
    model = sequential(*layers)
    assert list(fused(model)) == ["conv", "zeros", "pool"]


def test_a_sequence_layer_is_left_alone():
    model = sequential(Conv1D("conv", 5, 3), BatchNormalization("norm"), shape=(9, 6))
    assert list(fused(model)) == ["conv", "norm"]


def test_a_value_with_two_readers():
    model = graph(
        ("conv", Conv2D("conv", 6, 3, padding="same"), ("input",)),
        ("norm", BatchNormalization("norm"), ("conv",)),
        ("sum", Add("sum"), ("conv", "norm")),
    )
    assert list(fused(model)) == ["conv", "norm", "sum"]
    assert_same_numbers(model)


NOT_ADDED = {
    "three inputs": (("a", Conv2D("a", 5, 1), ("input",)), ("b", Conv2D("b", 5, 1), ("input",)),
                     ("c", Conv2D("c", 5, 1), ("input",)), ("sum", Add("sum"), ("a", "b", "c"))),
    "an activation before": (("a", Conv2D("a", 6, 1, activation="relu"), ("input",)),
                             ("sum", Add("sum"), ("input", "a"))),
    "an input that is repeated": (("a", Conv2D("a", 1, 1), ("input",)), ("sum", Add("sum"), ("input", "a"))),
    "the same input twice": (("a", Conv2D("a", 5, 1), ("input",)), ("sum", Add("sum"), ("a", "a"))),
    "each channel by itself": (("a", DepthwiseConv2D("a", 3, padding="same"), ("input",)),
                               ("sum", Add("sum"), ("input", "a"))),
    "a mean": (("a", Conv2D("a", 6, 1), ("input",)), ("sum", Average("sum"), ("input", "a"))),
}  # fmt: skip


@pytest.mark.parametrize("calls", NOT_ADDED.values(), ids=NOT_ADDED)
def test_sums_that_no_convolution_can_add_up(calls):
    model = graph(*calls)
    assert list(fused(model)) == [name for name, _, _ in calls]
    assert_same_numbers(model)


def test_another_function_after_a_sum_that_a_convolution_adds_up():
    model = graph(
        ("a", Conv2D("a", 6, 1), ("input",)),
        ("sum", Add("sum"), ("input", "a")),
        ("act", Activation("act", "tanh"), ("sum",)),
    )
    assert list(fused(model)) == ["sum", "act"]
    assert_same_numbers(model)


def test_two_readers_one_of_them_behind_a_dropout():
    model = graph(
        ("conv", Conv2D("conv", 6, 3, padding="same"), ("input",)),
        ("drop", Dropout("drop"), ("conv",)),
        ("norm", BatchNormalization("norm"), ("conv",)),
        ("sum", Add("sum"), ("drop", "norm")),
    )
    assert list(fused(model)) == ["conv", "norm", "sum"]
    assert_same_numbers(model)


def test_a_value_that_is_an_output_too():
    calls = [("conv", Conv2D("conv", 5, 3), ("input",)), ("norm", BatchNormalization("norm"), ("conv",))]
    model = graph(*calls, outputs=("norm", "conv"))
    assert list(fused(model)) == ["conv", "norm"]
    assert_same_numbers(model)


def test_values_that_are_outputs_behind_one_another():
    model = graph(
        ("conv", Conv2D("conv", 5, 3), ("input",)),
        ("drop", Dropout("drop"), ("conv",)),
        ("norm", BatchNormalization("norm"), ("drop",)),
        outputs=("norm", "drop", "conv"),
    )
    assert list(fused(model)) == ["conv", "drop", "norm"]
    assert_same_numbers(model)


def test_a_layer_that_is_called_twice_keeps_its_weights():
    conv, norm = Conv2D("conv", 6, 3, padding="same"), BatchNormalization("norm")
    model = graph(
        ("conv", conv, ("input",)),
        ("norm", norm, ("conv",)),
        ("conv/2", conv, ("norm",)),
        ("act", ReLU("act"), ("conv/2",)),
    )
    assert list(fused(model)) == ["conv", "norm", "conv/2", "act"]
    assert_same_numbers(model)


def test_a_normalisation_that_is_called_twice_is_folded_into_both():
    norm, act = BatchNormalization("norm"), ReLU("act")
    model = graph(
        ("conv", Conv2D("conv", 6, 3), ("input",)),
        ("norm", norm, ("conv",)),
        ("act", act, ("norm",)),
        ("conv2", Conv2D("conv2", 6, 2), ("act",)),
        ("norm/2", norm, ("conv2",)),
        ("act/2", act, ("norm/2",)),
    )
    assert list(fused(model)) == ["act", "act/2"]
    assert_same_numbers(model)


@pytest.mark.parametrize(
    ("silenced", "expected"), [("conv", ["conv", "act"]), ("norm", ["norm", "act"]), ("act", ["act"])]
)
def test_channels_are_silenced_where_they_were(silenced, expected):
    model = sequential(Conv2D("conv", 5, 3), BatchNormalization("norm"), ReLU("act")).ablate({silenced: [1, 4]})
    nodes = fused(model)
    assert list(nodes) == expected
    assert nodes[silenced].silenced == (1, 4)
    x = images(model)
    np.testing.assert_array_equal(model.predict(x)[..., [1, 4]], model.run(x).output[..., [1, 4]])
    assert_same_numbers(model)


@pytest.mark.parametrize("same", [Dropout("same"), Activation("same", "linear")], ids=["dropout", "linear"])
def test_what_only_hands_on_is_not_skipped_where_it_is_silenced(same):
    model = sequential(Conv2D("conv", 5, 3), same, ReLU("act")).ablate({"same": [1, 4]})
    assert "same" in fused(model)
    assert not model.predict(images(model))[..., [1, 4]].any()
    assert_same_numbers(model)


def test_a_sum_of_one_value_has_no_function_of_its_own():
    nodes = ("conv", Conv2D("conv", 5, 3), ("input",)), ("sum", Add("sum"), ("conv",)), ("act", ReLU("act"), ("sum",))
    model = graph(*nodes)
    assert list(fused(model)) == ["conv", "sum", "act"]
    assert_same_numbers(model)


@pytest.mark.parametrize("conv", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_what_a_recording_prepared_is_not_used_with_other_padding(conv):
    model = sequential(ZeroPadding2D("zeros", 1), conv())
    model.run(images(model))
    assert list(fused(model)) == ["conv"]
    assert_same_numbers(model)


def test_what_would_be_infinite_is_not_fused():
    model = sequential(Conv2D("conv", 5, 2), BatchNormalization("norm", epsilon=0))
    model["norm"].set_weights(moving_variance=np.zeros(5))
    assert list(fused(model)) == ["conv", "norm"]
    x = images(model)
    np.testing.assert_array_equal(model.predict(x), model.run(x).output)


# ---- when


def test_float64_is_computed_as_the_network_is_written():
    model = sequential(Conv2D("conv", 5, 3), BatchNormalization("norm"), ReLU("act"))
    x = images(model).astype(np.float64)
    np.testing.assert_array_equal(model.predict(x), model.run(x).output)


def test_a_recording_is_of_the_network_as_it_is_written():
    model = sequential(ZeroPadding2D("zeros", 1), Conv2D("conv", 5, 3), BatchNormalization("norm"), ReLU("act"))
    x = images(model)
    acts = model.run(x)
    value = x
    for layer in model.layers:
        value = layer(value)
        np.testing.assert_array_equal(acts[layer.name], value)


@pytest.mark.parametrize("changed", ["conv", "norm"])
def test_new_weights_are_used_at_once(changed):
    model = sequential(Conv2D("conv", 5, 3), BatchNormalization("norm"), ReLU("act"))
    x = images(model)
    before, network = model.predict(x), model._of_layers("fused", fuse)
    assert model._of_layers("fused", fuse) is network
    weights = model[changed].weights
    model[changed].set_weights(**{name: 1.5 * weight for name, weight in weights.items()})
    after = model.predict(x)
    assert (after != before).any()
    assert_same_numbers(model)
    model[changed].set_weights(**weights)
    np.testing.assert_array_equal(model.predict(x), before)


def test_the_network_itself_is_left_as_it_was():
    model = sequential(ZeroPadding2D("zeros", 1), Conv2D("conv", 5, 3, use_bias=False), BatchNormalization("norm"))
    options = {layer.name: dict(vars(layer)) for layer in model.layers}
    model.predict(images(model))
    assert {layer.name: vars(layer) for layer in model.layers} == options


def test_layers_without_weights_say_so():
    model = Model.sequential("small", SHAPE, [Conv2D("conv", 5, 3), BatchNormalization("norm")])
    with pytest.raises(WeightsError, match=r"^layer 'conv' has no weights"):
        model.predict(np.zeros((1, *SHAPE), np.float32))


def test_weights_that_need_no_change_are_shared():
    model = sequential(Conv2D("conv", 5, 3), ReLU("act"), Flatten("flat"), Dense("fc", 4))
    nodes = fused(model)
    assert nodes["act"].layer.weights["kernel"] is model["conv"].weights["kernel"]
    assert nodes["fc"].layer.weights["kernel"] is model["fc"].weights["kernel"]
