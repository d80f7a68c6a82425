"""The register-blocked micro-kernel: a few rows times a panel of columns, all sums in registers.

Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (ACM TOMS 34, 2008), section 4; Van Zee and
van de Geijn, "BLIS" (ACM TOMS 41, 2015). The right matrix (K, O) is stored in panels of `panel` columns, row by row,
so that it is read from first to last. The left rows need not be a matrix: each is given by its address, and each may
go on elsewhere for a next "tap", which makes a convolution of it (Dukhan, "The indirect convolution algorithm",
arXiv 1907.02129, section 3). While it multiplies, it has what is needed next fetched into the cache: the left rows,
the right matrix, and the rows of out that are written then, for a line of which a store would else have to wait.

    out (rows, panel) = bias (panel) + sum over taps t:  left_t (rows, depth) @ right_t (depth, panel)
                        + addend (rows, panel), if there is one
"""

from collections.abc import Iterator
from itertools import chain
from math import gcd
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.jit import inlined
from convlab_kernels.cpu.runtime.simd import Writer, lanes, register_bytes, registers

VECTORS = 2
"""Registers across a panel."""

ROWS = (registers() - 4) // VECTORS
"""Rows of a full block: sums for each fill the registers but for a row of the panel, a factor, and one to spare."""

HALF = ROWS // 2

PANEL_BYTES = VECTORS * register_bytes()
"""Bytes of a panel's row."""

