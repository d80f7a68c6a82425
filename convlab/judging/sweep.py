"""The convolutions that a candidate is asked: small, every attribute crossed with every other, whole numbers first.

Of sums below 2^24 float32 makes no error, in whatever order: an answer that differs is wrong, and rounding is no
excuse. Height and width are never alike, nor is any other dimension, but in the few cases at the end: a mistake that
swaps two cannot hide; and what is right only in those is told from the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from convlab.judging.question import Question
from convlab.runtime.arrays import Array
from convlab_kernels.axis import Pair
from convlab_kernels.window import PaddingLike

KERNELS = [(2, 3), (4, 3), (1, 1)]
STRIDES = [(1, 1), (1, 2), (2, 1), (3, 2)]
PADDINGS: list[PaddingLike] = [(0, 0), (2, 1), (1, 3), ((1, 2), (3, 0)), "same"]
DILATIONS = [(1, 1), (1, 2), (2, 3), (3, 1)]
CHANNELS = [(2, 5, 7, 1), (3, 9, 6, 1), (2, 3, 2, 3), (1, 1, 2, 4), (1, 17, 19, 1), (2, 1, 1, 5), (1, 7, 34, 1)]
"""Images, input channels and filters of a group, groups."""


@dataclass(frozen=True)
class Case:
    """A convolution; its numbers follow from its fields.

    `numbers` are "whole" (small), "wide" (whole, of 12 bits: more than float16 or TF32 have), "wider" (of 17 bits:
    more than float16 can hold), "deep" (of 26 bits, for float64), or "real" (random, held to a bound of rounding).
    """

    kernel: Pair
    size: Pair
    batch: int = 1
    channels: int = 1
    filters: int = 1
    groups: int = 1
    stride: Pair = (1, 1)
    padding: PaddingLike = (0, 0)
    dilation: Pair = (1, 1)
    bias: bool = False
    numbers: str = "whole"
    dtype: str = "float32"
    again: bool = False

    def question(self, turn: int) -> Question:
        """Return what is asked at the first or second turn: other numbers, all else the same."""
        random = np.random.default_rng([turn, *self.kernel, *self.size, self.channels, self.filters])
        c, o = self.channels, self.filters * self.groups
        x = _numbers(random, (self.batch, *self.size, c * self.groups), self.numbers)
        w = _numbers(random, (*self.kernel, c, o), "unit" if self.numbers in _LONG else self.numbers)
        b = _numbers(random, (o,), self.numbers).astype(self.dtype) if self.bias else None
        x, w = x.astype(self.dtype), w.astype(self.dtype)
        again = turn > 0 and self.again
        return Question(x, w, b, self.stride, self.padding, self.dilation, self.groups, again)

    def __str__(self) -> str:
        image = (self.batch, *self.size, self.channels * self.groups)
        kernel = (*self.kernel, self.channels, self.filters * self.groups)
        parts = [f"image {_times(image)}, kernel {_times(kernel)}"]
        parts += [f"{name} {value}" for name, value in self._unusual()]
        return ", ".join(
            [*parts, *(["bias"] if self.bias else []), *([self.dtype] if self.dtype != "float32" else [])]
        )

    def _unusual(self) -> Iterator[tuple[str, object]]:
        usual = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        yield from ((name, given) for name, plain in usual.items() if (given := getattr(self, name)) != plain)


_LONG = {"wide": (2049, 4096), "wider": (65537, 131072), "deep": (1, 4)}


def _numbers(random: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    if kind == "real":
        return random.standard_normal(shape)
    low, high = _LONG.get(kind, (1, 2 if kind == "unit" else 10))
    whole = random.integers(low, high, shape) * random.choice([-1, 1], shape)
    if kind == "deep":
        return whole * 2.0**25 + 1
    return (whole | 1 if kind in _LONG else whole).astype(np.float64)


def _times(sides: tuple[int, ...]) -> str:
    return "x".join(map(str, sides))


def _crossed() -> Iterator[Case]:
    """Yield every seventeenth: that divides none of the lists' lengths, so each value meets each other list's."""
    every = list(product(KERNELS, STRIDES, PADDINGS, DILATIONS, CHANNELS))[::17]
    for turn, (kernel, stride, padding, dilation, (n, c, o, g)) in enumerate(every):
        size = _size(kernel, dilation, {n, c, o * g, c * g, *kernel})
        yield Case(kernel, size, n, c, o, g, stride, padding, dilation, turn % 2 == 0, again=turn % 4 < 2)


def _size(kernel: Pair, dilation: Pair, taken: set[int]) -> Pair:
    """Return the first size in which the window takes several steps that is none of the other dimensions."""
    least = [step * (cells - 1) + more for step, cells, more in zip(dilation, kernel, (5, 6), strict=True)]
    height = next(rows for rows in range(least[0], 99) if rows not in taken)
    return height, next(columns for columns in range(least[1], 99) if columns not in taken | {height})


def _long() -> Iterator[Case]:
    for kernel, (c, o) in product([(1, 1), (1, 2), (2, 1)], [(3, 5), (4, 7)]):
        case = Case(kernel, (6, 9), 2, c, o, bias=c == 3)
        yield from (replace(case, numbers="wide"), replace(case, numbers="wider"))
        yield replace(case, numbers="deep", dtype="float64")


SQUARE = Case((3, 3), (8, 8), 1, 16, 16, padding=(1, 1))
PLAIN = [
    SQUARE,
    replace(SQUARE, bias=True, again=True),
    replace(SQUARE, size=(8, 12)),
    replace(SQUARE, kernel=(3, 5)),
    replace(SQUARE, channels=6),
    replace(SQUARE, filters=6),
    replace(SQUARE, batch=3),
    replace(SQUARE, kernel=(2, 2)),
    replace(SQUARE, stride=(2, 2)),
    replace(SQUARE, dilation=(2, 2), padding=(2, 2)),
    replace(SQUARE, channels=32, filters=32, kernel=(1, 1)),
    replace(SQUARE, channels=40, filters=40, kernel=(1, 1)),
    Case((2, 1), (19, 34)),
    replace(SQUARE, channels=4, filters=4, padding=(0, 0)),
]
WHOLE = [*PLAIN, *_crossed(), *_long()]
REAL = [
    replace(case, numbers="real", dtype=dtype)
    for dtype, every in (("float32", 5), ("float64", 9))
    for case in [*PLAIN, *_crossed()][::every]
]
