"""What is done to stored arrays so that they become the model's, and that the receipt says so."""

import json
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.cli import main
from convlab.errors import WeightsError
from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from support.files.keras_files import CONV, DENSE, KERAS_1, assert_same, random_weights, write_legacy


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
    found, receipt = read_keras_weights(path, [CONV, DENSE])
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
    assert_same(read_keras_weights(path, [CONV])[0], weights)


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
    found, receipt = read_keras_weights(path, [CONV, dense], layout="OIHW")
    assert_same(found, weights)
    assert receipt.rows[0].transform == "OIHW -> HWIO, rotated 180 degrees (Theano)"
    assert receipt.rows[2].transform == "rows CHW -> HWC"


@pytest.fixture
def unsaid(tmp_path: Path) -> Path:
    """A file with channels first whose names are TensorFlow's and that names no backend, as converted ones are."""
    weights = random_weights(CONV)
    stored = {"conv1": {**weights["conv1"], "kernel": weights["conv1"]["kernel"].transpose(3, 2, 0, 1)}}
    return write_legacy(tmp_path / "w.h5", stored)


@pytest.mark.parametrize(
    ("layout", "backend", "turned", "told"),
    [
        ("OIHW-theano", None, True, "theano (told by layout)"),
        ("OIHW-tensorflow", None, False, "tensorflow (told by layout)"),
        ("OIHW-tensorflow", "theano", False, "tensorflow (told by layout)"),
        ("OIHW", "theano", True, "theano (told by the architecture)"),
        ("OIHW", "tensorflow", False, "tensorflow (told by the architecture)"),
    ],
)
def test_who_wrote_the_kernels_may_be_said(
    unsaid: Path, layout: str, backend: str | None, turned: bool, told: str
) -> None:
    kernel = random_weights(CONV)["conv1"]["kernel"]
    found, receipt = read_keras_weights(unsaid, [CONV], layout=layout, backend=backend)
    np.testing.assert_array_equal(found["conv1"]["kernel"], np.rot90(kernel, 2) if turned else kernel)
    assert receipt.layout.endswith(f"backend {told}")


def test_where_nobody_says_who_wrote_the_kernels_both_are_offered(unsaid: Path) -> None:
    with pytest.raises(WeightsError) as error:
        read_keras_weights(unsaid, [CONV], layout="OIHW")
    assert str(error.value) == (
        f"{unsaid}: its kernels are OIHW, and neither it nor the architecture says who wrote them: Theano's are"
        " turned by 180 degrees; pass layout='OIHW-theano' to turn them back ('th kernels'),"
        " layout='OIHW-tensorflow' to take them as they are ('tf kernels')"
    )


def test_what_theano_never_turned_needs_no_answer(tmp_path: Path) -> None:
    weights = random_weights(DENSE)
    path = write_legacy(tmp_path / "w.h5", weights)
    assert_same(read_keras_weights(path, [DENSE], layout="OIHW")[0], weights)


@pytest.mark.parametrize("file_says", ["tensorflow", None])
def test_a_topology_of_theano_is_asked_where_the_file_is_silent(file_says: str | None, tmp_path: Path) -> None:
    """With channels last too: Theano turns kernels in whatever order their axes are."""
    kernel = np.random.default_rng(0).normal(size=(3, 2, 1, 4)).astype(np.float32)
    options = {"name": "conv1", "filters": 4, "kernel_size": [3, 2], "batch_input_shape": [None, 7, 6, 1]}
    config = {"class_name": "Sequential", "config": [{"class_name": "Conv2D", "config": options}]}
    (tmp_path / "net.json").write_text(json.dumps({**config, "backend": "theano", "keras_version": "2.0.4"}))
    weights = {"conv1": {"kernel": kernel, "bias": np.zeros(4, np.float32)}}
    said = {"backend": file_says} if file_says else {}
    path = write_legacy(tmp_path / "w.h5", weights, pattern="{layer}/{role}", **said)
    model = convlab.load(path, topology=tmp_path / "net.json")
    expected = kernel if file_says else kernel[::-1, ::-1]
    np.testing.assert_array_equal(model["conv1"].weights["kernel"], expected)
    other = convlab.load(path, topology=tmp_path / "net.json", layout="HWIO-tensorflow")
    np.testing.assert_array_equal(other["conv1"].weights["kernel"], kernel)


def test_the_command_takes_the_layout(unsaid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"name": "conv1", "filters": 4, "kernel_size": [3, 5], "batch_input_shape": [None, 7, 6, 2]}
    config = {"class_name": "Sequential", "config": [{"class_name": "Conv2D", "config": options}]}
    topology = unsaid.with_suffix(".json")
    topology.write_text(json.dumps(config))
    out = unsaid.with_name("out.h5")
    arguments = ["convert", str(unsaid), str(out), "--topology", str(topology)]
    assert main([*arguments, "--layout", "OIHW"]) == 1
    assert "pass --layout OIHW-theano to" in capsys.readouterr().err
    assert main([*arguments, "--layout", "OIHW-theano"]) == 0
    assert "OIHW -> HWIO, rotated 180 degrees (Theano)" in capsys.readouterr().out
    kernel = convlab.load(out, topology=topology)["conv1"].weights["kernel"]
    np.testing.assert_array_equal(kernel, np.rot90(random_weights(CONV)["conv1"]["kernel"], 2))


def test_dense_rows_stay_in_hwio_files(tmp_path: Path) -> None:
    dense = LayerWeights("fc", "Dense", DENSE.shapes, flattened=(2, 3, 4))
    path = write_legacy(tmp_path / "w.h5", random_weights(dense))
    assert_same(read_keras_weights(path, [dense])[0], random_weights(dense))
