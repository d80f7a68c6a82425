"""Mistakes in the window: stride, dilation, padding, and what lies outside the image."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from convlab.judging.hypotheses.hypothesis import Hypothesis
from convlab.judging.question import Question, answer
from convlab.runtime.arrays import Array
from convlab_kernels.axis import Pair
from convlab_kernels.window import PaddingLike, Sides

Change = Callable[[Question], dict[str, Any]]


def _walks(kind: str, text: str, change: Change) -> Iterator[Hypothesis]:
    """Yield a mistake that size and padding of the result share, and the same in the indices alone."""
    yield Hypothesis(kind, text, lambda q: answer(q, **change(q)))
    yield Hypothesis(kind, text, lambda q: answer(q, q.places, **{"padding": q.sides} | change(q)))


def _each(sides: Sides, change: Callable[[int, int], Pair]) -> Sides:
    (top, bottom), (left, right) = sides
    return change(top, bottom), change(left, right)


def _least(q: Question) -> Pair:
    (down, across), (kh, kw) = q.stride, q.window.kernel
    return min(down, kh), min(across, kw)


def _same_with_odd_first(q: Question) -> PaddingLike:
    return _each(q.sides, lambda before, after: (after, before)) if q.padding == "same" else q.padding


def _same_for_stride_one(q: Question) -> PaddingLike:
    if q.padding != "same":
        return q.padding
    height, width = (((cells - 1) // 2, cells // 2) for cells in q.window.extent)
    return height, width


def _moved(rows: int, columns: int) -> Callable[[Question], Array]:
    """Return what comes out where the window begins some cells late: of less padding, or of less of the image."""

    def moved(q: Question) -> Array:
        (top, bottom), (left, right) = q.sides
        top, left = top - rows, left - columns
        x = q.x[:, max(0, -top) :, max(0, -left) :]
        return answer(q, q.places, x=x, padding=((max(0, top), bottom), (max(0, left), right)))

    return moved


def _around(mode: Any) -> Callable[[Question], Array]:
    """Return what comes out where cells outside the image are not 0."""
    return lambda q: answer(q, x=np.pad(q.x, ((0, 0), *q.sides, (0, 0)), mode), padding=(0, 0))


def _before(mode: Any, rows: bool, columns: bool) -> Callable[[Question], Array]:
    """Return what comes out where those above it, or on its left, are not 0, for want of a guard."""

    def before(q: Question) -> Array:
        (top, bottom), (left, right) = q.sides
        above, beside = (top if rows else 0), (left if columns else 0)
        x = np.pad(q.x, ((0, 0), (above, 0), (beside, 0), (0, 0)), mode)
        return answer(q, x=x, padding=((top - above, bottom), (left - beside, right)))

    return before


def _rounded_up(q: Question) -> PaddingLike:
    (top, bottom), (left, right) = q.sides
    down, across = q.stride
    return (top, bottom + down - 1), (left, right + across - 1)


WINDOWS = [
    *_walks("strides swapped", "stride (across, down)", lambda q: {"stride": q.stride[::-1]}),
    *_walks("stride down used twice", "stride (down, down)", lambda q: {"stride": (q.stride[0],) * 2}),
    *_walks("stride across used twice", "stride (across, across)", lambda q: {"stride": (q.stride[1],) * 2}),
    *_walks("stride forgotten", "stride 1", lambda q: {"stride": (1, 1)}),
    *_walks(
        "strides beyond the kernel ignored", "a stride of at most the kernel's side", lambda q: {"stride": _least(q)}
    ),
    *_walks("dilation forgotten", "dilation 1", lambda q: {"dilation": (1, 1), "padding": q.sides}),
    *_walks(
        "dilation swapped",
        "dilation (across, down)",
        lambda q: {"dilation": q.dilation[::-1], "padding": q.sides},
    ),
    *_walks(
        "dilation off by one",
        "a dilation one larger: it counts the cells left out",
        lambda q: {"dilation": (q.dilation[0] + 1, q.dilation[1] + 1), "padding": q.sides},
    ),
    *_walks(
        "'same' begins with the odd cell",
        "the odd cell of 'same' at the top and the left, where it belongs to the other side",
        lambda q: {"padding": _same_with_odd_first(q)},
    ),
    *_walks(
        "'same' as for stride 1",
        "a padding of 'same' that does not depend on the stride",
        lambda q: {"padding": _same_for_stride_one(q)},
    ),
    *_walks("padding swapped", "padding (across, down)", lambda q: {"padding": q.sides[::-1]}),
    *_walks(
        "padding at the end",
        "all padding at the bottom and the right",
        lambda q: {"padding": _each(q.sides, lambda before, after: (0, before + after))},
    ),
    *_walks(
        "padding at the beginning",
        "all padding at the top and the left",
        lambda q: {"padding": _each(q.sides, lambda before, after: (before + after, 0))},
    ),
    *_walks(
        "padding before and after swapped",
        "padding (bottom, top), (right, left)",
        lambda q: {"padding": _each(q.sides, lambda before, after: (after, before))},
    ),
    Hypothesis("padding forgotten", "no padding", lambda q: answer(q, padding=(0, 0))),
    *_walks("size rounded up", "a size rounded up, not down", lambda q: {"padding": _rounded_up(q)}),
    Hypothesis("window one late", "a window one row and one column further on", _moved(1, 1)),
    Hypothesis("window one row late", "a window one row further down", _moved(1, 0)),
    Hypothesis("window one column late", "a window one column further right", _moved(0, 1)),
    Hypothesis("window one early", "a window one row and one column back", _moved(-1, -1)),
    Hypothesis("window one row early", "a window one row further up", _moved(-1, 0)),
    Hypothesis("window one column early", "a window one column further left", _moved(0, -1)),
    Hypothesis("edge repeated", "the edge of the image repeated, where outside is 0", _around("edge")),
    Hypothesis("wraps around", "the other side of the image, where outside is 0", _around("wrap")),
    Hypothesis("mirrored outside", "the image mirrored, where outside is 0", _around("reflect")),
    *(
        Hypothesis(kind, f"{what} where {of} negative, where outside is 0", _before(mode, rows, columns))
        for mode, kind, what in (
            ("wrap", "negative indices wrap", "the end of the image"),
            ("edge", "negative indices become 0", "the first row or column of the image"),
        )
        for rows, columns, of in (
            (True, True, "an index is"),
            (True, False, "a row is"),
            (False, True, "a column is"),
        )
    ),
]
