"""The smallest case that is still wrong, with its numbers: small enough to do by hand."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from convlab.bench.callables import as_given
from convlab.errors import ShapeError
from convlab.judging.candidate import Ask
from convlab.judging.observed import Observed, observe
from convlab.judging.question import Question
from convlab.judging.sweep import Case
from convlab.runtime.arrays import Array
from convlab_kernels.window import Pair, Sides, Window

TRIES = 600
BY_HAND = 12  # products, of which the sum is written out
SHOWN = 60  # numbers, up to which the arrays are written out


def wrong_call(ask: Ask, case: Case) -> Observed | None:
    """Return the first call of a case that gives an array of wrong numbers or a wrong shape."""
    calls = observe(ask, case).calls
    return next((call for call in calls if call.answer.value is not None and not call.right), None)


def smallest(ask: Ask, call: Observed) -> Observed:
    """Make a case smaller as long as it is wrong, one dimension or one option at a time."""
    left = iter(range(TRIES))
    while found := _step(ask, call, islice(left, TRIES)):
        call = found
    return call


def _step(ask: Ask, call: Observed, tries: Iterator[int]) -> Observed | None:
    for case, _ in zip(_smaller(call.case), tries, strict=False):
        try:
            case.question(0).places  # noqa: B018 - there may be none
        except ShapeError:
            continue
        if found := wrong_call(ask, case):
            return found
    return None


def _smaller(case: Case) -> Iterator[Case]:
    for name in ("batch", "groups", "channels", "filters"):
        yield from (_with(case, name, count) for count in _fewer(getattr(case, name)))
    plain: dict[str, Any] = {"padding": (0, 0), "bias": False, "again": False}
    yield from (_with(case, name, value) for name, value in plain.items() if getattr(case, name) != value)
    for name in ("dilation", "stride", "kernel", "size"):
        yield from (_with(case, name, pair) for pair in _less(getattr(case, name)))
    if (sides := Window.parse(case.kernel, padding=case.padding).padding) != "same":
        yield from (_with(case, "padding", padding) for padding in _less_around(sides))


def _with(case: Case, name: str, value: Any) -> Case:
    return replace(case, **{name: value})


def _fewer(count: int) -> Iterator[int]:
    yield from dict.fromkeys(fewer for fewer in (1, count // 2, count - 1) if 0 < fewer < count)


def _less(pair: Pair) -> Iterator[Pair]:
    yield from ((fewer, pair[1]) for fewer in _fewer(pair[0]))
    yield from ((pair[0], fewer) for fewer in _fewer(pair[1]))


def _less_around(sides: Sides) -> Iterator[Pair | Sides]:
    """Yield paddings with one cell less on one side; of a pair, on two opposite ones, so that it stays one."""
    (top, bottom), (left, right) = sides
    alike = (top, left) == (bottom, right)
    steps = [(1, 1, 0, 0), (0, 0, 1, 1)] if alike else [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    for up, down, before, behind in steps:
        less = (top - up, bottom - down), (left - before, right - behind)
        if min(map(min, less)) >= 0:
            yield as_given(less)


def shown(call: Observed) -> list[str]:
    """Return the lines that show a wrong call: the case, the first wrong number, and what it is the sum of."""
    question = call.question
    told = [f"{call.case}{', called again with other numbers' if call.turn else ''}"]
    if not call.has_shape:
        return [*told, f"the result has shape {call.array.shape}, expected {call.expected.shape}"]
    index = first_wrong(call)
    place = ", ".join(map(str, index))
    found, expected = (_number(array[index]) for array in (call.array, call.expected))
    told.append(f"out[{place}] is {found}, expected {_sum(question, index)}{expected}")
    arrays = {"x": question.x, "w": question.w, "bias": question.b}
    if question.x.size + question.w.size <= SHOWN:
        told += [f"{name} = {_list(array)}" for name, array in arrays.items() if array is not None]
    return told


def as_dict(call: Observed) -> dict[str, Any]:
    """Return plain types: what was asked with its numbers, and what was answered."""
    question, value = call.question, call.answer.value
    arrays = {"x": question.x, "w": question.w, "bias": question.b, "found": value, "expected": call.expected}
    return {
        **{"text": str(call.case), "dtype": call.case.dtype, "call": call.turn + 1},
        **question.attributes,
        **{name: None if array is None else array.tolist() for name, array in arrays.items()},
    }


def first_wrong(call: Observed) -> tuple[int, ...]:
    """Return the index of the first wrong number; of the worst, where all are wrong together alone."""
    wrong = np.argwhere(call.differs)
    if len(wrong):
        return tuple(map(int, wrong[0]))
    worst = np.argmax(np.abs(call.array - call.expected))
    return tuple(map(int, np.unravel_index(worst, call.array.shape)))


def _sum(question: Question, index: tuple[int, ...]) -> str:
    products = [f"{_number(x)}*{_number(w)}" for x, w in _products(question, index)]
    if len(products) > BY_HAND:
        return f"the sum of {len(products)} products, "
    terms = products if question.b is None else [*products, _number(question.b[index[3]])]
    return f"{' + '.join(terms)} = " if products else "of padding alone "


def _products(question: Question, index: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    n, i, j, o = index
    rows, columns = question.looks_at(question.places)
    per_group = question.w.shape[2]
    group = o // (question.w.shape[3] // question.groups)
    height, width = question.size
    for ky, row in _inside(rows[i], height):
        for kx, column in _inside(columns[j], width):
            for c in range(per_group):
                yield question.x[n, row, column, group * per_group + c], question.w[ky, kx, c, o]


def _inside(cells: Array, size: int) -> list[tuple[int, int]]:
    return [(k, int(cell)) for k, cell in enumerate(cells) if 0 <= cell < size]


def _number(value: Any) -> str:
    return str(int(value)) if np.isfinite(value) and float(value).is_integer() else f"{float(value):.9g}"


def _list(array: Array) -> str:
    whole = bool((array == array.round()).all())
    return str((array.astype(np.int64) if whole else array).tolist())
