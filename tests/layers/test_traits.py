"""What each class of layer says of itself is so: every trait is computed here, of every layer."""

from functools import reduce
from inspect import signature
from itertools import permutations
from math import prod

import numpy as np
import pytest

from convlab import layers
from convlab.errors import ShapeError, WeightsError
from convlab.layers import Layer
from convlab.layers.base import ONE_CELL, class_of
from convlab.layers.convolving import Convolving, Transposing
from support.layers.beside_keras import built, random
from support.layers.samples import SAME, SUMS

SAMPLES = SAME | {name: [sample for _, *sample in samples] for name, samples in SUMS.items()}
SIGNED = {"Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU"}
OF_ITS_OWN = {"Lambda", "TimeDistributed"}  # what they do is their function's, or the layer's inside
NO_ACTIVATIONS = {"Elementwise", "LayerNormalization", "Masking", "UnitNormalization"}  # bend, and are none to Keras

each = pytest.mark.parametrize("name", sorted(set(SAMPLES) - OF_ITS_OWN))


def made(name, options, *shapes):
    return built(getattr(layers, name)("layer", **options), *shapes)


def with_weights(name, options, shapes, weights):
    """Return a layer on other shapes with given weights, None where those do not fit it."""
    layer = made(name, options, *shapes)
    try:
        layer.set_weights(**weights)
    except WeightsError:
        return None
    return layer


def inputs_of(name, shapes, seed=5):
    """Return positive numbers, which every function takes, or numbers on both sides of a threshold."""
    if name == "Embedding":  # rows of a table
        return [np.arange(np.prod(shape), dtype=np.float64).reshape(1, *shape) % 7 for shape in shapes]
    x = [random([seed, i], (2, *shape), 0.05, 2.0) - (name in SIGNED) for i, shape in enumerate(shapes)]
    if name == "Masking":
        x[0][:, 1] = 0.5  # the value that is masked
    return x


def close(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12)


# ---- keeps_order: numbers put elsewhere, with the weights that belong to them, come out elsewhere


def rearranged(array, batch):
    """Return an array with the places along every axis in an order that follows from the axis' size."""
    for axis in range(batch, array.ndim):
        array = array.take(np.random.default_rng(array.shape[axis]).permutation(array.shape[axis]), axis)
    return array


def keeps_order(name, options, *shapes):
    layer, x = made(name, options, *shapes), inputs_of(name, shapes)
    moved = with_weights(name, options, shapes, {key: rearranged(w, 0) for key, w in layer.weights.items()})
    y = layer(*x)
    return y.shape == x[0].shape and close(moved(*(rearranged(one, 1) for one in x)), rearranged(y, 1))


def on_vectors(samples):
    """Yield the samples on vectors, as a Flatten leaves them."""
    for options, *shapes in samples:
        yield (options, *((6,) for _ in shapes))


@each
def test_keeps_order(name):
    found = [keeps_order(name, *sample) for sample in SAMPLES[name]]
    for sample in on_vectors(SAMPLES[name]):
        try:
            found.append(keeps_order(name, *sample))
        except ShapeError:
            continue  # it takes no vectors
    assert getattr(layers, name).keeps_order is all(found), "keeps_order of the class"


# ---- activates


def bends(name, options, *shapes):
    """Tell whether the mean of two inputs is not made the mean of the outputs."""
    layer, x, y = made(name, options, *shapes), inputs_of(name, shapes), inputs_of(name, shapes, seed=6)
    between = layer(*((a + b) / 2 for a, b in zip(x, y, strict=True)))
    return not close(between, (layer(*x) + layer(*y)) / 2)


@each
def test_activates(name):
    kind = getattr(layers, name)
    functions = kind.keeps_order and kind.arity == 1 and all(bends(name, *sample) for sample in SAMPLES[name])
    assert kind.activates is (functions and name not in NO_ACTIVATIONS), "activates of the class, or NO_ACTIVATIONS"


# ---- layout


def goes_along(layer, moved, x, order):
    """Tell whether a second layer makes of the inputs with their axes in another order what the first makes so."""
    y, back = layer(*x), (0, *order)
    if moved is None or y.ndim != len(back):
        return False
    return close(moved(*(one.transpose(back) for one in x)), y.transpose(back))


def is_alike_along_all_axes(name, options, *shapes):
    layer, x, ranks = made(name, options, *shapes), inputs_of(name, shapes), {len(shape) for shape in shapes}
    return len(ranks) == 1 and all(
        goes_along(layer, on_turned(name, options, shapes, order, layer), x, order)
        for order in permutations(range(1, ranks.pop() + 1))
    )


def on_turned(name, options, shapes, order, layer):
    """Return the layer for inputs with their axes in another order; None where it cannot take them so."""
    turned = [tuple(shape[axis - 1] for axis in order) for shape in shapes]
    try:
        return with_weights(name, options, turned, layer.weights)
    except ShapeError:
        return None


