"""The inner loop of depthwise convolution, written as vector code: a vector holds channels."""

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.runtime.simd import Writer

WINDOWS = 4
"""Windows beside each other that are computed together: so many times fewer weights are loaded."""

SUMS = 8
"""Vectors of sums of windows beside each other, and half as many of one: none waits for its last product."""


def _side_by_side(windows: int, vectors: int) -> Any:
    """Return the loop for so many windows beside each other, of which the same cells lie inside the image.

    vectors : of channels, of each window, that are computed together
    """

    @intrinsic
    def convolve(
        typing: Any,
        source: Any,  # address of the first window's first cell, be it outside the image
        window: Any,  # numbers from a window to the next
        cells: Any,  # address of how many numbers after the source each cell lies
        places: Any,  # address of how many numbers after the first its weights lie
        count: Any,  # of cells
        weights: Any,  # address
        bias: Any,  # address
        target: Any,  # address
        channels: Any,  # of a pixel, at least as many as a vector holds
        begin: Any,  # the first channel to compute
        end: Any,  # the one after the last
        low: Any,
        high: Any,
    ) -> Any:
        return types.void(
            source, window, cells, places, count, weights, bias, target, channels, begin, end, low, high
        ), write

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, window, cells, places, count, weights, bias, target, channels, begin, end, low, high = args
        writer = Writer(builder, signature.args[-1])
        smallest, largest = writer.to_all(low), writer.to_all(high)
        origins = [writer.address(source, builder.mul(window, writer.integer(i))) for i in range(windows)]
        width = writer.vector.count

        def compute(channel: Any, vectors: int) -> None:
            firsts = [builder.add(channel, writer.integer(v * width)) for v in range(vectors)]
            starts = [writer.load(writer.address(bias, first)) for first in firsts]
            sums = [[writer.variable(start) for start in starts] for _ in origins]
            with writer.loop(count) as cell:
                place, offset = writer.load_integer(places, cell), writer.load_integer(cells, cell)
                weight = [writer.load(writer.address(weights, place, first)) for first in firsts]
                for origin, totals in zip(origins, sums, strict=True):
                    for v, first in enumerate(firsts):
                        number = writer.load(writer.address(origin, offset, first))
                        writer.set(totals[v], weight[v].times_plus(number, writer.get(totals[v])))
            for i, totals in enumerate(sums):
                start = writer.address(target, builder.mul(channels, writer.integer(i)))
                for total, first in zip(totals, firsts, strict=True):
                    result = writer.get(total).at_least(smallest).at_most(largest)
                    writer.store(result, writer.address(start, first))

        many = writer.integer(vectors * width)
        some = builder.sub(end, begin)
        whole = builder.mul(builder.sdiv(some, many), many)
        with writer.loop(whole, vectors * width) as block:
            compute(builder.add(begin, block), vectors)
        last = builder.sub(end, writer.integer(width))
        with writer.loop(builder.sub(some, whole), width) as block:
            channel = builder.add(begin, builder.add(whole, block))
            compute(builder.select(builder.icmp_signed("<", channel, last), channel, last), 1)
        return context.get_dummy_value()

    return convolve


one_window, some_windows = _side_by_side(1, SUMS // 2), _side_by_side(WINDOWS, SUMS // WINDOWS)
