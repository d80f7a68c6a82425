"""What the outputs of a network say: probabilities only where they are some, else the numbers that they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab import ops
from convlab.errors import LayerNameError
from convlab.runtime.arrays import Array
from convlab.wording import unknown

PROBABILITIES = "probabilities"
EACH = "a probability for each class by itself"
OF_ONE = "the probability of class 1"
SOFTMAX = "softmax of the output"
VALUES = "values"


@dataclass(frozen=True, repr=False)
class Prediction:
    """What one output says of one image.

    Attributes
    ----------
    output : str
        Its name.
    shape : tuple of int
        Its shape, without the batch.
    meaning : str
        What the scores are: "probabilities", "the probability of class 1", "softmax of the output", "values", ...
    scores : tuple of (str, float)
        The largest, with the names of their classes (numbers, where nobody has named them); none for maps.
    """

    output: str
    shape: tuple[int, ...]
    meaning: str
    scores: tuple[tuple[str, float], ...]

    def __repr__(self) -> str:
        scores = ", ".join(f"{label} {value:.4g}" for label, value in self.scores)
        return f"<{self.output}: {scores or ' x '.join(map(str, self.shape))} ({self.meaning})>"

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        return {"output": self.output, "meaning": self.meaning, "scores": [list(score) for score in self.scores]}


def predict(output: str, values: Array, function: str, labels: Sequence[str] | None, k: int) -> Prediction:
    """Return what an output (N, ...) says of its only image.

    Parameters
    ----------
    output, values
        Its name, and what it is for one image, without the batch.
    function
        The activation function that was applied last, "softmax".
    labels
        Names of its classes, if they are known.
    k
        How many scores, at most.
    """
    if values.ndim != 1:
        return Prediction(output, values.shape, VALUES, ())
    names = class_names(len(values), function, labels)
    meaning = {"softmax": PROBABILITIES, "sigmoid": EACH if len(values) > 1 else OF_ONE}.get(function, VALUES)
    if function == "linear" and labels is not None and len(values) == len(labels):
        meaning, values = SOFTMAX, ops.softmax(values)
    best = np.argsort(-values, kind="stable")[:k]
    return Prediction(output, values.shape, meaning, tuple((names[i], float(values[i])) for i in best))


def class_names(count: int, function: str, labels: Sequence[str] | None) -> Sequence[str]:
    """Return the names of an output's units: labels where there are as many, else numbers.

    One unit behind a sigmoid is the probability of the second of two classes.
    """
    if count == 1 and function == "sigmoid":
        return labels[1:] if labels is not None and len(labels) == 2 else ["1"]
    return labels if labels is not None and len(labels) == count else [str(i) for i in range(count)]


def number_of_class(label: str, labels: Sequence[str] | None, whose: str) -> int:
    """Return the number of the class that is called so; LayerNameError, with what to give instead, for no label."""
    if labels and label in labels:
        return list(labels).index(label)
    if label.isdecimal():
        raise LayerNameError(f"{whose} has no label {label!r}: give the number {int(label)}")
    if not labels:
        raise LayerNameError(f"{whose} has no labels: give a number, found {label!r}")
    raise LayerNameError(unknown("label", label, labels))
