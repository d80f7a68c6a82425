"""What is left off: tails that do not fill a block, and the first or last of each axis."""

from collections.abc import Iterator
from functools import partial

from convlab.judging.hypotheses.hypothesis import Hypothesis
from convlab.judging.question import Question, answer
from convlab.runtime.arrays import Array

BLOCKS = (2, 4, 8, 16, 32)
RESULT = {1: "rows", 2: "columns", 3: "channels"}
KERNEL = {0: "rows of the kernel", 1: "columns of the kernel", 2: "input channels"}


def _zero(array: Array, axis: int, left: slice) -> Array:
    """Return a copy with zeros in a part of an axis."""
    array = array.copy()
    array[(slice(None),) * axis + (left,)] = 0
    return array


def _beyond(array: Array, axis: int, block: int) -> Array:
    return _zero(array, axis, slice(array.shape[axis] // block * block, None))


def _result(q: Question, axis: int, block: int) -> Array:
    return _beyond(answer(q), axis, block)


def _places(q: Question, block: int) -> Array:
    out = answer(q)
    return _beyond(out.reshape(-1, out.shape[3]), 0, block).reshape(out.shape)


def _sum(q: Question, axis: int, block: int) -> Array:
    return answer(q, w=_beyond(q.w, axis, block))


def _products(q: Question, block: int) -> Array:
    """Products in the order of the kernel's memory."""
    return answer(q, w=_beyond(q.w.reshape(-1, q.w.shape[3]), 0, block).reshape(q.w.shape))


def _blocks() -> Iterator[Hypothesis]:
    for block in BLOCKS:
        beyond = f"beyond the last whole {block}"
        for axis, name in KERNEL.items() if block <= 4 else ((2, "input channels"),):
            yield Hypothesis(
                f"{name} {beyond} left out", f"no {name} {beyond}", partial(_sum, axis=axis, block=block)
            )
        yield Hypothesis(
            f"products {beyond} left out",
            f"no products {beyond}, in the kernel's order",
            partial(_products, block=block),
        )
        for axis, name in RESULT.items() if block <= 16 else ((3, "channels"),):
            yield Hypothesis(
                f"{name} {beyond} left 0", f"0 in the {name} {beyond}", partial(_result, axis=axis, block=block)
            )
        yield Hypothesis(f"outputs {beyond} left 0", f"0 in the outputs {beyond}", partial(_places, block=block))


def _ends() -> Iterator[Hypothesis]:
    for which, left in (("first", slice(None, 1)), ("last", slice(-1, None))):
        for axis, name in RESULT.items():
            yield Hypothesis(
                f"{which} of the {name} left 0",
                f"0 in the {which} of the {name}",
                lambda q, axis=axis, left=left: _zero(answer(q), axis, left),  # type: ignore[misc]
            )
        for axis, name in KERNEL.items():
            yield Hypothesis(
                f"{which} of the {name} left out",
                f"not the {which} of the {name}",
                lambda q, axis=axis, left=left: answer(q, w=_zero(q.w, axis, left)),  # type: ignore[misc]
            )
    for axis, name in RESULT.items():
        yield Hypothesis(
            f"last of the {name} missing",
            f"a result without the last of the {name}",
            lambda q, axis=axis: answer(q)[(slice(None),) * axis + (slice(-1),)],  # type: ignore[misc]
        )


TAILS = [*_ends(), *_blocks()]
