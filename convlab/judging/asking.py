"""Two calls of a candidate, and all that is seen of them: what came back, and what became of the arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from traceback import extract_tb
from typing import Any

import numpy as np

from convlab.judging.question import Question
from convlab.runtime.arrays import Array

ARGUMENTS = ("x", "w", "bias")


@dataclass(frozen=True)
class Answer:
    """What a call gave: a copy of its array, or what came in place of one, or the error with which it refused."""

    value: Array | None = None
    other: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class Asked:
    """Two calls: their answers, the arguments that were written to, those whose memory the first result is in.

    `lost` says that the first result was another after the second call.
    """

    answers: tuple[Answer, ...]
    written: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    lost: bool = False


def ask(function: Callable[..., Any], first: Question, second: Question) -> Asked:
    """Call twice: the second time with the same array objects, if it is asked so, with other numbers in them."""
    arrays = _copies(first)
    result, answer = _call(function, arrays, first)
    written = _written(arrays, first)
    if answer.value is None:
        return Asked((answer,), written)
    shared = tuple(
        name
        for name, array in zip(ARGUMENTS, arrays, strict=True)
        if array is not None and np.shares_memory(result, array)
    )
    if second.again:
        _fill(arrays, second)
    later = arrays if second.again else _copies(second)
    _, other = _call(function, later, second)
    lost = not shared and not np.array_equal(result, answer.value, equal_nan=True)
    return Asked((answer, other), tuple(dict.fromkeys(written + _written(later, second))), shared, lost)


def _copies(question: Question) -> list[Array | None]:
    return [None if array is None else array.copy() for array in (question.x, question.w, question.b)]


def _fill(arrays: list[Array | None], question: Question) -> None:
    for array, numbers in zip(arrays, (question.x, question.w, question.b), strict=True):
        if array is not None:
            array[...] = numbers


def _written(arrays: list[Array | None], question: Question) -> tuple[str, ...]:
    there = zip(ARGUMENTS, arrays, (question.x, question.w, question.b), strict=True)
    return tuple(
        name
        for name, array, numbers in there
        if array is not None and numbers is not None and not np.array_equal(array, numbers)
    )


def _line(function: Callable[..., Any], error: Exception) -> str:
    """Return the last line of the function's own file that the error came through; "" where that is not known."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
    return f" (line {lines[-1]})" if lines else ""


def _call(function: Callable[..., Any], arrays: list[Array | None], question: Question) -> tuple[Any, Answer]:
    try:
        with np.errstate(all="ignore"):  # some numbers are large on purpose
            result = function(*arrays, **question.attributes)
    except Exception as error:
        text = " ".join(str(error).split())
        told = f"{type(error).__name__}: {text}" if text else type(error).__name__
        return None, Answer(refusal=told + _line(function, error))
    if type(result) is not np.ndarray or result.dtype.kind not in "fiub":
        of = f" of {result.dtype}" if isinstance(result, np.ndarray) else ""
        return None, Answer(other=f"{type(result).__name__}{of}")
    return result, Answer(result.copy())
