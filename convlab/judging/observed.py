"""What was asked beside what was answered: right, wrong or refused, and how far rounding goes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convlab.bench.exact import LIKELY, unit
from convlab.errors import UnsupportedError
from convlab.judging.asking import Answer, Asked
from convlab.judging.candidate import Ask
from convlab.judging.question import Question, answer, magnitude
from convlab.judging.sweep import Case
from convlab.runtime.arrays import Array
from convlab_kernels.minimal_filters import F4


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
    def expected(self) -> Array:
        """The exact answer, in float64."""
        return answer(self.question)

    @property
    def has_shape(self) -> bool:
        """Whether it is an array of the right shape."""
        return self.answer.value is not None and self.array.shape == self.expected.shape

    @cached_property
    def differs(self) -> Array:
        """Which numbers are wrong, of an array of the right shape."""
        if self.case.numbers == "real":
            return ~(self._error <= self._bound * F4.amplification)
        return ~(self._error <= np.minimum(self._bound * F4.amplification, 0.25))

    @property
    def has_other_type(self) -> bool:
        """Whether it is an array of another type than what was given."""
        return self.answer.value is not None and self.array.dtype != self.case.dtype

    @property
    def refused(self) -> bool:
        """Whether it raised an error."""
        return bool(self.answer.refusal)

    @cached_property
    def share(self) -> float:
        """The error as a share of what rounding explains: of one number, or of all together."""
        norm, together = np.linalg.norm(self._error), np.linalg.norm(self._magnitude)
        share = max(np.max(self._error / self._bound), norm / (LIKELY * self._unit * together))
        return float(share) if np.isfinite(share) else np.inf

    @cached_property
    def right(self) -> bool:
        """Whether the numbers are right, as far as rounding may tell; the type is another question."""
        if not self.has_shape:
            return False
        return not self.differs.any() and self.share <= F4.amplification

    @cached_property
    def _error(self) -> Array:
        with np.errstate(invalid="ignore"):
            return np.abs(self.array - self.expected)

    @cached_property
    def _magnitude(self) -> Array:
        return magnitude(self.question) + np.finfo(np.float32).tiny  # where all that is seen is padding, 0 is right

    @property
    def _unit(self) -> float:
        return unit(self.case.dtype)

    @property
    def _bound(self) -> Array:
        return self.question.terms * self._unit * self._magnitude


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
