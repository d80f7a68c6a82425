"""The inner loop of depthwise convolution, written as vector code: a vector holds channels."""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.runtime.simd import Vector, Writer, registers

WINDOWS = 7
"""Windows beside each other that are computed together: most layers' outputs have sides of 7 times a power of 2."""

VECTORS = registers() // 16
"""Vectors of channels that are computed together: with their sums, a row of weights and a cell, they fill the
registers."""

UNROLLED = ((3, 1), (3, 2), (5, 1), (5, 2))
"""Kernels and steps, in columns, for which a row of the image is gone through once, not once for each of the kernel's
columns: what is loaded is used in all windows that see it."""


class _Sums:
    """Sums of windows beside each other, of so many vectors of channels from one on; with a mask of one of them."""

    def __init__(self, w: Writer, vectors: int, mask: Any, bias: Any) -> None:
        self.w, self.vectors, self.mask = w, vectors, mask
        self.sums = [[w.variable(start) for start in self.load(bias)] for _ in range(WINDOWS)]

    def _each(self, address: Any) -> list[Any]:
        return [self.w.address(address, v * self.w.vector.count) for v in range(self.vectors)]

    def load(self, address: Any) -> list[Vector]:
        """Return the vectors at an address."""
        places = self._each(address)
        return [self.w.load(at) if self.mask is None else self.w.load_lanes(at, self.mask) for at in places]

    def add(self, window: int, weights: list[Vector], cells: list[Vector]) -> None:
        """Add products to the sums of a window."""
        for total, weight, cell in zip(self.sums[window], weights, cells, strict=True):
            self.w.set(total, weight.times_plus(cell, self.w.get(total)))

    def store(self, window: int, address: Any, smallest: Vector, largest: Vector) -> None:
        """Write the sums of a window, clipped."""
        for total, at in zip(self.sums[window], self._each(address), strict=True):
            result = self.w.get(total).at_least(smallest).at_most(largest)
            self.w.store(result, at) if self.mask is None else self.w.store_lanes(result, at, self.mask)


@intrinsic
def some_windows(
    typing: Any,
    unrolled: Any,  # which of UNROLLED it is; none of them: another number
    source: Any,  # address of the first window's first cell in its first row, be it outside the image
    first: Any,  # its column
    end: Any,  # the column after the last that is inside the image and seen by one of the windows, or 0
    channels: Any,  # of a pixel
    line: Any,  # numbers from one of a window's rows to the next
    rows: Any,  # of a window, inside the image
    columns: Any,  # of a window
    stride: Any,  # columns from a window to the next
    dilation: Any,  # columns from a cell to the next
    weights: Any,  # address of those of the first row
    bias: Any,  # address
    target: Any,  # address
    count: Any,  # of windows, at most WINDOWS
    low: Any,
    high: Any,
) -> Any:
    """Compute windows beside each other; cells outside the image are left out."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        unrolled, source, first, end, channels, line, rows, columns, stride, dilation, *rest = args
        weights, bias, target, count, low, high = rest
        w = Writer(builder, signature.args[-1])
        lanes = w.vector.count
        smallest, largest = w.to_all(low), w.to_all(high)

        def inside(column: Any) -> Any:
            return builder.if_then(builder.icmp_unsigned("<", builder.add(first, column), end))

        def add_row(sums: _Sums, here: Any, row: Any, kernel: int, step: int) -> None:
            """Add a row of the image, each of its columns loaded once, times a row of weights."""
            weight = [sums.load(w.address(row, builder.mul(channels, w.integer(kx)))) for kx in range(kernel)]
            for column in range((WINDOWS - 1) * step + kernel):
                with inside(w.integer(column)):
                    cells = sums.load(here)
                    for window in range(WINDOWS):
                        if 0 <= column - window * step < kernel:
                            sums.add(window, weight[column - window * step], cells)
                here = w.address(here, channels)

        def add_any_row(sums: _Sums, here: Any, row: Any) -> None:
            """Add a row of the image, one column of the kernel after the other."""
            with w.loop(columns) as kx:
                weight = sums.load(w.address(row, builder.mul(channels, kx)))
                for window in range(WINDOWS):
                    column = builder.add(builder.mul(stride, w.integer(window)), builder.mul(dilation, kx))
                    with inside(column):
                        sums.add(window, weight, sums.load(w.address(here, builder.mul(channels, column))))

        def compute(channel: Any, vectors: int, mask: Any, add: Callable[..., None], *shape: int) -> None:
            sums = _Sums(w, vectors, mask, w.address(bias, channel))
            with w.loop(rows) as ky:
                row = w.address(weights, builder.mul(builder.mul(ky, columns), channels), channel)
                add(sums, w.address(source, builder.mul(ky, line), channel), row, *shape)
            for window in range(WINDOWS):
                with builder.if_then(builder.icmp_signed("<", w.integer(window), count)):
                    place = w.address(target, builder.mul(channels, w.integer(window)), channel)
                    sums.store(window, place, smallest, largest)

        def in_vectors(add: Callable[..., None], *shape: int) -> None:
            with w.loop(channels, lanes) as channel:
                compute(channel, 1, w.lanes_before(builder.sub(channels, channel)), add, *shape)

        def unrolled_kernel(*shape: int) -> None:
            last = builder.sub(channels, w.integer(VECTORS * lanes))  # where the last block begins, that may overlap
            with builder.if_else(builder.icmp_signed(">=", last, w.integer(0))) as (many, few):
                with many, w.loop(channels, VECTORS * lanes) as block:
                    channel = builder.select(builder.icmp_signed("<", block, last), block, last)
                    compute(channel, VECTORS, None, add_row, *shape)
                with few:
                    in_vectors(add_row, *shape)

        w.switch(unrolled, [partial(unrolled_kernel, *shape) for shape in UNROLLED], partial(in_vectors, add_any_row))
        return context.get_dummy_value()

    return (
        types.void(
            unrolled, source, first, end, channels, line, rows, columns, stride, dilation, weights, bias, target,
            count, low, high,
        ),
        write,
    )  # fmt: skip
