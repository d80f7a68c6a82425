"""Fully connected layers: weighted sums of all inputs, out (N, O) = x (N, K) @ w (K, O) + bias (O,).

Weights that do not take much memory are kept in panels as well, as those of a convolution with a window of one cell,
which it then is. Larger ones are read as they lie.

With a few rows of x, reading w is all the time it takes: it is read once, some rows at a time, from first to last,
each row by one thread. The sums of all shares of the rows are added at the end. Where w is finite, rows whose inputs
are all 0 add nothing and are not read: after ReLU that is most of them.

With many rows of x it is a matrix product as Goto and van de Geijn have it ("Anatomy of high-performance matrix
multiplication", ACM TOMS 34, 2008, section 4): a block of w that fits in the cache is packed into panels, and
multiplied with all of x before the next.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import bounds, check_out, offsets_of, readable
from convlab_kernels.cpu.activation import LINEAR, Activation, activate
from convlab_kernels.cpu.dense_simd import TOGETHER, add_to_four, add_to_one, pack_row
from convlab_kernels.cpu.elementwise import clipped
from convlab_kernels.cpu.pointwise import Pointwise
from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.micro_kernel import AHEAD, HALF, ROWS, multiply_half, multiply_rows, panel_of
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.scratch import scratch
from convlab_kernels.cpu.runtime.simd import lanes
from convlab_kernels.cpu.runtime.threads import SHARING, parallel_for, threads
from convlab_kernels.window import Window

PACKED = 8 << 20
"""Bytes of weights of which there may be a copy in panels."""

FEW = 16
"""Rows of x up to which reading w takes longer than multiplying with it."""

PACE = 3_000
"""Weights that one thread reads in a microsecond, roughly."""

SHARES = 4
"""Shares of the rows for each thread, at most: their sums are added at the end."""

DEPTH, PANELS = 128, 32
"""Rows and panels of a block of w: half a megabyte in float32."""


class Dense:
    """Weighted sums with the weights w (K, O), which are kept as they are."""

    activates = True

    def __init__(self, w: NDArray[Any]) -> None:
        self.w = readable(w)
        small = self.w.nbytes <= PACKED
        self.packed = Pointwise(self.w[None, None], Window((1, 1))) if small else None
        self.finite = not small and _all_finite(self.w)

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
        activation: Activation = LINEAR,
    ) -> None:
        """Multiply x (N, K) into out (N, O); add bias (O,); clip at zero and the ceiling if `relu`, except NaN."""
        check_out(out, "dense")
        if self.packed is not None:
            self.packed(x[None, None], out[None, None], bias, relu, ceiling, activation=activation)
            return
        last = (offsets_of(bias, out), *bounds(out.dtype, relu, ceiling), activation)
        (self._few if len(x) <= FEW else self._many)(readable(x), out, last)

    def _few(self, x: NDArray[Any], out: NDArray[Any], last: tuple[Any, ...]) -> None:
        depth, cost = len(self.w), self.w.size / PACE
        share = -(-depth // min(SHARES * threads(), max(1, int(cost / SHARING)))) or 1
        shares = -(-depth // share)
        sums = out[None] if shares <= 1 else scratch("sums", (shares, *out.shape), out.dtype)
        args = (x, self.w, self.finite, sums, share, lanes(out.itemsize))
        parallel_for(_add_rows, args, max(1, depth), share, cost)
        parallel_for(_add_shares, (sums, out, *last), out.shape[1], LINE, cost=sums.size / PACE)

    def _many(self, x: NDArray[Any], out: NDArray[Any], last: tuple[Any, ...]) -> None:
        width = panel_of(out.itemsize)
        parallel_for(_multiply, (x, self.w, out, width, *last), -(-out.shape[1] // width))


def _all_finite(w: NDArray[Any]) -> bool:
    """Return whether no number is infinite or NaN."""
    numbers, largest = w.reshape(-1), np.finfo(w.dtype).max
    share = max(1, -(-len(numbers) // threads()))
    found = np.ones(threads(), np.bool_)
    parallel_for(_find_infinite, (numbers, largest, found, share), len(numbers), share)
    return bool(found.all())


@shared
def _find_infinite(_, first, last, numbers, largest, finite, share):
    """Write whether all of a part of the numbers are finite, to its share's place."""
    every = True
    for i in range(first, last):
        every &= abs(numbers[i]) <= largest
    finite[first // share] = every


@shared
def _add_rows(_, first, last, x, w, finite, shares, share, lanes):
    """Add the rows first to last of w (K, O), times their numbers of x (N, K), to the sums (N, O) of their shares."""
    n, o = shares.shape[1:]
    depth = len(w)
    whole = o // lanes * lanes
    one = w.dtype.type(1)
    for start in range(first, last, share):
        sums = shares[start // share]
        for i in range(n):
            for column in range(o):
                sums[i, column] = 0
        rows, count = (0, 0, 0, 0), 0
        for k in range(start, min(depth, start + share)):
            if finite and not _meets_any(x, k):
                continue
            rows, count = (rows[1], rows[2], rows[3], k), count + 1
            if count == TOGETHER:
                _add_four(x, w, rows, sums, whole, one)
                count = 0
        for i in range(TOGETHER - count, TOGETHER):
            _add_row(x, w, rows[i], sums, 0)


@inlined
def _meets_any(x, k):
    """Return whether a row of w meets a number that is not 0."""
    met = False
    for i in range(len(x)):
        met |= x[i, k] != 0
    return met


@inlined
def _add_four(x, w, rows, sums, whole, one):
    """Add four rows of w to sums, most of their columns by vectors."""
    n, o = sums.shape
    depth = len(w)
    a, b, c, d = rows
    right = (address(w, a * o), address(w, b * o), address(w, c * o), address(w, d * o))
    i = 0
    while i < n:
        start = i * depth
        left = (address(x, start + a), address(x, start + b), address(x, start + c), address(x, start + d))
        if i + 4 <= n:
            add_to_four(left, depth, right, address(sums, i * o), o, whole, one)
            i += 4
        else:
            add_to_one(left, depth, right, address(sums, i * o), o, whole, one)
            i += 1
    for k in rows:
        _add_row(x, w, k, sums, whole)


@shared
def _add_shares(_, first, last, shares, out, bias, low, high, activation):
    """Write the columns first to last of out (N, O): the sums of all shares, and the bias."""
    for i in range(len(out)):
        for column in range(first, last):
            out[i, column] = shares[0, i, column]
        for share in range(1, len(shares)):
            for column in range(first, last):
                out[i, column] += shares[share, i, column]
    _finish(out, bias, first, last, low, high, activation)


@inlined
def _add_row(x, w, k, sums, first):
    """Add row k of w, from a column on, to sums."""
    n, o = sums.shape
    for i in range(n):
        for column in range(first, o):
            sums[i, column] += x[i, k] * w[k, column]


@shared
def _multiply(_, first, last, x, w, out, width, bias, low, high, activation):
    """Multiply x (N, K) @ w (K, O) into the columns of out (N, O) in panels first to last."""
    n, depth = x.shape
    packed = np.zeros((PANELS, DEPTH, width), w.dtype)
    tile = np.empty((ROWS, width), w.dtype)
    rows_of_x, taps, zeros = np.zeros(ROWS + AHEAD, np.int64), np.zeros(1, np.int64), np.zeros(width, w.dtype)
    left, tap, nothing, target = address(rows_of_x, 0), address(taps, 0), address(zeros, 0), address(tile, 0)
    ceiling = w.dtype.type(0)
    for start in range(first, last, PANELS):
        panels = min(last - start, PANELS)
        for top in range(0, depth, DEPTH):
            rows = min(depth - top, DEPTH)
            _pack(w, packed, top, rows, start * width, panels)
            for panel in range(panels):
                right = address(packed, panel * DEPTH * width)
                for i in range(0, n, ROWS):
                    for m in range(ROWS):
                        rows_of_x[m] = address(x, min(i + m, n - 1) * depth + top)
                    block = (
                        left,
                        tap,
                        1,
                        rows,
                        right,
                        left,
                        right,
                        target,
                        nothing,
                        0,
                        target,
                        width,
                        width,
                        False,
                        ceiling,
                    )
                    if n - i > HALF:
                        multiply_rows(*block)
                    else:
                        multiply_half(*block)
                    _add_tile(tile, out, i, (start + panel) * width, top == 0)
    _finish(out, bias, first * width, min(out.shape[1], last * width), low, high, activation)


@inlined
def _pack(w, packed, top, rows, left, panels):
    """Store so many rows of w from `top` on as panels; columns beyond the last are left as they are."""
    _, depth, width = packed.shape
    o = w.shape[1]
    whole = min(panels, (o - left) // width)
    for k in range(rows):
        start = address(w, (top + k) * o + left)
        pack_row(start, address(packed, k * width), depth * width, whole, w.dtype.type(1))
        for i in range(whole * width, min(o - left, panels * width)):
            packed[whole, k, i - whole * width] = w[top + k, left + i]


@inlined
def _add_tile(tile, out, top, left, first):
    """Add a tile to what is in out, or where it is the first, write it."""
    for i in range(min(len(tile), len(out) - top)):
        for k in range(min(tile.shape[1], out.shape[1] - left)):
            number = tile[i, k]
            out[top + i, left + k] = number if first else out[top + i, left + k] + number


@inlined
def _finish(out, bias, first, last, low, high, activation):
    """Add the bias to the columns first to last of out (N, O), clip them, and apply an activation function."""
    for i in range(len(out)):
        for column in range(first, last):
            out[i, column] = clipped(out[i, column] + bias[column], low, high)
    activate(activation, address(out, first), out.shape[1], len(out), last - first)
