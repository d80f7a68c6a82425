"""Mistakes that one call alone does not show: what was kept of the one before."""

from collections.abc import Callable

from convlab.judging.hypotheses.hypothesis import Hypothesis
from convlab.judging.question import Question, answer
from convlab.runtime.arrays import Array


def _kept(*names: str, by_object: bool) -> Callable[[Question], Array]:
    """Return what comes out of arguments of the call before, kept by their shapes or by the array objects."""

    def kept(q: Question) -> Array:
        if q.before is None or (by_object and not q.again):
            return answer(q)
        return answer(q, **{name: getattr(q.before, name) for name in names})

    return kept


def _not_cleared(q: Question) -> Array:
    return answer(q) if q.before is None else answer(q) + answer(q.before)


CALLS = [
    *(
        Hypothesis(kind, f"{text}, where {of} the same", _kept(*names, by_object=by_object))
        for names, kind, text in (
            (("x", "w", "b"), "stored result replayed", "the answer to the call before"),
            (("w",), "kernel kept", "the kernel of the call before"),
            (("w", "b"), "kernel and bias kept", "the kernel and the bias of the call before"),
            (("x",), "image kept", "the image of the call before"),
            (("b",), "bias kept", "the bias of the call before"),
        )
        for by_object, of in ((True, "the array objects are"), (False, "the shapes are"))
    ),
    Hypothesis("result not cleared", "the answer to the call before added to it", _not_cleared),
]
