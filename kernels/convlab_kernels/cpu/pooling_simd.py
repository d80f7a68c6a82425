"""The inner loops of pooling, written as vector code: a vector holds channels, and results stay in registers."""

from collections.abc import Callable
from typing import Any

from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.runtime.simd import Vector, Writer


def larger(largest: Vector, number: Vector) -> Vector:
    """Return the larger of the two; NaN wins over any number."""
    builder = largest.builder
    above = builder.fcmp_ordered(">", number.value, largest.value)
    wins = builder.or_(above, builder.fcmp_unordered("uno", number.value, number.value))
    return Vector(builder, builder.select(wins, number.value, largest.value))


def _window(add: Callable[[Vector, Vector], Vector], divide: bool) -> Any:
    """Return the loop that takes together, with `add`, the cells of a window, and may divide by their number."""

    @intrinsic
    def reduce(
        typing: Any,
        source: Any,  # address of the first cell
        row: Any,  # numbers from one row of the image to the next
        column: Any,  # and from one cell of a row to the next
        rows: Any,
        columns: Any,
        target: Any,  # address
        channels: Any,  # at least as many as a vector holds
        cells: Any,  # their number, in the type of the image
    ) -> Any:
        return types.void(source, row, column, rows, columns, target, channels, cells), write

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, row, column, rows, columns, target, channels, cells = args
        writer = Writer(builder, signature.args[-1])
        divisor = writer.to_all(cells)
        last = builder.sub(channels, writer.integer(writer.vector.count))
        with writer.loop(channels, writer.vector.count) as block:
            channel = builder.select(builder.icmp_signed("<", block, last), block, last)
            start = writer.address(source, channel)
            total = writer.variable(writer.load(start) if not divide else writer.zero())
            with writer.loop(rows) as y, writer.loop(columns) as x:
                cell = writer.address(start, builder.mul(y, row), builder.mul(x, column))
                writer.set(total, add(writer.get(total), writer.load(cell)))
            result = writer.get(total)
            if divide:
                result = Vector(builder, builder.fdiv(result.value, divisor.value))
            writer.store(result, writer.address(target, channel))
        return context.get_dummy_value()

    return reduce


largest_of, mean_of = _window(larger, divide=False), _window(Vector.__add__, divide=True)
