"""Two arrays made one, number by number; a size of 1 is repeated, axes are aligned at the last one."""

from functools import lru_cache
from itertools import groupby
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import bounds, check_out, readable
from convlab_kernels.cpu.merging_simd import FUNCTIONS, combine_row
from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.jit import address
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for

PACE = 3_000
"""Numbers that one thread reads and writes in a microsecond, roughly."""

AXES = 3
"""How many axes there may be that are repeated in different ways: images, places and channels."""

Shape = tuple[int, ...]


def combine(
    function: str,
    a: NDArray[Any],
    b: NDArray[Any],
    out: NDArray[Any],
    relu: bool = False,
    ceiling: float = np.inf,
) -> None:
    """Write a function of `FUNCTIONS` of a and b into out, of the shape that both are repeated to (`combines`)."""
    check_out(out, function)
    sizes, a_steps, b_steps = _layout(a.shape, b.shape)
    which, limits = list(FUNCTIONS).index(function), bounds(out.dtype, relu, ceiling)
    args = (readable(a), a_steps, readable(b), b_steps, out, sizes, which, *limits)
    rows, cost = sizes[0] * sizes[1], out.size / PACE
    if rows == 1:
        parallel_for(_combine, args, sizes[2], LINE, cost=cost)
    else:
        parallel_for(_combine, args, rows, cost=cost)


def combines(function: str, a: Shape, b: Shape) -> bool:
    """Return whether `combine` has a function, and takes arrays of these shapes."""
    return function in FUNCTIONS and len(_axes(a, b)) <= AXES


@lru_cache(1 << 10)
def _axes(a: Shape, b: Shape) -> tuple[tuple[int, bool, bool], ...]:
    """Return the axes of what comes out: sizes, and whether a and b are repeated; alike ones are joined."""
    rank = max(len(a), len(b))
    both = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    axes = [(max(pair) if min(pair) else 0, *(size == 1 for size in pair)) for pair in both if pair != (1, 1)]
    together = groupby(axes, key=lambda axis: axis[1:])
    return tuple((prod(size for size, *_ in alike), *repeats) for repeats, alike in together)


@lru_cache(1 << 10)
def _layout(a: Shape, b: Shape) -> tuple[Shape, Shape, Shape]:
    """Return the sizes of the three axes, and how many numbers lead from each to the next in a and in b."""
    axes = ((1, True, True),) * (AXES - len(_axes(a, b))) + _axes(a, b)
    steps: list[list[int]] = []
    for operand in (1, 2):
        own = [1 if axis[operand] else axis[0] for axis in axes]
        steps.append([0 if axis[operand] else prod(own[i + 1 :]) for i, axis in enumerate(axes)])
    return tuple(axis[0] for axis in axes), tuple(steps[0]), tuple(steps[1])


@shared
def _combine(_, first, last, a, a_steps, b, b_steps, out, sizes, function, low, high):
    """Combine the rows first to last; of a single row, the columns."""
    n, m, c = sizes
    rows, columns = ((0, 1), (first, last)) if n * m == 1 else ((first, last), (0, c))
    count = columns[1] - columns[0]
    for row in range(rows[0], rows[1]):
        i, j = divmod(row, m)
        left = address(a, i * a_steps[0] + j * a_steps[1] + columns[0] * a_steps[2])
        right = address(b, i * b_steps[0] + j * b_steps[1] + columns[0] * b_steps[2])
        target = address(out, row * c + columns[0])
        combine_row(left, a_steps[2], right, b_steps[2], target, count, function, low, high)
