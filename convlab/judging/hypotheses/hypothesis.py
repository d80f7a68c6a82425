"""What a hypothesis is."""

from collections.abc import Callable
from typing import NamedTuple

from convlab.judging.question import Question
from convlab.runtime.arrays import Array


class Hypothesis(NamedTuple):
    """A mistake: its name, in words what is computed then, and that; ShapeError where nothing would be.

    Several of the same name are ways to make the same mistake.
    """

    kind: str
    text: str
    answer: Callable[[Question], Array]
