"""`convlab compare`: exit status, text, JSON, and one line for what cannot be read."""

import json

import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.cli import main
from convlab.comparison.comparison import compare
from convlab.images.preprocessing import VGG


@pytest.fixture(scope="module")
def model():
    return convlab.load("lenet5")


@pytest.fixture(scope="module")
def acts(model):
    return model.run(np.random.default_rng(0).uniform(0, 1, (2, 28, 28, 1)).astype(np.float32))


@pytest.fixture
def ours(acts, tmp_path):
    acts.save(tmp_path / "ours.h5")
    return str(tmp_path / "ours.h5")


def theirs(tmp_path, acts, **changes):
    np.savez(tmp_path / "theirs.npz", **{**acts, "input": acts.input, **changes})
    return str(tmp_path / "theirs.npz")


def turned(model, acts):
    """Return conv2 as a true convolution computes it."""
    weights = model["conv2"].weights
    return convlab.conv2d(acts["pool1"], weights["kernel"][::-1, ::-1], weights["bias"])


def one_line(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("convlab: error: ")
    return line


def test_two_files_that_agree(acts, ours, tmp_path, capsys):
    path = theirs(tmp_path, acts)
    assert main(["compare", ours, path]) == 0
    out = capsys.readouterr().out
    assert out == f"{compare(ours, path)}\n"
    assert out.startswith("all 13 layers agree\n")


def test_two_files_that_differ(model, acts, ours, tmp_path, capsys):
    path = theirs(tmp_path, acts, conv2=turned(model, acts))
    assert main(["compare", ours, path]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("first layer that differs: conv2 (relative error ")
    assert captured.err == ""
    none = "  most guesses run the network, and none is at hand: "
    assert f"{none}give its file, or its name in the zoo, as A or B\n" in captured.out
    assert f"{none}compare a run of it, model.run(x), or give model=\n" in str(compare(ours, path))
    known = compare(ours, path, model=model)
    assert known.guesses and "none is at hand" not in str(known)
    assert "none is at hand" not in str(compare(ours, theirs(tmp_path, acts, relu1=acts["conv1"])))  # guessed without


def test_json(model, acts, ours, tmp_path, capsys):
    path = theirs(tmp_path, acts, conv2=turned(model, acts))
    assert main(["compare", ours, path, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["first"], found["agrees"], len(found["rows"])) == ("conv2", False, 14)
    assert main(["compare", ours, ours, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agrees"] is True


@pytest.mark.parametrize("order", [0, 1])
def test_a_network_is_run_on_the_input_of_the_other_side(order, model, acts, tmp_path, capsys):
    sides = ["lenet5", theirs(tmp_path, acts, conv2=turned(model, acts))]
    assert main(["compare", *sides[:: -1 if order else 1], "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["first"] == "conv2"
    assert found["guesses"][0]["name"] == "kernel turned"


def test_a_network_and_its_own_recording(ours, capsys):
    assert main(["compare", ours, "lenet5"]) == 0
    assert main(["compare", "lenet5", ours, "--weights", "3"]) == 1
    assert "first layer that differs: conv1" in capsys.readouterr().out


def test_a_network_on_a_picture(model, tmp_path, capsys):
    picture = tmp_path / "digit.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)).save(picture)
    acts = model.run(model.prepare(picture))
    np.savez(tmp_path / "layers.npz", **{"c1": np.moveaxis(acts["conv1"], -1, 1), "fc3": acts["fc3"]})
    names = tmp_path / "names.json"
    names.write_text('{"conv1": "c1"}')
    files = ["lenet5", str(tmp_path / "layers.npz"), "--image", str(picture), "--names", str(names)]
    assert main(["compare", *files]) == 0
    assert "conv1: the reference is called c1" in capsys.readouterr().out
    assert main(["compare", "lenet5", "lenet5", "--image", str(picture)]) == 0


@pytest.mark.slow
def test_values_before_activation_are_recorded_where_they_are_asked_for(tmp_path, capsys):
    model = convlab.load("vgg16", weights=0, include_top=False)
    x = VGG.apply(np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3)))
    acts = model.run(x, ["block1_conv1"], pre=True)
    np.savez(tmp_path / "a.npz", **{"input": acts.input, "linear": acts["block1_conv1/pre"]})
    (tmp_path / "names.json").write_text('{"block1_conv1/pre": "linear"}')
    files = ["vgg16", str(tmp_path / "a.npz"), "--names", str(tmp_path / "names.json")]
    assert main(["compare", *files, "--weights", "0", "--no-top"]) == 0
    out = capsys.readouterr().out
    assert "the 1 layer compared agrees" in out
    assert "block1_conv1/pre: the reference is called linear" in out


@pytest.mark.parametrize("order", [0, 1])
def test_an_input_of_another_name(order, acts, tmp_path, capsys):
    np.savez(tmp_path / "a.npz", image=np.moveaxis(acts.input, -1, 1), fc3=acts["fc3"])
    sides, names = ["lenet5", str(tmp_path / "a.npz")], {"input": "image"}
    if order:
        sides, names = sides[::-1], {"image": "input"}
    (tmp_path / "names.json").write_text(json.dumps(names))
    assert main(["compare", *sides, "--names", str(tmp_path / "names.json")]) == 0
    assert "all 1" not in capsys.readouterr().out


def test_a_tolerance(acts, ours, tmp_path, capsys):
    path = theirs(tmp_path, acts, fc3=acts["fc3"] * 1.001)
    assert main(["compare", ours, path]) == 1
    assert main(["compare", ours, path, "--tolerance", "0.01"]) == 0


def test_a_forced_layout(tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 4)).astype(np.float32)
    for name, array in (("a", x), ("b", np.moveaxis(x, -1, 1))):
        np.savez(tmp_path / f"{name}.npz", layer=array)
    files = [str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]
    assert main(["compare", *files]) == 1
    assert main(["compare", *files, "--channels-first"]) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"\xff{", "the names cannot be read"),
        (b"[" * 100_000, "the names cannot be read"),
        (b'["conv1"]', 'expected names as {"one name": "another", ...}'),
        (b'{"conv1": 3}', "expected names as"),
        (b'{"conv9": "conv1"}', "no recorded layer 'conv9'; did you mean 'conv"),
    ],
)
def test_names_that_cannot_be_read(content, message, ours, tmp_path, capsys):
    path = tmp_path / "names.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["compare", ours, ours, "--names", str(path)]) == 1
    assert message in one_line(capsys)


@pytest.mark.parametrize(
    ("a", "message"),
    [
        ("none.npz", "none.npz"),
        ("lenet6", "no network 'lenet6'; did you mean 'lenet5'"),
        (
            "lenet5",
            "holds no input to run 'lenet5' on (expected input (N, 28, 28, 1)): record it as 'input', or give",
        ),
        ("empty.h5", "empty.h5: not an HDF5 file but empty"),
        (".", "."),
        ("", ".: this is a folder that holds empty.h5: give one of them; expected"),
    ],
)
def test_what_cannot_be_compared_is_one_line(a, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.h5").touch()
    np.savez(tmp_path / "b.npz", conv1=np.ones((1, 28, 28, 6), np.float32))
    assert main(["compare", a, "b.npz"]) == 1
    assert message in one_line(capsys)


def test_two_networks_need_a_picture(capsys):
    assert main(["compare", "lenet5", "lenet5"]) == 1
    assert "A and B are both networks: give --image to run them on" in one_line(capsys)


def test_wrong_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["compare", "lenet5"])
    assert stop.value.code == 2