def works_along_its_axis(name, options, *shapes):
    """Tell whether it does the same along any axis, None where it takes none: sizes that cannot be grouped."""
    found, ranks = [], {len(shape) for shape in shapes}
    if len(ranks) > 1 or "axis" not in signature(getattr(layers, name)).parameters:
        return False
    axes = range(1, ranks.pop() + 1)
    for axis in axes:
        try:
            layer = made(name, options | {"axis": axis}, *shapes)
        except ShapeError:
            continue
        for order in permutations(axes):
            along = options | {"axis": order.index(axis) + 1}
            found.append(
                goes_along(layer, on_turned(name, along, shapes, order, layer), inputs_of(name, shapes), order)
            )
    return all(found) if found else None


def computed_layout(name):
    plain = [one for one in SAMPLES[name] if not any(isinstance(v, list | tuple) for v in one[0].values())]
    if plain and all(is_alike_along_all_axes(name, *sample) for sample in plain):
        return "any"
    along = [found for sample in SAMPLES[name] if (found := works_along_its_axis(name, *sample)) is not None]
    return "axis" if along and all(along) else None


@each
def test_layout(name):
    """Which layers without either have their channels first in Keras: tests/files/keras/config/test_layouts.py."""
    told = getattr(layers, name).layout
    assert (None if told == "channels_last" else told) == computed_layout(name), "layout of the class"


# ---- mixes_channels


def with_as_many_channels(name):
    """Yield the samples of a layer that makes as many channels as it is given."""
    for options, *shapes in SAMPLES[name]:
        count = {key: shapes[0][-1] for key in ("filters", "units") if key in options}
        layer = made(name, options | count, *shapes)
        if layer(*inputs_of(name, shapes)).shape[-1] == shapes[0][-1]:
            yield layer, shapes


def influence(name, layer, shapes):
    """Return how much each channel that is made changes, in its mean, with each that is given."""
    channels = shapes[0][-1]
    changes = np.zeros((channels, channels))
    for seed in range(20):
        (x, *others), (fresh, *_) = inputs_of(name, shapes, seed), inputs_of(name, shapes, seed + 100)
        y = layer(x, *others)
        for i in range(channels):
            other = x.copy()
            other[..., i] = fresh[..., i]
            changes[i] += np.abs(layer(other, *others) - y).reshape(-1, channels).mean(axis=0)
    return changes


@each
def test_mixes_channels(name):
    mixes = []
    for layer, shapes in with_as_many_channels(name):
        changes = influence(name, layer, shapes)
        mixes.append(bool((changes.diagonal() < changes.max(axis=0)).any()))
    assert getattr(layers, name).mixes_channels is any(mixes), "mixes_channels of the class"


# ---- reshapes


def gives_another_shape(name, options, *shapes):
    layer, x = made(name, options, *shapes), inputs_of(name, shapes)
    y = layer(*x)
    return y.shape != x[0].shape and np.array_equal(y.reshape(-1), x[0].reshape(-1))


@each
def test_reshapes(name):
    plain = [sample for sample in SAMPLES[name] if "channels_first" not in sample[0]]
    found = all(gives_another_shape(name, *sample) for sample in plain)
    assert getattr(layers, name).reshapes is found, "reshapes of the class"


# ---- main_weight and kernel_axes: a channel that comes out grows as its part of the weight does


AXES = {
    "IO": lambda shape, scale: scale,
    "OI": lambda shape, scale: scale[:, None],
    "CM": lambda shape, scale: scale.reshape(shape[-2:]),
}


def without_function(name, options, *shapes):
    has_one = "activation" in signature(getattr(layers, name)).parameters
    return made(name, options | ({"activation": "linear"} if has_one else {}), *shapes)


def scales(weight, axes, name, options, *shapes):
    layer, x = without_function(name, options, *shapes), inputs_of(name, shapes)
    y = layer(*x)
    weights, scale = dict(layer.weights), random(1, y.shape[-1:], 0.5, 2.0)
    try:
        weights[weight] = weights[weight] * AXES[axes](weights[weight].shape, scale)
        layer.set_weights(**weights | ({"bias": weights["bias"] * scale} if "bias" in weights else {}))
    except (ValueError, WeightsError):
        return False  # so many are not along those axes
    return close(layer(*x), y * scale)


@each
def test_kernel_axes(name):
    with_kernel = [sample for sample in SAMPLES[name] if "kernel" in made(name, *sample).shapes]
    found = {axes for axes in AXES if all(scales("kernel", axes, name, *sample) for sample in with_kernel)}
    assert found == {getattr(layers, name).kernel_axes} if with_kernel else getattr(layers, name).kernel_axes == "IO"


@pytest.mark.parametrize("name", [name for name in SAMPLES if getattr(layers, name).main_weight])
def test_main_weight(name):
    kind = getattr(layers, name)
    assert all(scales(kind.main_weight, kind.kernel_axes, name, *sample) for sample in SAMPLES[name])


# ---- positive_weights: without them, or below 0, no numbers come out