SHARES = max(1, PANEL_BYTES // LINE)
"""Blocks that share in fetching the next panel: each fetches a line for each of its terms."""

AHEAD = LINE // 4
"""Addresses that there must be of the rows to fetch meanwhile."""

SETS, WAYS = 4096, 8
"""Numbers so many bytes apart share a set of the first-level cache, which holds so many lines: 32 KiB in 8 ways; or
48 in 12."""


def panel_of(itemsize: int) -> int:
    """Return the columns of a panel for numbers of so many bytes."""
    return VECTORS * lanes(itemsize)


def panels_of(columns: int, itemsize: int) -> int:
    """Return how many panels so many columns make."""
    return -(-columns // panel_of(itemsize))


def panels(matrix: NDArray[Any]) -> NDArray[Any]:
    """Store matrices (..., K, O) as panels (..., ceil(O / panel), K, panel), the last filled up with zeros."""
    width = panel_of(matrix.itemsize)
    *stack, depth, columns = matrix.shape
    count = panels_of(columns, matrix.itemsize)
    packed = np.zeros((*stack, count, depth, width), matrix.dtype)
    for panel in range(count):
        part = matrix[..., panel * width : (panel + 1) * width]
        packed[..., panel, :, : part.shape[-1]] = part
    return packed


def collide(step: int, rows: int) -> bool:
    """Return whether a block's rows, so many bytes apart, throw each other out of the cache before they are used."""
    return min(rows, ROWS) * gcd(step, SETS) > WAYS * SETS


@inlined
def share_of_next(right: int, size: int, block: int) -> int:
    """Return where the next panel's share begins that is fetched during block 0, 1, ... of a panel of `size` rows."""
    return right + size * (PANEL_BYTES + min(block, SHARES - 1) * LINE)


def _micro_kernel(rows: int, vectors: int) -> Any:
    """Return the micro-kernel for a number of rows, and of registers across: what is right of them is left out."""

    @intrinsic
    def multiply(
        typing: Any,
        left: Any,  # address of the rows' addresses
        taps: Any,  # address of the taps' offsets, in bytes
        count: Any,  # of taps
        depth: Any,
        right: Any,  # address
        following: Any,  # address of the addresses of AHEAD rows to fetch into the cache meanwhile
        ahead: Any,  # address of numbers to fetch meanwhile, a line for each term of a sum
        below: Any,  # address of the block, laid out as that of out, to fetch meanwhile for writing
        bias: Any,  # address
        addend: Any,  # address of a block to add, laid out as that of out, or 0
        out: Any,  # address
        row: Any,  # numbers from one row of out to the next
        columns: Any,  # how many columns of the panel to write
        clip: Any,  # whether at 0 and at the ceiling
        ceiling: Any,
    ) -> Any:
        signature = types.void(
            left, taps, count, depth, right, following, ahead, below, bias, addend, out, row, columns, clip, ceiling
        )
        return signature, lambda *code: _write_micro_kernel(rows, vectors, *code)

    return multiply


def _write_micro_kernel(rows: int, vectors: int, context: Any, builder: Any, signature: Any, args: Any) -> Any:
    left, taps, count, depth, right, following, ahead, below, bias, addend, out, row, columns, clip, ceiling = args
    writer = Writer(builder, signature.args[-1])
    width = writer.vector.count
    firsts = [v * width for v in range(vectors)]
    rights = [writer.load(writer.address(bias, column)) for column in firsts]
    sums = [[writer.variable(start) for start in rights] for _ in range(rows)]
    starts = [writer.load_integer(left, m) for m in range(rows)]
    adds = builder.icmp_signed("!=", addend, writer.integer(0))
    with builder.if_then(adds):
        for m in range(rows):
            for column in firsts:
                writer.prefetch(writer.address(addend, builder.mul(row, writer.integer(m)), column))
    with writer.loop(count) as tap:
        offset = writer.load_integer(taps, tap)
        lefts = [builder.add(start, offset) for start in starts]
        before = builder.mul(tap, depth)
        panel = writer.address(right, builder.mul(before, writer.integer(VECTORS * width)))
        with writer.loop(depth) as k:
            here = writer.address(panel, builder.mul(k, writer.integer(VECTORS * width)))
            turn = builder.and_(k, writer.integer(LINE // writer.itemsize - 1))  # each row once in a line of it
            writer.prefetch(writer.address(builder.add(writer.load_integer(following, turn), offset), k))
            writer.prefetch(builder.add(ahead, builder.mul(builder.add(before, k), writer.integer(LINE))))
            written = writer.address(below, builder.mul(row, turn))
            for column in firsts:
                writer.prefetch(writer.address(written, column), to_write=True)
            rights = [writer.load(writer.address(here, column)) for column in firsts]
            for address, sums_of_row in zip(lefts, sums, strict=True):
                factor = writer.load_to_all(writer.address(address, k))
                for total, numbers in zip(sums_of_row, rights, strict=True):
                    writer.set(total, factor.times_plus(numbers, writer.get(total)))
    masks = [writer.lanes_before(builder.sub(columns, writer.integer(column))) for column in firsts]
    with builder.if_then(adds):
        for total, place, mask in _places(writer, sums, addend, row, firsts, masks):
            writer.set(total, writer.get(total) + writer.load_lanes(place, mask))
    with builder.if_then(clip):
        low, high = writer.zero(), writer.to_all(ceiling)
        for total in chain(*sums):
            writer.set(total, writer.get(total).at_least(low).at_most(high))
    for total, place, mask in _places(writer, sums, out, row, firsts, masks):
        writer.store_lanes(writer.get(total), place, mask)
    return context.get_dummy_value()


def _places(writer: Writer, sums: Any, block: Any, row: Any, firsts: Any, masks: Any) -> Iterator[Any]:
    """Yield each sum with where it belongs in a block, and the mask of its lanes."""
    for m, sums_of_row in enumerate(sums):
        start = writer.address(block, writer.builder.mul(row, writer.integer(m)))
        for total, first, mask in zip(sums_of_row, firsts, masks, strict=True):
            yield total, writer.address(start, first), mask


multiply_rows = _micro_kernel(ROWS, VECTORS)
multiply_half = _micro_kernel(HALF, VECTORS)
multiply_narrow = _micro_kernel(ROWS, VECTORS // 2)
multiply_one = _micro_kernel(1, VECTORS)
