"""Every timed call on numbers of its own, and its result checked: nothing that was computed before helps.

Before a call, outside the clock, new numbers are written into the same arrays and NaN into what is to be filled;
after it, one output channel in place of all is kept (`freivalds`), and compared when the turn is over. New numbers
are slices of longer rows of random ones, which begin elsewhere each time: to copy them costs little, and leaves the
caches as a layer before would.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from convlab.bench.case import Case
from convlab.bench.error_classes import Distance, farthest
from convlab.bench.freivalds import expected, factors, projected
from convlab.errors import UnsupportedError
from convlab.runtime.arrays import Array, like, on_host

STARTS = 4096
"""In how many places a slice may begin."""


class CheatError(UnsupportedError):
    """What a candidate did that makes its time worthless."""


@dataclass(frozen=True)
class Given:
    """The arrays of a candidate, which are the same ones at every call, with other numbers.

    Attributes
    ----------
    x, w, b : array
    out : array or None
        What is to be filled; None for who returns an array.
    fixed : bool
        Whether w was prepared once, as for a layer; else it too is new at every call.
    result : function
        The output (N, OH, OW, O), of what a call returned; CheatError where it is none.
    """

    x: Array
    w: Array
    b: Array
    out: Array | None = None
    fixed: bool = True
    result: Callable[[Any], Array] = field(default=lambda returned: returned)

    @cached_property
    def new(self) -> dict[str, Array]:
        """What gets other numbers at every call."""
        return {"x": self.x, "b": self.b} | ({} if self.fixed else {"w": self.w})

    def renew(self, rows: dict[str, Array], start: int = 0) -> None:
        """Write other numbers, of rows from there on, and make useless what was computed before."""
        for name, array in self.new.items():
            array.reshape(-1)[:] = rows[name][start : start + array.size]
        if self.out is not None:
            self.out.fill(np.nan)


@dataclass(frozen=True)
class Turn:
    """The seconds of some calls, the farthest that one of their results was from what it should be, and what else."""

    seconds: list[float]
    distance: Distance
    fault: str = ""


@dataclass
class _Kept:
    start: int
    r: Array
    channel: Any


class Recheck:
    """The checks of a turn; `renew` and `keep` are to be called before and after each call that is timed."""

    def __init__(self, case: Case, given: Given, seed: int) -> None:
        self._case, self._given, self._random = case, given, np.random.default_rng(seed)
        self._before = on_host(given.w).copy()
        self._rows = {name: self._row(array.size) for name, array in given.new.items()}
        self._there = {name: like(row, given.x) for name, row in self._rows.items()}
        self._free: list[int] = self._random.permutation(STARTS).tolist()
        self._start = -1
        self._kept: list[_Kept] = []
        self._fault = ""

    def _row(self, size: int) -> Array:
        return self._random.standard_normal(size + STARTS, np.float32).astype(self._case.dtype)

    def renew(self) -> None:
        """Give numbers that no call had before."""
        self._start = self._free.pop()
        self._given.renew(self._there, self._start)

    def keep(self, returned: Any) -> None:
        """Keep of a result what will be compared."""
        try:
            output = self._given.result(returned)
        except CheatError as error:
            self._fault = self._fault or str(error)
            return
        r = factors(self._random, self._case.filters)
        self._kept.append(_Kept(self._start, r, projected(output, r)))

    def turn(self, seconds: Sequence[float]) -> Turn:
        """Compare, when all is timed."""
        far = farthest([Distance(0.0, 0.0, 0.0), *map(self._distance, self._kept)])
        return Turn(list(seconds), far, self._fault or self._written())

    def _numbers(self, start: int) -> tuple[Array, Array, Array]:
        slices = {name: row[start : start + self._given.new[name].size] for name, row in self._rows.items()}
        new = {"w": self._before} | slices
        x, w, b = (new[name].reshape(shape) for name, shape in zip("xwb", self._case.shapes, strict=True))
        return x, w, b

    def _distance(self, kept: _Kept) -> Distance:
        return expected(self._case, *self._numbers(kept.start), kept.r).distance(on_host(kept.channel))

    def _written(self) -> str:
        """Return which input is no more what it was."""
        now = self._given.x, self._given.w, self._given.b
        pairs = zip("xwb", now, self._numbers(self._start), strict=True)
        changed = [name for name, array, before in pairs if not np.array_equal(on_host(array), before)]
        return f"it wrote into {' and '.join(changed)}, which are not its own" if changed else ""
