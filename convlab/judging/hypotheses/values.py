"""Mistakes in the sum: the bias, what is not added up, what is done to the result."""

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from convlab.judging.hypotheses.hypothesis import Hypothesis
from convlab.judging.question import Question, answer
from convlab.runtime.arrays import Array


def _bias(change: Callable[[Question, Array], Array]) -> Callable[[Question], Array]:
    return lambda q: answer(q) if q.b is None else answer(q, b=change(q, q.b))


def _only(row: int | slice, column: int | slice, channel: int | slice = slice(None)) -> Callable[[Question], Array]:
    """Return what comes out of some cells of the kernel alone."""

    def only(q: Question) -> Array:
        w = np.zeros_like(q.w)
        w[row, column, channel] = q.w[row, column, channel]
        return answer(q, w=w)

    return only


def _relu_then_bias(q: Question) -> Array:
    total = np.maximum(answer(q, b=None), 0)
    return total if q.b is None else total + q.b


ALL = slice(None)
VALUES = [
    Hypothesis("bias forgotten", "no bias", lambda q: answer(q, b=None)),
    Hypothesis("bias added twice", "twice the bias", _bias(lambda q, b: 2 * b)),
    Hypothesis("bias subtracted", "a bias with its sign changed", _bias(lambda q, b: -b)),
    Hypothesis(
        "first bias for all", "the bias of the first channel for all", _bias(lambda q, b: b[:1].repeat(len(b)))
    ),
    Hypothesis("bias reversed", "the last bias first", _bias(lambda q, b: b[::-1])),
    Hypothesis(
        "bias added with every cell",
        "the bias once for each cell of the kernel",
        _bias(lambda q, b: b * prod(q.w.shape[:2])),
    ),
    Hypothesis(
        "bias added with every product", "the bias once for each product", _bias(lambda q, b: b * prod(q.w.shape[:3]))
    ),
    Hypothesis("ReLU applied", "a ReLU behind it", lambda q: np.maximum(answer(q), 0)),
    Hypothesis("ReLU before the bias", "a ReLU between the sum and the bias", _relu_then_bias),
    Hypothesis("sign changed", "the opposite sign", lambda q: -answer(q)),
    Hypothesis("magnitudes", "no signs", lambda q: np.abs(answer(q))),
    Hypothesis("zeros", "a result of zeros, whatever is asked", lambda q: 0 * answer(q)),
    Hypothesis("the bias alone", "no sum at all, the bias alone", lambda q: answer(q, w=0 * q.w)),
    Hypothesis("cells not added up", "the last cell of the kernel alone", _only(-1, -1)),
    Hypothesis("cells not added up", "the first cell of the kernel alone", _only(0, 0)),
    Hypothesis("kernel rows not added up", "the last row of the kernel alone", _only(-1, ALL)),
    Hypothesis("kernel columns not added up", "the last column of the kernel alone", _only(ALL, -1)),
    Hypothesis("channels not added up", "the last channel of each group alone", _only(ALL, ALL, -1)),
    Hypothesis("channels not added up", "the first channel of each group alone", _only(ALL, ALL, 0)),
    Hypothesis("products not added up", "the last product alone", _only(-1, -1, -1)),
    Hypothesis(
        "last product left out",
        "all products but the last",
        lambda q: answer(q) - _only(-1, -1, -1)(replace(q, b=None)),
    ),
    Hypothesis(
        "first product left out",
        "all products but the first",
        lambda q: answer(q) - _only(0, 0, 0)(replace(q, b=None)),
    ),
    Hypothesis(
        "mean of the products",
        "a mean, where a sum is asked",
        lambda q: answer(q, w=q.w.astype(np.float64) / prod(q.w.shape[:3])),
    ),
]
