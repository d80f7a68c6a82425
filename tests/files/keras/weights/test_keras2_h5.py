"""The layout of Keras 1 and 2, in every dialect of names: the same weights come out of each."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.errors import WeightsError
from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from convlab.model.receipt import ReceiptRow
from support.files.keras_files import ALL, CONV, DENSE, KERAS_1, NORM, assert_same, random_weights, write_legacy


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
    found, receipt = read_keras_weights(path, ALL)
    assert_same(found, weights)
    assert [row.transform for row in receipt.rows] == ["as stored"] * 8
    stored = pattern.format(layer="bn", role=roles.get("moving_variance", "moving_variance"))
    assert receipt.rows[5] == ReceiptRow("bn", "moving_variance", (5,), f"{root}/bn/{stored}".strip("/"), "as stored")


def test_names_choose_the_array_before_order_does(tmp_path: Path) -> None:
    norm = random_weights(NORM)["bn"]
    shuffled = {role: norm[role] for role in ("moving_variance", "beta", "gamma", "moving_mean")}
    found, _ = read_keras_weights(write_legacy(tmp_path / "w.h5", {"bn": shuffled}), [NORM])
    assert_same(found, {"bn": norm})


@pytest.mark.parametrize("pattern", ["param_{role}:0", "{role}"])
def test_order_chooses_where_names_say_nothing(tmp_path: Path, pattern: str) -> None:
    weights = random_weights(NORM)
    numbers = {role: str(index) for index, role in enumerate(NORM.shapes)}
    path = write_legacy(tmp_path / "w.h5", weights, pattern=pattern, roles=numbers)
    assert_same(read_keras_weights(path, [NORM])[0], weights)


def test_order_fills_what_names_leave(tmp_path: Path) -> None:
    weights = random_weights(CONV)
    bias_first = {"conv1": dict(reversed(weights["conv1"].items()))}
    path = write_legacy(tmp_path / "w.h5", bias_first, roles={"kernel": "uniform1"})
    assert_same(read_keras_weights(path, [CONV])[0], weights)


@pytest.mark.parametrize("asked", ["kernel", "depthwise_kernel"])
@pytest.mark.parametrize("stored", ["kernel", "depthwise_kernel"])
def test_depthwise_kernel_by_either_name(tmp_path: Path, stored: str, asked: str) -> None:
    layer = LayerWeights("dw", "DepthwiseConv2D", {asked: (3, 5, 2, 4), "bias": (8,)})
    weights = random_weights(layer)
    path = write_legacy(tmp_path / "w.h5", weights, roles={asked: stored})
    assert_same(read_keras_weights(path, [layer])[0], weights)


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
    assert_same(read_keras_weights(path, [CONV, DENSE])[0], weights)


def test_split_attributes(tmp_path: Path) -> None:
    weights = random_weights(*ALL)
    path = write_legacy(tmp_path / "w.h5", weights)
    with h5py.File(path, "r+") as file:
        del file.attrs["layer_names"], file["bn"].attrs["weight_names"]
        file.attrs["layer_names0"] = [b"conv1"]
        file.attrs["layer_names1"] = [b"bn", b"fc"]
        for index, role in enumerate(NORM.shapes):
            file["bn"].attrs[f"weight_names{index}"] = [f"bn/{role}:0".encode()]
    assert_same(read_keras_weights(path, ALL)[0], weights)


def test_layers_without_weights_are_not_asked_for_nor_unexpected(tmp_path: Path) -> None:
    weights = random_weights(CONV)
    path = write_legacy(tmp_path / "w.h5", {"input": {}, **weights, "pool": {}})
    found, receipt = read_keras_weights(path, [CONV, LayerWeights("flatten", "Flatten", {})])
    assert_same(found, weights)
    assert (receipt.missing, receipt.unexpected, receipt.left_out) == ((), (), ())


def test_arrays_of_no_layer_are_unexpected(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", random_weights(CONV))
    with h5py.File(path, "r+") as file:
        group = file.create_group("top_level_model_weights")
        group.attrs["weight_names"] = [b"scale:0"]
    with pytest.raises(WeightsError, match="unexpected layers: top_level_model_weights"):
        read_keras_weights(path, [CONV])


def test_layer_names_with_slashes(tmp_path: Path) -> None:
    layer = LayerWeights("fire2/squeeze1x1", "Conv2D", CONV.shapes)
    path = write_legacy(tmp_path / "w.h5", random_weights(layer), pattern="{layer}_{role}", roles={"bias": "b"})
    assert_same(read_keras_weights(path, [layer])[0], random_weights(layer))


def test_layer_that_two_models_share_goes_by_the_first(tmp_path: Path) -> None:
    """Keras writes it with each of them; a file where they differ is read as the first says."""
    models = tuple(LayerWeights(name, "Functional", {}, layers=(CONV,)) for name in ("first", "second"))
    path, weights = tmp_path / "w.h5", random_weights(CONV)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"first", b"second"]
        for factor, model in enumerate(models, start=1):
            group = file.create_group(model.name)
            group.attrs["weight_names"] = [b"conv1/kernel:0", b"conv1/bias:0"]
            for role, array in weights["conv1"].items():
                group[f"conv1/{role}:0"] = factor * array
    assert_same(read_keras_weights(path, models)[0], weights)
