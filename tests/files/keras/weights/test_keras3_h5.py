"""The layout of Keras 3, where layers go by a name, a counter of their class, or a key."""

from pathlib import Path

import h5py
import pytest

from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from support.files.keras_files import CONV, DENSE, NORM, assert_same, random_weights, write_keras3


def test_keras3_goes_by_the_layers_name(tmp_path: Path) -> None:
    first, second = CONV, LayerWeights("conv2", "Conv2D", CONV.shapes)
    weights = random_weights(first, second)
    path = write_keras3(tmp_path / "w.h5", weights, {"conv1": "conv2d_1", "conv2": "conv2d"})
    found, receipt = read_keras_weights(path, [first, second])
    assert_same(found, weights)
    assert receipt.layout == "Keras 3 weights HDF5"
    assert receipt.rows[0].path == "layers/conv2d_1/vars/0"


@pytest.mark.parametrize(
    ("layers", "keys"),
    [
        (
            [
                LayerWeights("z", "Conv2D", CONV.shapes),
                LayerWeights("y", "BatchNormalization", NORM.shapes),
                LayerWeights("x", "Conv2D", CONV.shapes),
            ],
            ["conv2d", "batch_normalization", "conv2d_1"],
        ),
        ([CONV], ["conv1"]),
        (
            [LayerWeights("conv2d_1", "Conv2D", CONV.shapes), LayerWeights("conv2d_2", "Conv2D", CONV.shapes)],
            ["conv2d_1", "conv2d_2"],
        ),
    ],
    ids=["each-class-is-counted", "no-counters-but-names", "names-that-look-like-counters"],
)
def test_keras3_without_names_goes_by_the_keys(tmp_path: Path, layers: list[LayerWeights], keys: list[str]) -> None:
    weights = random_weights(*layers)
    path = write_keras3(tmp_path / "w.h5", weights, dict(zip(weights, keys, strict=True)))
    with h5py.File(path, "r+") as file:
        for key in keys:
            del file[f"layers/{key}/vars"].attrs["name"]
    assert_same(read_keras_weights(path, layers)[0], weights)


def test_keras3_model_inside_a_model(tmp_path: Path) -> None:
    weights = random_weights(CONV, DENSE)
    path = write_keras3(tmp_path / "w.h5", weights, {"conv1": "conv2d", "fc": "dense"})
    with h5py.File(path, "r+") as file:
        file.move("layers/conv2d", "layers/sequential/layers/conv2d")
    found, receipt = read_keras_weights(path, [CONV, DENSE])
    assert_same(found, weights)
    assert receipt.rows[0].path == "layers/sequential/layers/conv2d/vars/0"


def test_keras3_more_than_ten_arrays_keep_their_order(tmp_path: Path) -> None:
    layer = LayerWeights("many", "Custom", {f"w{index}": (index + 1,) for index in range(12)})
    path = write_keras3(tmp_path / "w.h5", random_weights(layer), {"many": "custom"})
    assert_same(read_keras_weights(path, [layer])[0], random_weights(layer))
