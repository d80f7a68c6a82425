"""What is done to stored arrays so that they become the model's, and that the receipt says so."""

from pathlib import Path

import numpy as np
import pytest
from keras_files import CONV, DENSE, KERAS_1, assert_same, random_weights, write_legacy

from convlab.files.keras.weights import LayerWeights, read_weights


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
