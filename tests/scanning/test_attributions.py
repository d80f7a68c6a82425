"""Mean attributions over folders: the mean of what each picture alone gives, class by class, in one pass."""

import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convlab
from convlab import attribution
from convlab.errors import ImageError, LayerNameError, ShapeError, UnsupportedError
from convlab.layers import Activation, Conv2D, Dense, Flatten
from convlab.model.initialise import randomise
from convlab.model.model import Model
from support.closeness import assert_close, gamma

CLOTHES = Path(__file__).parents[2] / "weights/fashion_mnist"
LABELS = {"ankle_boot": "Ankle boot", "Shirt": "Shirt", "t-shirt TOP": "T-shirt/top"}


def fill(folder, picture, count=5):
    """Write a picture some times, shifted, so that none is like another."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.asarray(Image.open(CLOTHES / f"{picture}.png"))
    for i in range(count):
        Image.fromarray(np.roll(pixels, (i - 2, 3 - 2 * i), (0, 1))).save(folder / f"{i}.png")


@pytest.fixture(scope="module")
def model():
    return convlab.load("lenet5")


@pytest.fixture
def folder(tmp_path):
    for name, picture in zip(LABELS, ("ankle_boot", "shirt", "t_shirt_top"), strict=True):
        fill(tmp_path / "clothes" / name, picture)
    return tmp_path / "clothes"


def alone(model, paths, target, method=attribution.grad_cam, size=1):
    """Return the attributions of pictures, computed some at a time, and what the network was given."""
    inputs = [model.prepare([str(path) for path in paths[i : i + size]]) for i in range(0, len(paths), size)]
    values = [method(model, model.run(x), target).values for x in inputs]
    return np.concatenate(values).astype(np.float64), np.concatenate(inputs).astype(np.float64)


def check(found, values, label=""):
    """Compare with NumPy's mean and deviation of values (N, ...): only sums are rounded, in float64."""
    rounding = 2 * gamma(len(values) + 20, np.float64) * np.abs(values).max(axis=0, keepdims=True)
    assert_close(found.values, values.mean(axis=0, keepdims=True), rounding, label)
    assert_close(found.deviations, values.std(axis=0, keepdims=True), 4 * rounding, label)


@pytest.mark.parametrize("size", [1, 2, 8])
@pytest.mark.parametrize("method", [attribution.grad_cam, attribution.input_times_gradient])
def test_it_is_the_mean_of_the_attributions_of_each_picture(model, folder, method, size):
    found = convlab.folder_attributions(model, folder, method, batch=size)
    assert list(found.classes) == ["Shirt", "ankle_boot", "t-shirt TOP"]
    assert (found.images, found.skipped) == (15, ())
    for name, mean in found.classes.items():
        values, inputs = alone(model, sorted((folder / name).iterdir()), LABELS[name], method, size)
        check(mean, values, name)
        assert mean.count == 5
        assert_close(mean.acts.input, inputs.mean(axis=0, keepdims=True), gamma(25, np.float64) * np.ones(1), name)
        assert mean.target.endswith(f"({LABELS[name]})")


def test_a_folder_that_no_label_names_asks_for_each_pictures_most_probable_class(model, tmp_path):
    fill(tmp_path / "things", "shirt", 3)
    fill(tmp_path / "things/more", "bag", 0)  # an empty folder beside pictures is nobody's class
    (tmp_path / "things/9.png").write_bytes((CLOTHES / "bag.png").read_bytes())
    found = convlab.folder_attributions(model, tmp_path / "things", attribution.grad_cam)
    (mean,) = found.classes.values()
    assert list(found.classes) == ["things"]
    paths = sorted((tmp_path / "things").glob("*.png"))
    best = [model.run(model.prepare(path)).top(1)[0][0] for path in paths]
    assert len(set(best)) > 1
    assert {name.split("(")[1][:-1]: count for name, count in mean.targets.items()} == {
        label: best.count(label) for label in best
    }
    one, other, *rest = sorted(mean.targets.items(), key=lambda each: -each[1])
    assert mean.target == f"{one[0]} of {one[1]}, {other[0]} of {other[1]}{' and 1 more' if rest else ''}"
    values = np.concatenate([alone(model, [path], label)[0] for path, label in zip(paths, best, strict=True)])
    np.testing.assert_allclose(mean.values[0], values.mean(axis=0), atol=1e-5 * np.abs(values).max())


