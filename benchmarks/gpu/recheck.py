"""Each call that is timed on numbers of its own, and its result checked, while the GPU never waits for the host.

Before the clock starts other numbers are written into the same arrays; after it has stopped a part of the result is
kept on the GPU: of a convolution one output channel in place of all (`convlab.bench.freivalds`), of a network one
image of the batch. All of it is compared when the turn is over, in float64.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convlab.bench.freivalds import factors, projected
from convlab.bench.trial import secret
from convlab.bench.turns import nothing
from convlab.runtime.arrays import like, module_of

BLOCK, STARTS = 1_000_003, 4096
"""Random numbers, which repeat in a longer row; places where the numbers of a call may begin in it."""


class Row:
    """A row of random numbers; each time somebody begins elsewhere in it, never twice at one place."""

    def __init__(self, size: int) -> None:
        random = np.random.default_rng(secret())
        self._starts: list[int] = random.permutation(STARTS).tolist()
        self._block, self._size = random.standard_normal(BLOCK, np.float32), size + STARTS

    def like(self, x: Any) -> Any:
        """Return it where an array lies."""
        return module_of(x).resize(like(self._block, x), self._size)

    def start(self) -> int:
        """Return a place that nobody had."""
        return self._starts.pop()


@dataclass(frozen=True)
class Products:
    """What is computed: x (N, H, W, C) in windows of w (KH, KW, C, O) at stride 1, and b (O,) added to it or not."""

    x: Any
    w: Any
    b: Any = None
    pads: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))

    def channel(self, r: Any) -> Any:
        """Return sum_o out[..., o] r[o] in float64 (N, OH, OW), image by image, for memory is short."""
        xp = module_of(self.x)
        r = xp.asarray(r)
        taps = self.w.astype(np.float64) @ r  # (KH, KW, C, O) @ (O,) -> (KH, KW, C)
        shift = 0.0 if self.b is None else self.b.astype(np.float64) @ r
        return xp.stack([self._of_image(xp, image.astype(np.float64), taps) for image in self.x]) + shift

    def _of_image(self, xp: Any, image: Any, taps: Any) -> Any:
        (kh, kw, c), (h, w, _) = taps.shape, image.shape
        (top, bottom), (left, right) = self.pads
        products = xp.zeros((h + top + bottom, w + left + right, kh * kw), np.float64)
        # (H, W, C) @ (C, KH*KW) -> (H, W, KH*KW)
        products[top : top + h, left : left + w] = image @ taps.reshape(kh * kw, c).T
        oh, ow = h + top + bottom - kh + 1, w + left + right - kw + 1
        total = xp.zeros((oh, ow), np.float64)
        for ky, kx in np.ndindex(kh, kw):
            total += products[ky : ky + oh, kx : kx + ow, ky * kw + kx]
        return total


@dataclass
class Recheck:
    """The checks of a convolution or a product; `renewed` does what else is to be done with new numbers."""

    given: Products
    renewed: Callable[[], Any] = nothing
    _kept: list[tuple[int, Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._row = Row(self.given.x.size)
        self._there = self._row.like(self.given.x)
        self._before = [(array, array.copy()) for array in self._new]
        self._random = np.random.default_rng(secret())

    def before(self) -> None:
        """Write other numbers into x and b."""
        self._start = self._row.start()
        self._write(self._start)
        self.renewed()

    def _write(self, start: int) -> None:
        for array in self._new:
            array.reshape(-1)[...] = self._there[start : start + array.size]

    @property
    def _new(self) -> list[Any]:
        return [array for array in (self.given.x, self.given.b) if array is not None]

    def restore(self) -> None:
        """Write the numbers that were there at first."""
        for array, before in self._before:
            array[...] = before

    def after(self, output: Any) -> None:
        """Keep one channel of the output (N, OH, OW, O)."""
        r = factors(self._random, output.shape[-1])
        self._kept.append((self._start, r, projected(output, r)))

    def error(self) -> float:
        """Return the largest error of all calls, in standard deviations of what is right; infinite where none is."""
        return max(map(self._error, self._kept))

    def _error(self, kept: tuple[int, Any, Any]) -> float:
        start, r, found = kept
        self._write(start)
        exact = self.given.channel(r)
        error = float(abs(found - exact).max() / exact.std())
        return error if np.isfinite(error) else float("inf")


@dataclass(frozen=True)
class Contender:
    """A network that is timed.

    Attributes
    ----------
    call : function
        What is timed.
    renew : function
        Writes other images into its input: those of a row of numbers from a place on.
    image : function
        A copy (1, H, W, C) of image n of the input, where that lies.
    answer : function
        The output (N, classes) of what a call returned, where that lies.
    on_host : function
        The same numbers as an array of NumPy.
    """

    call: Callable[[], Any]
    renew: Callable[[int], Any]
    image: Callable[[int], Any]
    answer: Callable[[Any], Any]
    on_host: Callable[[Any], Any]


class NetworkRecheck:
    """The checks of a network for a batch, whose images are those of a row."""

    def __init__(self, contender: Contender, row: Row, batch: int) -> None:
        self._contender, self._row, self._batch = contender, row, batch
        self._random = np.random.default_rng(secret())
        self._kept: list[tuple[Any, Any]] = []

    def before(self) -> None:
        """Write other images."""
        self._contender.renew(self._row.start())

    def after(self, returned: Any) -> None:
        """Keep one image and its answer."""
        n = int(self._random.integers(self._batch))
        self._kept.append((self._contender.image(n), self._contender.answer(returned)[n : n + 1] + 0))

    def error(self, exact: Callable[[Any], Any]) -> float:
        """Return the largest error of all calls, in standard deviations of what is right; infinite where none is."""
        images, answers = (
            np.concatenate([self._contender.on_host(one) for one in kept]) for kept in zip(*self._kept, strict=True)
        )
        expected = exact(images)
        error = float(abs(answers - expected).max() / expected.std())
        return error if np.isfinite(error) else float("inf")
