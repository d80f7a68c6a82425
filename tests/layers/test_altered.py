"""A layer with a change: what the change does not touch is shared, and the layer itself stays as it is."""

from dataclasses import is_dataclass

import numpy as np
import pytest

from convlab import layers
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from support.layers.beside_keras import built, random
from support.layers.samples import every_layer, inputs_for

SHAPE = (5, 7, 4)
X = random(1, (2, *SHAPE))


@pytest.fixture
def conv():
    return built(layers.Conv2D("conv", 3, 2), SHAPE)


def test_a_copy_shares_weights_and_what_is_prepared_from_them(conv):
    other, y = conv.altered(), conv(X)
    assert other is not conv and other._held is conv._held
    other.set_weights(bias=[1, 2, 3])
    assert np.array_equal(conv(X), y) and not np.array_equal(other(X), y)


def test_a_copy_of_a_layer_without_weights_has_none():
    conv = layers.Conv2D("conv", 3, 2)
    conv.build(SHAPE)
    with pytest.raises(WeightsError, match="layer 'conv' has no weights"):
        conv.altered()(X)


def test_an_activation_function_changes_nothing_that_is_prepared(conv):
    y, other = conv(X), conv.altered(activation="tanh")
    assert np.array_equal(other(X), np.tanh(y)) and np.array_equal(conv(X), y)
    assert other._held is conv._held and conv.activation == "linear"


def test_another_option_is_parsed_anew_and_all_that_was_prepared_with_it(conv):
    y, other = conv(X), conv.altered(padding="same", dilation=2)
    expected = layers.Conv2D("conv", 3, 2, padding="same", dilation=2)
    expected.build(SHAPE)
    expected.set_weights(**conv.weights)
    assert other.window == expected.window != conv.window
    assert np.array_equal(other(X), expected(X)) and np.array_equal(conv(X), y)
    assert all(other.weights[name] is w for name, w in conv.weights.items())


def test_an_option_that_is_an_array_is_not_that_of_before():
    layer = built(layers.Rescaling("scaled", 2), SHAPE)
    y = layer(X)
    assert np.array_equal(layer.altered(scale=[6, 6, 6, 6])(X), 3 * y)


def test_other_weights_leave_the_rest_shared(conv):
    y, other = conv(X), conv.altered({"bias": conv.weights["bias"] + 8})
    np.testing.assert_allclose(other(X), y + 8, rtol=1e-12)
    assert other.weights["kernel"] is conv.weights["kernel"] and np.array_equal(conv(X), y)
    with pytest.raises(WeightsError, match=r"layer 'conv': bias has shape \(2,\), expected \(3,\)"):
        conv.altered({"bias": [1, 2]})


def test_a_weight_that_was_not_there():
    conv = built(layers.Conv2D("conv", 3, 2, use_bias=False), SHAPE)
    other = conv.altered({"bias": [1, 2, 3]}, {**conv.shapes, "bias": (3,)}, use_bias=True)
    np.testing.assert_allclose(other(X), conv(X) + np.array([1, 2, 3]), rtol=1e-12)
    assert list(conv.shapes) == ["kernel"]


def test_options_are_checked(conv):
    with pytest.raises(ShapeError, match=r"^layer 'conv': stride 0 is out of range"):
        conv.altered(stride=0)
    with pytest.raises(UnsupportedError, match=r"^layer 'conv': no activation 'Relu'"):
        conv.altered(activation="Relu")
    layer = built(layers.Conv1D("row", 3, 2), (7, 4))
    with pytest.raises(UnsupportedError, match=r"^layer 'row' is a Conv1D, whose options cannot be altered$"):
        layer.altered(activation="relu")


OPTIONED = [sample for sample in every_layer() if is_dataclass(sample[1])]


@pytest.mark.parametrize(("name", "layer", "shapes"), OPTIONED, ids=[name for name, *_ in OPTIONED])
def test_options_that_are_read_again_mean_the_same(name, layer, shapes):
    x, other = inputs_for(layer, shapes), built(layer, *shapes).altered(name=layer.name)
    assert other._held is not layer._held
    assert np.array_equal(other(*x), layer(*x))
