"""The inner loop of depthwise convolution, written as vector code: a vector holds channels."""

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.runtime.simd import Writer

WINDOWS = 4
"""Windows beside each other that are computed together: so many times fewer weights are loaded."""


def _side_by_side(windows: int) -> Any:
    """Return the loop for so many windows beside each other, of which the same cells lie inside the image."""

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
        channels: Any,  # at least as many as a vector holds
        low: Any,
        high: Any,
    ) -> Any:
        return types.void(source, window, cells, places, count, weights, bias, target, channels, low, high), write

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, window, cells, places, count, weights, bias, target, channels, low, high = args
        writer = Writer(builder, signature.args[-1])
        smallest, largest = writer.to_all(low), writer.to_all(high)
        origins = [writer.address(source, builder.mul(window, writer.integer(i))) for i in range(windows)]
        last = builder.sub(channels, writer.integer(writer.vector.count))
        with writer.loop(channels, writer.vector.count) as block:
            channel = builder.select(builder.icmp_signed("<", block, last), block, last)
            start = writer.load(writer.address(bias, channel))
            sums = [writer.variable(start) for _ in origins]
            with writer.loop(count) as cell:
                weight = writer.load(writer.address(weights, writer.load_integer(places, cell), channel))
                offset = builder.add(writer.load_integer(cells, cell), channel)
                for origin, total in zip(origins, sums, strict=True):
                    number = writer.load(writer.address(origin, offset))
                    writer.set(total, weight.times_plus(number, writer.get(total)))
            for i, total in enumerate(sums):
                result = writer.get(total).at_least(smallest).at_most(largest)
                writer.store(result, writer.address(target, channel, builder.mul(channels, writer.integer(i))))
        return context.get_dummy_value()

    return convolve


one_window, some_windows = _side_by_side(1), _side_by_side(WINDOWS)
