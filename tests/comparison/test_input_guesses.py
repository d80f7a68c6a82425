"""Each guess about the network's input is the true cause once: the pixels are prepared wrongly, and that is found."""

import numpy as np
import pytest

from convlab.comparison.comparison import compare
from convlab.images.preprocessing import UNIT_GREY, VGG, Preprocessing
from convlab.layers import Conv2D, MaxPooling2D
from support.comparison.torch_spelling import network, spelled

UNIT = Preprocessing("unit", "RGB", scale=1 / 255)
SIGNED = Preprocessing("signed", "RGB", mean=(127.5,) * 3, scale=1 / 127.5)


def net(preprocessing, shape=(9, 8, 3)):
    layers = (
        Conv2D("conv1", 5, 3, padding="same", activation="relu"),
        MaxPooling2D("pool", 2),
        Conv2D("conv2", 4, 3),
    )
    return network(shape, *layers, preprocessing=preprocessing)


def pixels(n=2, channels=3, size=(9, 8)):
    return np.random.default_rng(3).integers(0, 256, (n, *size, channels)).astype(np.float32)


def swapped(x):
    return np.ascontiguousarray(x[..., ::-1])


MEAN = np.array(VGG.mean, np.float32)  # BGR
TORCH_MEAN, TORCH_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

CASES = {
    "RGB instead of BGR": (VGG, lambda x: x[..., ::-1], "channels reversed", ""),
    "RGB, BGR's mean": (VGG, lambda x: (x + MEAN)[..., ::-1] - MEAN, "channels reversed", "before the mean"),
    "no mean": (VGG, lambda x: x + MEAN, "mean not subtracted", ""),
    "no mean, 0-1": (VGG, lambda x: (x + MEAN) / 255, "another range", "(0..1 pixels, no mean"),
    "no mean, -1..1": (VGG, lambda x: (x + MEAN) / 127.5 - 1, "another range", "(-1..1 pixels, no mean"),
    "0-1 minus the mean": (VGG, lambda x: (x + MEAN) / 255 - MEAN, "another range", "(0..1 pixels, the mean for"),
    "0-255": (UNIT, lambda x: x * 255, "another range", "(0..255 instead of 0..1)"),
    "-1..1": (UNIT, lambda x: x * 2 - 1, "another range", "(-1..1 instead of 0..1)"),
    "0-1": (SIGNED, lambda x: (x + 1) / 2, "another range", "(0..1"),
    "0-1, nothing known": (None, lambda x: x / 255, "another range", "(0..1 instead of 0..255)"),
    "-1..1, nothing known": (None, lambda x: x / 127.5 - 1, "another range", "(-1..1 instead of 0..255)"),
    "mean subtracted": (None, lambda x: x - MEAN, "mean subtracted", "103.939, 116.779, 123.68: ImageNet's, BGR"),
    "torchvision": (UNIT, lambda x: (x - TORCH_MEAN) / TORCH_STD, "torchvision normalised", ""),
    "torchvision for BGR": (
        VGG,
        lambda x: ((x + MEAN)[..., ::-1] / 255 - TORCH_MEAN) / TORCH_STD,
        "torchvision normalised",
        "",
    ),
    "0-1 and reversed": (None, lambda x: x[..., ::-1] / 255, "range and channels", "0..1 instead of 0..255"),
}


@pytest.mark.parametrize("recorded", ["input", "layers"])
@pytest.mark.parametrize("case", CASES)
def test_what_went_in(case, recorded):
    """Their first layer tells as much as their input, if they did not record that."""
    preprocessing, wrong, name, words = CASES[case]
    model = net(preprocessing)
    x = preprocessing.apply(pixels()) if preprocessing else pixels()
    x_wrong = np.ascontiguousarray(wrong(x)).astype(np.float32)
    theirs = spelled(model, x_wrong)
    if recorded == "input":
        theirs["input"] = x_wrong
    report = compare(model.run(x), theirs)
    assert report.first == ("input" if recorded == "input" else "conv1")
    assert report.guesses, str(report)
    assert (report.guesses[0].name, words in report.guesses[0].sentence) == (name, True), str(report)


def test_the_layers_before_the_last_need_not_be_recorded():
    model = net(VGG)
    x = VGG.apply(pixels())
    report = compare(model.run(x), {"conv2": spelled(model, swapped(x))["conv2"]})
    assert report.first == "conv2"
    assert [guess.name for guess in report.guesses] == ["channels reversed"]


def test_height_and_width_of_a_square_input():
    model = net(None, (8, 8, 3))
    x = pixels(size=(8, 8))
    report = compare(model.run(x), spelled(model, np.ascontiguousarray(x.swapaxes(1, 2))))
    assert report.first == "conv1"
    assert report.guesses[0].name == "height and width swapped"
    assert "the input's" in report.guesses[0].sentence


def test_height_and_width_of_an_oblong_input():
    model = net(None)
    x = pixels()
    theirs = spelled(model, x) | {"input": np.ascontiguousarray(x.swapaxes(1, 2))}
    report = compare(model.run(x), theirs)
    assert report.first == "input"
    assert report.guesses[0].name == "height and width swapped"
    assert "shape (2, 9, 8, 3), reference (2, 8, 9, 3)" in str(report).splitlines()[0]


def test_an_input_recorded_before_preparation_is_told_from_a_wrong_one():
    model = net(VGG)
    x = VGG.apply(pixels())
    report = compare(model.run(x), spelled(model, x) | {"input": x + MEAN})
    assert report.first == "input"
    assert report.guesses[0].name == "mean not subtracted"
    assert "all 3 after it agree: only what was recorded there differs" in str(report)


def test_two_runs_of_one_network_are_explained_from_the_first():
    model = net(None)
    x = pixels()
    report = compare(model.run(x), model.run(x / 255))
    assert report.first == "input"
    assert "(0..1 instead of 0..255)" in report.guesses[0].sentence


def test_grey_images():
    model = net(UNIT_GREY, (9, 8, 1))
    x = UNIT_GREY.apply(pixels(channels=1))
    report = compare(model.run(x), spelled(model, x * 255))
    assert report.first == "conv1"
    assert (report.guesses[0].name, len(report.guesses)) == ("another range", 1)


def test_images_mixed_up_before_the_network():
    model = net(UNIT)
    x = UNIT.apply(pixels(3))
    report = compare(model.run(x), spelled(model, x[[1, 2, 0]]) | {"input": x[[1, 2, 0]]})
    assert report.first == "input"
    assert report.guesses[0].name == "batch mixed up"


def test_an_agreeing_input_is_not_to_blame():
    """The kernel, or the first lines of forward: what goes in agrees, what the first layer makes does not."""
    model = net(VGG)
    x = VGG.apply(pixels())
    theirs = spelled(model, swapped(x))
    report = compare(model.run(x), theirs | {"input": x})
    assert report.first == "conv1"
    inside = ", inside the network (its code or the kernel)"
    assert report.guesses[0].sentence == f"the input's channels are reversed (RGB/BGR){inside}"
    unknown = compare(model.run(x), theirs)
    assert report.guesses[0].sentence == unknown.guesses[0].sentence + inside
