"""`convlab attribute`: the numbers of the library, as pictures, as lines, as JSON."""

import json
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convlab
from convlab import attribution
from convlab.cli import attribute, main

PICTURES = Path(__file__).parents[2] / "weights/fashion_mnist"
SHIRT, BAG = str(PICTURES / "shirt.png"), str(PICTURES / "bag.png")


@pytest.fixture(scope="module")
def model():
    return convlab.load("lenet5")


@pytest.fixture
def shown(monkeypatch):
    """Return what was shown of the progress."""
    told = []

    @contextmanager
    def progress_shown(unit):
        yield lambda done, whole: told.append((unit, done, whole))

    monkeypatch.setattr(attribute, "progress_shown", progress_shown)
    return told


def described(arguments, capsys):
    assert main(["attribute", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_numbers_are_those_of_the_library(model, tmp_path, capsys):
    found = described(["grad_cam,gradient", "lenet5", SHIRT, BAG, "--class", "Coat", "--out", str(tmp_path)], capsys)
    expected = []
    for path in (SHIRT, BAG):
        acts = model.run(model.prepare(path))
        expected += [attribution.grad_cam(model, acts, "Coat"), attribution.gradient(model, acts, "Coat")]
    assert [one["method"] for one in found] == ["grad_cam", "gradient"] * 2
    assert [one["image"] for one in found] == [SHIRT] * 2 + [BAG] * 2
    for one, right in zip(found, expected, strict=True):
        assert one["target"] == "class 4 (Coat)"
        np.testing.assert_array_equal(np.float32(one["values"]), right.values)


@pytest.mark.parametrize(
    ("options", "target"),
    [([], "class 6 (Shirt)"), (["--class", "3"], "class 3 (Dress)"), (["--class", "Bag"], "Bag")],
)
def test_the_class_is_the_strongest_unless_it_is_named(tmp_path, capsys, options, target):
    (found,) = described(["gradient", "lenet5", SHIRT, "--out", str(tmp_path), *options], capsys)
    assert target in found["target"]


def test_each_image_has_a_picture_and_lines(tmp_path, capsys):
    assert (
        main(["attribute", "layer_cam", "lenet5", SHIRT, BAG, "--layer", "conv2", "--out", str(tmp_path / "in")]) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == SHIRT
    assert lines[1].startswith("  layer_cam of class 6 (Shirt), by conv2: 0 to ")
    for name in ("shirt", "bag"):
        path = tmp_path / "in" / f"{name}-layer_cam.png"
        assert f"  {path}" in lines
        with Image.open(path) as picture:
            assert picture.size[0] > 800


def test_a_layer_is_taken_as_run_takes_it_and_a_class_by_its_label(tmp_path, capsys):
    (tmp_path / "names.txt").write_text("\n".join("jacket" if i == 4 else f"class {i}" for i in range(10)))
    asked = ["--layer", "4", "--class", "jacket", "--labels", str(tmp_path / "names.txt"), "--out", str(tmp_path)]
    (found,) = described(["grad_cam", "lenet5", SHIRT, *asked], capsys)
    assert (found["layer"], found["target"]) == ("conv2", "class 4 (jacket)")


def test_random_weights_are_named(tmp_path, capsys):
    assert main(["attribute", "gradient", "lenet5", SHIRT, "--weights", "3", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"{SHIRT} (random weights)")


def test_preferred_inputs_of_some_channels(tmp_path, capsys):
    arguments = ["preferred_input", "lenet5", "--layer", "conv1", "--channels", "2:4", "--out", str(tmp_path)]
    found = described(arguments, capsys)
    assert [one["channel"] for one in found["channels"]] == [2, 3]
    assert all(one["end"] > one["start"] for one in found["channels"])
    assert Path(found["picture"]).stat().st_size > 1000


@pytest.mark.parametrize("wanted", ["Shirt", "6"])
def test_the_preferred_input_of_a_class(tmp_path, capsys, wanted):
    found = described(
        ["preferred_input", "lenet5", "--class", wanted, "--steps", "2", "--out", str(tmp_path)], capsys
    )
    assert (found["layer"], found["steps"]) == ("fc3", 2)
    assert [(one["channel"], one["name"]) for one in found["channels"]] == [(6, "Shirt")]


@pytest.mark.parametrize(
    ("method", "steps"), [("smoothgrad", 25), ("integrated_gradients", 64), ("occlusion", 49), ("gradient", None)]
)
def test_what_takes_long_shows_how_far_it_is(tmp_path, shown, method, steps):
    assert main(["attribute", method, "lenet5", SHIRT, "--out", str(tmp_path)]) == 0
    assert shown[-1:] == ([("step", steps, steps)] if steps else [])


@pytest.fixture
def folder(tmp_path):
    for name, pictures in {"Shirt": ["shirt", "coat"], "bag": ["bag"]}.items():
        (tmp_path / "clothes" / name).mkdir(parents=True)
        for picture in pictures:
            shutil.copy(PICTURES / f"{picture}.png", tmp_path / "clothes" / name)
    return tmp_path / "clothes"


def test_a_folder_gives_one_picture_and_a_line_for_each_class(model, folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["attribute", "grad_cam,gradient", "lenet5", str(folder), SHIRT, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{SHIRT}\n")
    for method in ("grad_cam", "gradient"):
        found = convlab.folder_attributions(model, folder, getattr(attribution, method))
        assert f"{found}\n  {out / f'clothes-{method}.png'}\n" in text
    names = ["clothes-grad_cam.png", "clothes-gradient.png", "shirt-grad_cam-gradient.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert all((out / name).stat().st_size > 10000 for name in names)


@pytest.mark.filterwarnings("always")
def test_a_folder_as_json_and_what_could_not_be_read(model, folder, tmp_path, capsys):
    (folder / "bag/broken.png").write_bytes(b"\x89PNG and then nothing")
    asked = ["--class", "4", "--layer", "conv2", "--fit", "crop", "--out", str(tmp_path / "out"), "--json"]
    assert main(["attribute", "layer_cam", "lenet5", str(folder), *asked]) == 3
    out, err = capsys.readouterr()
    assert "broken.png: not an image" in err and err.count("\n") == 1
    (told,) = json.loads(out)
    assert (told["images"], told["skipped"], list(told["classes"])) == (3, ["bag/broken.png"], ["Shirt", "bag"])
    assert Path(told["picture"]).is_file()
    with pytest.warns(UserWarning, match="broken"):
        expected = convlab.folder_attributions(model, folder, partial(attribution.layer_cam, layer="conv2"), 4)
    for name, mean in expected.classes.items():
        assert told["classes"][name]["values"] == mean.values.tolist()
        assert (told["classes"][name]["layer"], told["classes"][name]["target"]) == ("conv2", "class 4 (Coat)")


def test_a_folder_shows_how_many_pictures_are_done(folder, tmp_path, shown):
    assert main(["attribute", "gradient", "lenet5", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert shown == [("picture", 2, 3), ("picture", 3, 3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grad", "lenet5", SHIRT], "no method 'grad'; did you mean 'grad_cam'?"),
        ([",", "lenet5", SHIRT], "no method ''"),
        (["gradient", "lenet5"], "gradient needs an image"),
        (["gradient", "lenet5", SHIRT, "--channels", "3"], "takes no --channels"),
        (["gradient", "lenet5", SHIRT, "--layer", "conv1"], "--layer is for grad_cam"),
        (["preferred_input", "lenet5", SHIRT, "--layer", "conv1"], "takes --layer or --class, and no images"),
        (["preferred_input", "lenet5"], "takes --layer or --class, and no images"),
        (["preferred_input", "lenet5", "--class", "Shrt"], "no label 'Shrt'; did you mean 'Shirt'"),
        (["preferred_input", "lenet5", "--class", "Bag", "--channels", "1:"], "give it or --channels, not both"),
        (["gradient", "lenet5", SHIRT, "--steps", "3"], "takes no --channels and no --steps"),
        (["preferred_input,gradient", "lenet5", SHIRT, "--layer", "conv1"], "stands alone"),
        (["preferred_input", "lenet5", "--layer", "conv9"], "no layer 'conv9'"),
        (["preferred_input", "lenet5", "--layer", "Conv2D"], "'Conv2D' is 2 layers, conv1, conv2: give one of them"),
        (["preferred_input", "lenet5", "--layer", "conv1", "--channels", "9:"], "0 channels, expected at least 1"),
        (["gradient", "lenet5", SHIRT, "--class", "Shrt"], "no label 'Shrt'; did you mean 'Shirt'?"),
        (["gradient", "lenet5", SHIRT, "--class", "10"], "has classes 0 to 9, found 10"),
        (["gradient", "lenet5", SHIRT, "--out", SHIRT], "cannot be a folder"),
        (["gradient", "lenet5", "."], ".: no picture in it"),
        (["gradient", "lenet5", ".", "--span", "0", "1"], "--span is for matrices"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["attribute", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("convlab: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