def test_one_number_can_be_asked_for_all(model, folder):
    found = convlab.folder_attributions(model, folder, attribution.gradient, ("conv2", 7))
    assert {mean.target for mean in found.classes.values()} == {"the mean of channel 7 of conv2"}
    by_label = convlab.folder_attributions(model, folder, partial(attribution.grad_cam, layer="conv2"), "Coat")
    assert {(mean.target, mean.layer) for mean in by_label.classes.values()} == {("class 4 (Coat)", "conv2")}


@pytest.mark.parametrize(
    ("labels", "name", "number"),
    [
        (("cat", "dog"), "dog", 1),
        (("cat", "Dog", "dog"), "dog", 2),
        (("cat", "Dog", "dog!"), "DOG", None),  # which?
        (("crane", "owl", "crane"), "crane", None),
        (("cat", "dog"), "dogs", None),
        (("?", "dog"), "-", None),
        (None, "dog", None),
    ],
)
def test_a_folder_is_called_by_a_label(labels, name, number, tmp_path):
    layers = [Conv2D("c", 2, 3), Flatten("f"), Dense("d", len(labels or "ab")), Activation("s", "softmax")]
    model = Model.sequential(
        "m", (6, 6, 1), layers, labels=labels, preprocessing=convlab.load("lenet5", weights=1).preprocessing
    )
    randomise(model, 0)
    fill(tmp_path / name, "shirt", 3)
    asked = []

    def method(model, acts, target):
        asked.append(target)
        return attribution.gradient(model, acts, target)

    convlab.folder_attributions(model, tmp_path, method)
    if number is None:
        assert sorted(asked) == sorted(
            set(model.run(model.prepare([*map(str, (tmp_path / name).iterdir())])).output.argmax(1))
        )
    else:
        assert asked == [number]


def test_of_one_sigmoid_the_more_probable_class_is_asked_for(tmp_path):
    model = Model.sequential("m", (6, 6, 1), [Flatten("f"), Dense("d", 1, "sigmoid")])
    model.preprocessing = convlab.load("lenet5", weights=1).preprocessing
    for i, grey in enumerate((10, 120, 137)):
        Image.new("L", (6, 6), grey).save(tmp_path / f"{i}.png")
    model["d"].set_weights(kernel=np.ones((36, 1)), bias=np.array([-18.0]))
    (mean,) = convlab.folder_attributions(model, tmp_path, attribution.gradient).classes.values()
    assert mean.targets == {"class 0": 2, "class 1": 1}
    np.testing.assert_allclose(mean.values, -1 / 3, rtol=1e-6)  # the mean of -1, -1 and 1


def test_a_broken_picture_is_left_out_and_named(model, folder):
    whole = convlab.folder_attributions(model, folder, attribution.grad_cam, batch=1)
    (folder / "Shirt/2x.png").write_bytes(b"\x89PNG and then nothing")
    (folder / "void").mkdir()
    (folder / ".hidden").mkdir()
    with pytest.warns(UserWarning) as warned:
        found = convlab.folder_attributions(model, folder, attribution.grad_cam, batch=1)
    told = [str(one.message) for one in warned]
    assert told[0] == f"{folder / 'void'}: no picture in it; it is left out"
    assert told[1].startswith(f"{folder / 'Shirt/2x.png'}: not an image") and len(told) == 2
    assert found.skipped == (str(Path("Shirt/2x.png")),)
    assert found.images == 15 and list(found.classes) == list(whole.classes)
    for name, mean in found.classes.items():
        np.testing.assert_array_equal(mean.values, whole.classes[name].values)
        np.testing.assert_array_equal(mean.deviations, whole.classes[name].deviations)


def test_a_class_of_broken_pictures_alone_has_no_mean(model, folder):
    (folder / "worn").mkdir()
    (folder / "worn/a.png").write_bytes(b"")
    told = []
    with pytest.warns(UserWarning, match=r"a\.png"):
        found = convlab.folder_attributions(
            model, folder, attribution.grad_cam, batch=3, progress=lambda *now: told.append(now)
        )
    assert "worn" not in found.classes and found.skipped == (str(Path("worn/a.png")),)
    assert told == [(n, 16) for n in (3, 5, 8, 10, 13, 15, 16)]


