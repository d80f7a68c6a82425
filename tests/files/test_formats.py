"""The formats of weight files: one more is an object and its place in the list, and all that asks follows."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.cli import main
from convlab.errors import WeightsError
from convlab.files import formats
from convlab.files.registry import bundled_path, lookup
from convlab.storage.tensors import Format, StateDict, Tensor
from support.files.whole_models import write_keras

TOLD = "expected PyTorch weights: .safetensors, .npz, a state_dict (.pt, .pth), or a toy (.toy, .plaything)"


@contextmanager
def open_toy(path: Path) -> Iterator[StateDict]:
    """Open lines of a tensor each, NAME SHAPE NUMBERS: "fc.bias 3 1.0,2.0,3.0"."""
    _, *lines = path.read_text().splitlines()
    tensors = {}
    for line in lines:
        name, sides, numbers = line.split(" ")
        shape = tuple(map(int, sides.split("x")))
        values = np.array(numbers.split(","), np.float32).reshape(shape)
        tensors[name] = Tensor(name, shape, "float32", partial(np.copy, values))
    yield StateDict("a toy", tensors, ordered=True)


TOY = Format(
    "a toy (.toy, .plaything)", (".toy", ".plaything"), lambda start: start.head.startswith(b"TOY"), open_toy
)


@pytest.fixture(autouse=True)
def one_format_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, TOY))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write_keras(tmp_path / "net.keras")


def random_state() -> dict[str, np.ndarray]:
    """Return weights for the network, as PyTorch has them."""
    rng = np.random.default_rng(3)
    shapes = {"conv1.weight": (4, 2, 3, 5), "conv1.bias": (4,), "fc.weight": (7, 40), "fc.bias": (7,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def write_toy(path: Path, state: dict[str, np.ndarray]) -> Path:
    lines = (
        f"{name} {'x'.join(map(str, array.shape))} {','.join(map(str, array.ravel().tolist()))}"
        for name, array in state.items()
    )
    path.write_text("\n".join(["TOY", *lines]))
    return path


@pytest.mark.parametrize("name", ["w.toy", "w.PLAYTHING", "bare"])
def test_weights_come_from_a_file_of_a_new_format(name: str, network: Path, tmp_path: Path) -> None:
    state = random_state()
    np.savez(tmp_path / "w.npz", **state)
    expected, model = (
        convlab.load(network, weights=path) for path in (tmp_path / "w.npz", write_toy(tmp_path / name, state))
    )
    for layer in expected.layers:
        for role, array in layer.weights.items():
            np.testing.assert_array_equal(model[layer.name].weights[role], array)
    assert (model.receipt.values, model.receipt.layout.partition(",")[0]) == (4 * 2 * 15 + 4 + 7 * 40 + 7, "a toy")


def test_a_network_of_the_zoo_takes_them_too(tmp_path: Path) -> None:
    given = convlab.load("lenet5", weights=1)
    state = {
        f"{layer.name}.{'weight' if role == 'kernel' else role}": array.transpose(
            *(range(array.ndim)[::-1] if array.ndim < 4 else (3, 2, 0, 1))
        )
        for layer in given.layers
        for role, array in layer.weights.items()
    }
    model = convlab.load("lenet5", weights=write_toy(tmp_path / "w.toy", state))
    np.testing.assert_array_equal(model["conv2"].weights["kernel"], given["conv2"].weights["kernel"])


@pytest.mark.parametrize("name", ["w.toy", "w.pt"])
def test_messages_tell_of_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("something else")
    with pytest.raises(WeightsError, match=f"^{re.escape(f'{path}: this is something that')}.*; {re.escape(TOLD)}$"):
        convlab.load("lenet5", weights=path)


def test_the_command_knows_that_it_has_no_architecture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(write_toy(tmp_path / "bare", random_state())), str(tmp_path / "out.h5")]) == 1
    assert "weights of PyTorch do not tell the architecture" in capsys.readouterr().err


def test_a_network_of_the_zoo_takes_weights_out_of_an_archive_of_keras(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(bundled_path(lookup("lenet5")), "model.weights.h5")
    model = convlab.load("lenet5", weights=tmp_path / "net.keras")
    expected = convlab.load("lenet5")
    np.testing.assert_array_equal(model["fc3"].weights["kernel"], expected["fc3"].weights["kernel"])
    assert model.receipt.file == str(tmp_path / "net.keras")