def makes_numbers(name, weight, options, *shapes):
    """Tell whether a layer still does of positive inputs where one of its weights is negative."""
    layer = made(name, options, *shapes)
    layer.set_weights(**{weight: -1 - np.abs(layer.weights[weight])})
    with np.errstate(invalid="ignore"):
        return np.isfinite(layer(*inputs_of(name, shapes))).all()


@each
def test_positive_weights(name):
    found = {
        weight
        for sample in SAMPLES[name]
        for weight in made(name, *sample).shapes
        if not makes_numbers(name, weight, *sample)
    }
    assert set(getattr(layers, name).positive_weights) == found, "positive_weights of the class"


# ---- multiply_adds: what comes out where all inputs and all of the kernel are 1


def products_of_ones(name, options, *shapes):
    """Return the products that are added up without padding, and how many the layer tells."""
    layer = without_function(name, options | {"padding": "valid"} if "padding" in options else options, *shapes)
    layer.set_weights(**{weight: np.full(shape, weight == "kernel") for weight, shape in layer.shapes.items()})
    return layer(*(np.ones((1, *shape)) for shape in shapes)).sum(), layer.multiply_adds(*shapes)


@each
def test_multiply_adds(name):
    for sample in SAMPLES[name]:
        layer = made(name, *sample)
        assert bool(layer.multiply_adds(*sample[1:])) is (
            name == "Dot" or any(weight.endswith("kernel") for weight in layer.shapes)
        ), "multiply_adds of a layer with a kernel"
        if "kernel" in layer.shapes:
            made_of_ones, told = products_of_ones(name, *sample)
            assert told == made_of_ones


# ---- window: the cells that change what comes out


def seen(name, layer, shapes):
    """Return which cells change which places: (cells in order, places in order)."""
    *sides, channels = shapes[0]
    found = []
    for i, cell in enumerate(np.ndindex(*sides)):
        changed = np.zeros((), bool)
        for seed, size in ((1, 1.0), (2, 1.0), (3, 100.0), (4, 0.0)):
            (x, *others), other = inputs_of(name, shapes), random([seed, i], (channels,), 0.05, 2.0) * size
            y = layer(x, *others).copy()
            x[(slice(None), *cell)] = other
            changed = changed | (layer(x, *others) != y).any(axis=(0, -1))
        found.append(changed.reshape(-1))
    return np.array(found)


def under(window, sides):
    """Return the same as a window says."""
    before = [pads[0] for pads in window.pads(sides)]
    along = [
        np.array([[i in range(o * s - b, o * s - b + k * d, d) for o in range(count)] for i in range(n)])
        for n, b, s, k, d, count in zip(
            *(sides, before, window.stride, window.kernel, window.dilation), window.output_size(sides), strict=True
        )
    ]
    return reduce(np.kron, along)


@each
def test_window(name):
    for options, *shapes in SAMPLES[name]:
        layer = made(name, options, *shapes)
        window, sides = layer.window_on(*shapes), shapes[0][:-1]
        if window == "varies":
            continue
        if window is None:
            told = np.True_
        elif window == ONE_CELL:
            assert {shape[:-1] for shape in (*shapes, layer.infer_shape(*shapes))} == {sides}
            told = np.eye(prod(sides), dtype=bool)
        else:
            told = under(window, (1, *sides) if len(sides) == 1 else sides)
        assert (seen(name, layer, shapes) == told).all(), "window of the class, or window_on"


# ---- convolutions, for which kernels are chosen


def products(convolution):
    image, filters, window, groups = convolution
    return prod(window.output_size(image[:2])) * prod(window.kernel) * image[2] // groups * filters


@each
def test_convolutions(name):
    """Without those of volumes, and those that scatter."""
    if not issubclass(getattr(layers, name), Convolving) or issubclass(getattr(layers, name), Transposing):
        return
    for options, *shapes in SAMPLES[name]:
        layer = made(name, options, *shapes)
        of_image = len(shapes[0]) == 3
        assert sum(map(products, layer.convolutions(*shapes))) == of_image * layer.multiply_adds(*shapes)


# ---- all of them


def test_a_layer_whose_work_is_not_its_own_says_nothing():
    traits = ("keeps_order", "activates", "mixes_channels", "layout", "main_weight")
    assert all(
        getattr(getattr(layers, name), trait) == getattr(Layer, trait) for name in OF_ITS_OWN for trait in traits
    )


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("Dense", layers.Dense),
        ("TimeDistributed(Dense)", layers.Dense),
        ("TimeDistributed(TimeDistributed(Conv1D))", layers.Conv1D),
        ("of another program", Layer),
        ("", Layer),
    ],
)
def test_a_class_is_found_by_its_kind(kind, found):
    assert class_of(kind) is found


def test_a_layer_of_that_name_made_elsewhere_hides_none():
    class Dense(Layer):
        def __call__(self, x):
            return x

    assert class_of("Dense") is layers.Dense is not Dense