def test_folders_without_pictures_are_named(model, folder, tmp_path):
    cam = attribution.grad_cam
    with pytest.raises(ImageError, match=r"nowhere: no such folder$"):
        convlab.folder_attributions(model, tmp_path / "nowhere", cam)
    (tmp_path / "empty/inner").mkdir(parents=True)
    with pytest.raises(ImageError, match=r"empty: no picture in it \(\.bmp"):
        convlab.folder_attributions(model, tmp_path / "empty", cam)
    (folder / "z.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"z\.png lies beside Shirt, a folder of pictures; expected folders"):
        convlab.folder_attributions(model, folder, cam)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/a.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="empty"), pytest.raises(ImageError, match="1 picture, none of"):
        convlab.folder_attributions(model, tmp_path / "broken", cam)


def test_wrong_requests_are_named(model, folder):
    with pytest.raises(ShapeError, match="folder_attributions: batch is 0, expected at least 1"):
        convlab.folder_attributions(model, folder, attribution.grad_cam, batch=0)
    with pytest.raises(LayerNameError, match="no label 'Shrt'; did you mean 'Shirt'"):
        convlab.folder_attributions(model, folder, attribution.grad_cam, "Shrt")
    maps = Model.sequential("maps", (28, 28, 1), [Conv2D("c", 2, 3)], preprocessing=model.preprocessing)
    randomise(maps, 0)
    with pytest.raises(ShapeError, match=r"the output is \(26, 26, 2\), no scores of classes: give target="):
        convlab.folder_attributions(maps, folder, attribution.gradient)


def test_memory_does_not_grow_with_the_folder(model, tmp_path):
    def peak(count):
        fill(tmp_path / str(count) / "shirt", "shirt", count)
        convlab.folder_attributions(model, tmp_path / str(count), attribution.grad_cam, batch=2)  # what is prepared
        tracemalloc.start()
        convlab.folder_attributions(model, tmp_path / str(count), attribution.grad_cam, batch=2)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    one = sum(array.nbytes for array in model.run(np.zeros((1, 28, 28, 1), np.float32)).values())
    assert peak(40) - peak(4) < one  # 36 pictures more: not even the activations of one of them


def test_the_table_has_a_line_for_each_class(model, folder):
    found = convlab.folder_attributions(model, folder, attribution.grad_cam)
    lines = str(found).splitlines()
    assert lines[0] == f"lenet5: the mean grad_cam, by relu2, over 15 pictures of {folder}"
    mean = found.classes["Shirt"]
    numbers = [f"{n:.4g}" for n in (mean.values.min(), mean.values.max(), mean.deviations.max())]
    assert lines[3].split() == ["Shirt", "5", *numbers, "class", "6", "(Shirt)"]
    assert len(lines) == 6
    assert "<td" in found._repr_html_()
    assert repr(found) == "<FolderAttributions of lenet5 over 15 pictures: 3 classes>"
    assert repr(mean).endswith("in lenet5, by relu2: (1, 10, 10), the mean over 5 pictures>")


def test_a_method_may_be_given_by_its_name(model, folder):
    found, expected = (convlab.folder_attributions(model, folder, how) for how in ("gradient", attribution.gradient))
    np.testing.assert_array_equal(found.classes["Shirt"].values, expected.classes["Shirt"].values)
    for method in ("grad_cm", "preferred_input", None):
        with pytest.raises(UnsupportedError, match=f"no method {method!r}"):
            convlab.folder_attributions(model, folder, method)


def test_pictures_of_several_classes_are_run_once(model, tmp_path, monkeypatch):
    for picture in ("shirt", "bag", "ankle_boot"):
        fill(tmp_path / "loose" / picture, picture, 2)
        for one in (tmp_path / "loose" / picture).iterdir():
            one.rename(tmp_path / "loose" / f"{picture}{one.name}")
        (tmp_path / "loose" / picture).rmdir()
    ran, run = [], Model.run
    monkeypatch.setattr(Model, "run", lambda model, *x, **options: ran.append(1) or run(model, *x, **options))
    found = convlab.folder_attributions(model, tmp_path / "loose", "gradient", batch=6)
    assert (len(ran), len(found.classes["loose"].targets)) == (1, 3)
