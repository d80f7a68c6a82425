"""Names of classes: from a file, given, or guessed; and what is no list of names."""

import json

import pytest

import convlab
from convlab import FileError, ShapeError
from convlab.files.labels import LARGEST, guess_labels, read_labels
from convlab.layers import Conv2D, Dense, Flatten
from convlab.model.model import Model


@pytest.mark.parametrize(
    ("name", "text", "names"),
    [
        ("a.txt", "cat\ndog\n", ["cat", "dog"]),
        ("a.txt", "0 cat\n1 polar bear\n", ["cat", "polar bear"]),
        ("a.txt", "0: cat\r\n1: dog", ["cat", "dog"]),
        ("a.txt", "7 up\n1 dog", ["7 up", "1 dog"]),
        ("a.txt", "\ufeffKatze\nBär", ["Katze", "Bär"]),
        ("a.json", '["cat", "dog"]', ["cat", "dog"]),
        ("a.json", '{"1": "dog", "0": "cat"}', ["cat", "dog"]),
        (
            "a.json",
            '{"0": ["n01440764", "great_white"], "1": ["n01443537", "goldfish"]}',
            ["great white", "goldfish"],
        ),
    ],
)
def test_a_file_of_names(tmp_path, name, text, names):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert list(read_labels(tmp_path / name)) == names


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.txt", None, "none.txt: the labels cannot be read .No such file"),
        ("a.txt", b"\xff\xfe\x00", "this is no text"),
        ("a.txt", b"", "there are no labels in it; expected one in each line"),
        ("a.json", b"[1, 2]", r'expected \["cat", "dog", ...\] or \{"0": "cat"'),
        ("a.json", b'{"0": "cat", "2": "dog"}', "expected"),
        ("a.json", b"{", "the labels cannot be read"),
        ("a.json", b"[[[1]]]", "expected"),
        ("a.txt", b"x" * (LARGEST + 1), "more than 16 MiB"),
    ],
)
def test_what_holds_no_names_is_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_labels(tmp_path / name)


def test_labels_are_given_to_load(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps([f"class {i}" for i in range(10)]))
    for labels in (path, str(path), [f"class {i}" for i in range(10)]):
        model = convlab.load("lenet5", weights=0, labels=labels)
        assert (model.labels[9], model.labels_assumed) == ("class 9", False)
    with pytest.raises(ShapeError, match=r"model 'lenet5': 2 labels for an output of \(10,\)"):
        convlab.load("lenet5", weights=0, labels=["a", "b"])


def classifier(classes, shape=(4, 4, 3), labels=None, activation="softmax"):
    layers = [Conv2D("c", 2, 3), Flatten("f"), Dense("d", classes, activation)]
    return Model.sequential("m", shape, layers, labels=labels)


def test_a_thousand_classes_of_coloured_pictures_are_taken_for_imagenets():
    model = classifier(1000)
    guess_labels(model)
    assert (model.labels[0], model.labels[999]) == ("tench", "toilet tissue")
    assert "names of the classes: ImageNet's, a guess from their number" in model.notes


@pytest.mark.parametrize(
    "model",
    [
        classifier(999),
        classifier(1000, (4, 4, 1)),
        classifier(2, labels=["a", "b"]),
        classifier(1000, activation="relu"),  # features, or quantities
        classifier(1000, activation="tanh"),
    ],
)
def test_nothing_else_is(model):
    labels = model.labels
    guess_labels(model)
    assert (model.labels, model.labels_assumed) == (labels, False)


def test_two_names_for_one_unit():
    model = Model.sequential("m", (2, 2, 1), [Flatten("f"), Dense("d", 1, "sigmoid")], labels=["cat", "dog"])
    assert model.labels == ("cat", "dog")
