"""Every layer on a GPU or its stand-in: NumPy's results, weights copied there once, and nothing else copied."""

import numpy as np
import pytest

from convlab import layers
from convlab.layers.residual import Residual
from convlab.runtime.arrays import module_of
from support.cuda.beside_numpy import DTYPES, assert_as_numpy, numbers
from support.layers.absolute import magnitudes
from support.layers.beside_keras import built
from support.layers.samples import IMAGE, SAME, SUMS, every_layer, inputs_for


def layer_and_inputs(name, options, shapes, dtype):
    make = getattr(layers, name)
    layer = built(layers.over_time(*options) if name == "TimeDistributed" else make("layer", **options), *shapes)
    inputs = [numbers(seed, (2, *shape), dtype) for seed, shape in enumerate(shapes)]
    return layer, [np.floor(3 + 3 * x) for x in inputs] if name == "Embedding" else inputs


def assert_copied_once(device, layer, *inputs):
    """Assert that the weights were copied to the device, at most once, and that a second call copies nothing."""
    if device.transfers is None:
        return
    options = [getattr(layer, name, None) for name in ("mean", "variance", "scale", "offset", "indices")]
    options += [operand for operand in getattr(layer, "operands", ()) if operand is not None]
    numbers = layer.parameters + sum(np.size(option) for option in options if option is not None)
    assert {direction for direction, _ in device.transfers} <= {"to device"}
    assert sum(size for _, size in device.transfers) <= numbers * inputs[0].itemsize
    device.transfers.clear()
    layer(*map(device.take, inputs))
    assert device.transfers == []


def test_every_layer_is_here():
    classes = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    assert {*SAME, *SUMS} == classes - {"Activated", "Layer", "OneRow"}, (
        "a row of SAME in support/layers/samples.py, or of SUMS if it adds up"
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SAME)
def test_layer(name, dtype, device):
    for options, *shapes in SAME[name]:
        layer, inputs = layer_and_inputs(name, options, shapes, dtype)
        assert_as_numpy(device, layer, *inputs)
        assert_copied_once(device, layer, *inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SUMS)
def test_layer_of_sums(name, dtype, device):
    for terms, options, *shapes in SUMS[name]:
        layer, inputs = layer_and_inputs(name, options, shapes, dtype)
        assert_as_numpy(device, layer, *inputs, terms=terms, magnitude=magnitudes(layer, *inputs))
        assert_copied_once(device, layer, *inputs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_convolution_that_adds_a_shortcut(dtype, device):
    convolution = built(layers.Conv2D("c", 4, 3, padding="same"), IMAGE)
    layer, inputs = Residual(convolution, "relu"), [numbers(i, (2, 5, 7, c), dtype) for i, c in enumerate((6, 4))]
    magnitude = magnitudes(convolution, inputs[0]) + np.abs(inputs[1])
    assert_as_numpy(device, layer, *inputs, terms=56, magnitude=magnitude)
    assert_copied_once(device, layer, *inputs)


def test_new_weights_are_copied_again(device):
    layer, (x,) = layer_and_inputs("Dense", {"units": 5}, [(8,)], np.float32)
    layer(device.take(x))
    layer.set_weights(**{name: -w for name, w in layer.weights.items()})
    assert_as_numpy(device, layer, x, terms=9, magnitude=magnitudes(layer, x))


def test_what_is_no_word_is_nan_on_a_device(device):
    layer, x = built(layers.Embedding("layer", 7, 5), (3,)), np.array([[1, 2.5, 7]], np.float32)
    found = device.give(layer(device.take(x)))
    assert np.array_equal(found[0, 0], layer.weights["embeddings"][1].astype(np.float32))
    assert np.isnan(found[0, 1:]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("layer", "shapes"),
    [pytest.param(layer, shapes, id=f"{name}-{i}") for i, (name, layer, shapes) in enumerate(every_layer())],
)
def test_what_is_pulled_back(layer, shapes, dtype, device):
    if layer.kind in ("Embedding", "Lambda") or isinstance(layer, Residual):
        pytest.skip("it has no gradient")
    built(layer, *shapes)
    inputs = tuple(x.astype(dtype) for x in inputs_for(layer, shapes))
    output = layer(*inputs)
    gradient = numbers(3, output.shape, dtype)
    expected = layer.pull_back(gradient, inputs, output)
    found = layer.pull_back(device.take(gradient), tuple(map(device.take, inputs)), device.take(output))
    rounding = 1e3 * np.finfo(dtype).eps
    for part, reference in zip(found, expected, strict=True):
        assert module_of(part) is device.cupy
        assert part.dtype == reference.dtype
        largest = np.abs(reference).max()
        np.testing.assert_allclose(device.give(part), reference, rtol=rounding, atol=rounding * largest)
