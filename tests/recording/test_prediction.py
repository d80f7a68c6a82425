"""What outputs are said to be: probabilities only where they are some."""

import numpy as np
import pytest

import convlab
from convlab.cli.options import table
from convlab.layers import Activation, Conv2D, Dense, Flatten, Softmax
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.recording.activations import Activations

THREE = ("cat", "dog", "fox")


def recorded(outputs, functions, labels=None):
    arrays = {name: np.array([values], np.float32) for name, values in outputs.items()}
    image = {"input": np.zeros((1, 4, 3, 1), np.float32)}
    return Activations({}, {}, image, arrays, "toy", labels=labels, functions=functions)


@pytest.mark.parametrize(
    ("values", "function", "labels", "meaning", "scores", "lines"),
    [
        ([0.2, 0.7, 0.1], "softmax", THREE, "probabilities", [("dog", 0.7), ("cat", 0.2)],
         ["   70.0%  dog", "   20.0%  cat"]),
        ([0.2, 0.7, 0.1], "softmax", None, "probabilities", [("1", 0.7), ("0", 0.2)],
         ["   70.0%  1", "   20.0%  0"]),
        ([0.495], "sigmoid", None, "the probability of class 1", [("1", 0.495)],
         ["  y: the probability of class 1", "   49.5%  1"]),
        ([0.495], "sigmoid", ("cat", "dog"), "the probability of class 1", [("dog", 0.495)],
         ["  y: the probability of class 1", "   49.5%  dog"]),
        ([0.9, 0.8, 0.1], "sigmoid", THREE, "a probability for each class by itself", [("cat", 0.9), ("dog", 0.8)],
         ["  y: a probability for each class by itself", "   90.0%  cat", "   80.0%  dog"]),
        ([2.621, 0, 1], "relu", THREE, "values", [("cat", 2.621), ("fox", 1.0)],
         ["  y: values", "   2.621  cat", "       1  fox"]),
        ([2.5, -1, 0], "linear", None, "values", [("0", 2.5), ("2", 0.0)],
         ["  y: values", "     2.5  0", "       0  2"]),
        ([0, np.log(3), -np.inf], "linear", THREE, "softmax of the output", [("dog", 0.75), ("cat", 0.25)],
         ["  y: softmax of the output", "   75.0%  dog", "   25.0%  cat"]),
        ([0.25], "linear", None, "values", [("0", 0.25)], ["  y: values", "    0.25  0"]),
    ],
)  # fmt: skip
def test_an_output_is_called_what_it_is(values, function, labels, meaning, scores, lines):
    (found,) = recorded({"y": values}, {"y": function}, labels).predictions(2)
    assert (found.meaning, found.shape) == (meaning, (len(values),))
    assert [name for name, _ in found.scores] == [name for name, _ in scores]
    np.testing.assert_allclose([score for _, score in found.scores], [score for _, score in scores], rtol=1e-6)
    assert table([found]) == lines


def test_every_output_is_told_of():
    acts = recorded({"map": np.zeros((2, 3, 4)), "age": [31.5]}, {"map": "sigmoid"})
    assert table(acts.predictions()) == ["  map: 2 x 3 x 4 numbers", "  age: values", "    31.5  0"]


def network(*last):
    layers = [Conv2D("c", 2, 2), Flatten("f"), *last]
    model = Model.sequential("m", (3, 4, 1), layers)
    randomise(model, 0)
    return model


@pytest.mark.parametrize(
    ("last", "meaning"),
    [
        ([Dense("d", 3, "softmax")], "probabilities"),
        ([Dense("d", 3), Activation("a", "softmax")], "probabilities"),
        ([Dense("d", 3), Softmax("s")], "probabilities"),
        ([Dense("d", 1, "sigmoid")], "the probability of class 1"),
        ([Dense("d", 3, "relu")], "values"),
    ],
)
def test_a_network_says_what_its_output_is(last, meaning, tmp_path):
    acts = network(*last).run(np.ones((2, 3, 4, 1), np.float32))
    acts.save(tmp_path / "a.h5")
    for recording in (acts, Activations.open(tmp_path / "a.h5")):
        assert [found.meaning for found in recording.predictions()] == [meaning]


def test_functions_are_those_of_each_output(tmp_path):
    nodes = [
        Node("f", Flatten("f"), ("input",)),
        Node("kind", Dense("kind", 3, "softmax"), ("f",)),
        Node("size", Dense("size", 2, "relu"), ("f",)),
    ]
    model = Model("m", (2, 3, 1), nodes, outputs=("size", "kind"))
    randomise(model, 0)
    acts = model.run(np.ones((1, 2, 3, 1), np.float32))
    acts.save(tmp_path / "a.h5")
    for recording in (acts, Activations.open(tmp_path / "a.h5")):
        assert recording.functions == {"kind": "softmax", "size": "relu"}
        assert (recording.activation, [p.output for p in recording.predictions()]) == ("relu", ["size", "kind"])
        assert [found.meaning for found in recording.predictions()] == ["values", "probabilities"]


def test_one_unit_behind_a_sigmoid_is_class_one():
    acts = recorded({"y": [0.25]}, {})
    assert Activations({}, {}, acts.inputs, acts.outputs, "m", labels=("no", "yes"), activation="sigmoid").top() == [
        ("yes", 0.25)
    ]


@pytest.mark.parametrize(
    ("k", "image", "message"), [(-1, 0, "k is -1"), (1, 1, "image 1 is not one of the 1 recorded")]
)
def test_what_cannot_be_predicted_is_refused(k, image, message):
    with pytest.raises(convlab.ShapeError, match=message):
        recorded({"y": [1.0]}, {}).predictions(k, image)


def test_a_prediction_shows_itself_in_a_line():
    acts = recorded({"y": [0.2, 0.7, 0.1], "map": np.zeros((4, 3))}, {"y": "softmax"}, THREE)
    assert repr(acts.predictions(2)) == "[<y: dog 0.7, cat 0.2 (probabilities)>, <map: 4 x 3 (values)>]"
