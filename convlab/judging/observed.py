"""What was asked beside what was answered: right, wrong or refused, and how far rounding goes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convlab.bench.error_classes import Distance, class_of
from convlab.bench.exact import Exact
from convlab.errors import UnsupportedError
from convlab.judging.asking import Answer, Asked
from convlab.judging.candidate import Ask
from convlab.judging.question import Question, exact
from convlab.judging.sweep import Case
from convlab.runtime.arrays import Array
from convlab_kernels.minimal_filters import F4

COARSE = ("TF32", "none")
"""The classes of error that are no answer in the type that was asked for."""


@dataclass(frozen=True)
class Observed:
    """One call: the case, which turn, what was asked, what was answered."""

    case: Case
    turn: int
    question: Question
    answer: Answer

    @property
    def array(self) -> Array:
        """What was answered, where it was an array."""
        assert self.answer.value is not None
        return self.answer.value

    @cached_property
    def exact(self) -> Exact:
        """The exact answer, and how far from it rounding may take another."""
        return exact(self.question)

    @property
    def expected(self) -> Array:
        """The exact answer, in float64."""
        return self.exact.value

    @property
    def has_shape(self) -> bool:
        """Whether it is an array of the right shape."""
        return self.answer.value is not None and self.array.shape == self.expected.shape

    @cached_property
    def differs(self) -> Array:
        """Which numbers are wrong, of an array of the right shape."""
        most = self.exact.bound * F4.amplification
        with np.errstate(invalid="ignore"):
            error = np.abs(self.array - self.expected)
        return ~(error <= (most if self.case.numbers == "real" else np.minimum(most, 0.25)))

    @property
    def has_other_type(self) -> bool:
        """Whether it is an array of another type than what was given."""
        return self.answer.value is not None and self.array.dtype != self.case.dtype

    @property
    def refused(self) -> bool:
        """Whether it raised an error."""
        return bool(self.answer.refusal)

    @cached_property
    def distance(self) -> Distance:
        """How far it is from the exact answer, of an array of the right shape."""
        with np.errstate(invalid="ignore"):
            return self.exact.distance(self.array)

    @property
    def error_class(self) -> str:
        """Whose rounding it is, as far as the error tells."""
        return class_of(self.distance, self.case.dtype)[0]

    @cached_property
    def right(self) -> bool:
        """Whether the numbers are right, as far as rounding may tell; the type is another question."""
        if not self.has_shape:
            return False
        return not self.differs.any() and self.error_class not in COARSE


@dataclass(frozen=True)
class Observation:
    """A case, and the one or two calls of it."""

    case: Case
    asked: Asked
    calls: tuple[Observed, ...]

    @property
    def refusal(self) -> str:
        """The error of the first call."""
        return self.calls[0].answer.refusal

    @property
    def right(self) -> bool:
        """Whether the numbers of every call are right."""
        return all(call.right for call in self.calls)

    @property
    def ill_mannered(self) -> bool:
        """Whether something else is wrong: a type, or what became of the arrays."""
        asked = self.asked
        return bool(asked.written or asked.shared or asked.lost) or any(call.has_other_type for call in self.calls)


def observe(ask: Ask, case: Case) -> Observation:
    """Ask about a case twice."""
    questions = case.question(0), case.question(1)
    try:
        asked = ask(*questions)
    except UnsupportedError as error:
        raise UnsupportedError(f"judge: {error}; asked for: {case}") from None
    pairs: Any = enumerate(zip(questions, asked.answers, strict=False))
    return Observation(case, asked, tuple(Observed(case, turn, *pair) for turn, pair in pairs))
