"""Fewer bits than asked for: whole numbers of many bits are rounded in float16, bfloat16 or TF32.

The sums are taken to be exact, as they are in float32 of what is left.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from convlab.judging.hypotheses.hypothesis import Hypothesis
from convlab.judging.question import Question, answer
from convlab.runtime.arrays import Array

Rounding = Callable[[Array], Array]


def _half(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return x.astype(np.float16).astype(np.float64)


def _cut(bits: int, rule: Literal["to even", "away", "cut"]) -> Rounding:
    """Return what leaves so many bits of a float32: the nearest such number, halves by a rule, or all others cut."""

    def cut(x: Array) -> Array:
        pattern, gone = x.astype(np.float32).view(np.uint32), np.uint32(24 - bits)
        half = np.uint32(1 << (23 - bits))
        odd: Array = pattern >> gone & np.uint32(1)
        added: Any = {"to even": odd + (half - np.uint32(1)), "away": half, "cut": np.uint32(0)}[rule]
        return ((pattern + added) >> gone << gone).view(np.float32).astype(np.float64)

    return cut


def _inputs(rounding: Rounding) -> Callable[[Question], Array]:
    def rounded(q: Question) -> Array:
        with np.errstate(invalid="ignore"):  # infinity less infinity
            return answer(q, x=rounding(q.x), w=rounding(q.w))

    return rounded


def _single(q: Question) -> Array:
    x, w, b = (None if a is None else a.astype(np.float32) for a in (q.x, q.w, q.b))
    return answer(q, x=x, w=w, b=b).astype(np.float32).astype(np.float64)


def _of(name: str, rounding: Rounding) -> Iterator[Hypothesis]:
    yield Hypothesis(f"{name} inputs", f"an image and a kernel of {name}", _inputs(rounding))
    yield Hypothesis(f"{name} result", f"a result of {name}", lambda q: rounding(answer(q)))
    yield Hypothesis(
        f"{name} all through", f"an image, a kernel, and a result of {name}", lambda q: rounding(_inputs(rounding)(q))
    )


PRECISION = [
    Hypothesis("float32 for float64", "float32 where float64 is asked", _single),
    *_of("float16", _half),
    *_of("bfloat16", _cut(8, "to even")),
    *_of("bfloat16", _cut(8, "cut")),
    Hypothesis("TF32 inputs", "an image and a kernel of TF32", _inputs(_cut(11, "away"))),
    Hypothesis("TF32 inputs", "an image and a kernel of TF32, halves to even", _inputs(_cut(11, "to even"))),
    Hypothesis("TF32 inputs", "an image and a kernel of TF32, cut off", _inputs(_cut(11, "cut"))),
]
