"""Mistakes that one call alone does not show: what was kept of an earlier one."""

from collections.abc import Callable, Iterator

from convlab.judging.hypotheses.hypothesis import Hypothesis
from convlab.judging.question import Question, answer
from convlab.runtime.arrays import Array

Alike = Callable[[Question, Question], bool]


def _in_shapes(a: Question, b: Question) -> bool:
    shapes = (a.x.shape, a.w.shape, a.x.dtype, a.b is None) == (b.x.shape, b.w.shape, b.x.dtype, b.b is None)
    return shapes and a.attributes == b.attributes


def _in_kernel(a: Question, b: Question) -> bool:
    return (a.w.shape, a.w.dtype) == (b.w.shape, b.w.dtype)


def _kept_by_object(*names: str) -> Callable[[Question], Array]:
    def kept(q: Question) -> Array:
        return answer(q, **{name: getattr(q.earlier[-1], name) for name in names}) if q.again else answer(q)

    return kept


def _kept_by_shape(alike: Alike, *names: str) -> Callable[[Question], Array]:
    def kept(q: Question) -> Array:
        first = next((each for each in q.earlier if alike(each, q)), q)
        return answer(q, **{name: getattr(first, name) for name in names})

    return kept


def _not_cleared(q: Question) -> Array:
    total = answer(q)
    for each in q.earlier:
        out = (len(each.x), *each.places, each.w.shape[3])
        if out == total.shape and each.x.dtype == q.x.dtype:
            total = total + answer(each)
    return total


def _kept(kind: str, what: str, *names: str) -> Iterator[Hypothesis]:
    yield Hypothesis(
        kind, f"{what} of the call before, where the array objects are the same", _kept_by_object(*names)
    )
    yield Hypothesis(kind, f"{what} of the first call of the same shapes", _kept_by_shape(_in_shapes, *names))


CALLS = [
    *_kept("stored result replayed", "the answer", "x", "w", "b"),
    *_kept("kernel kept", "the kernel", "w"),
    Hypothesis("kernel kept", "the kernel of the first call with one of its shape", _kept_by_shape(_in_kernel, "w")),
    *_kept("kernel and bias kept", "the kernel and the bias", "w", "b"),
    *_kept("image kept", "the image", "x"),
    *_kept("bias kept", "the bias", "b"),
    Hypothesis("result not cleared", "the answers to all earlier calls of the same size added to it", _not_cleared),
]
