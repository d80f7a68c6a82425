"""Which mistake it is: the known one that all answers agree with, or where the wrong numbers lie."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from convlab.judging.hypotheses import HYPOTHESES
from convlab.judging.hypotheses.hypothesis import Hypothesis
from convlab.judging.observed import Observed
from convlab.judging.question import Question
from convlab.runtime.arrays import Array


def explaining(calls: Sequence[Observed]) -> list[Hypothesis]:
    """Return the known mistakes with which every answer agrees to the last bit, each kind once.

    All answers: those that are right as well, where the mistake must make no difference.
    """
    asked = [call.question for call in calls]
    seen = [(call, replace(call.question, earlier=tuple(asked[:turn]))) for turn, call in enumerate(calls)]
    seen.sort(key=lambda pair: (pair[0].right, pair[0].expected.size))  # what is wrong is asked first
    found = [each for each in HYPOTHESES if all(_agrees(call, question, each) for call, question in seen)]
    return list({each.kind: each for each in reversed(found)}.values())[::-1]


def _agrees(call: Observed, question: Question, hypothesis: Hypothesis) -> bool:
    try:
        supposed = hypothesis.answer(question)
    except ValueError:  # there would be no such convolution: ShapeError is one, and so are NumPy's
        return False
    with np.errstate(over="ignore"):
        supposed = supposed.astype(call.case.dtype)
    return bool(np.array_equal(call.array, supposed, equal_nan=True))


Region = Callable[[Array], Array]


def _at(axis: int, part: slice) -> Region:
    def region(wrong: Array) -> Array:
        inside = np.zeros_like(wrong)
        inside[(slice(None),) * axis + (part,)] = True
        return inside

    return region


def _border(wrong: Array) -> Array:
    inside = np.ones_like(wrong)
    inside[:, 1:-1, 1:-1] = False
    return inside


def _beyond(axis: int, block: int) -> Region:
    return lambda wrong: _at(axis, slice(wrong.shape[axis] // block * block, None))(wrong)


REGIONS: dict[str, Region] = {
    **{
        f"in the last {name}": _at(axis, slice(-1, None))
        for axis, name in ((1, "row"), (2, "column"), (3, "channel"))
    },
    **{f"in the first {name}": _at(axis, slice(1)) for axis, name in ((1, "row"), (2, "column"), (3, "channel"))},
    "in images behind the first": _at(0, slice(1, None)),
    "in channels behind the first": _at(3, slice(1, None)),
    **{
        f"in {name} beyond the last whole {block}": _beyond(axis, block)
        for block in (2, 4, 8, 16, 32)
        for axis, name in ((1, "rows"), (2, "columns"), (3, "channels"))
    },
    "on the border": _border,
}


def where(calls: Sequence[Observed]) -> list[str]:
    """Return the parts of the results in which every wrong number lies, of those that have the right shape."""
    wrong = [call.differs for call in calls if call.has_shape and call.differs.any()]
    return list(_holding(wrong)) if wrong else []


def _holding(wrong: Sequence[Array]) -> Iterator[str]:
    for name, region in REGIONS.items():
        inside = [region(differs) for differs in wrong]
        everywhere = all(part.all() for part in inside)
        if not everywhere and not any((differs & ~part).any() for differs, part in zip(wrong, inside, strict=True)):
            yield name
