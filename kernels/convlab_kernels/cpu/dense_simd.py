"""The inner loops of fully connected layers, written as vector code."""

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.runtime.micro_kernel import VECTORS
from convlab_kernels.cpu.runtime.simd import Writer

TOGETHER = 4
"""Rows of w that are read side by side: so many times fewer sums are loaded and stored."""


def _adder(images: int) -> Any:
    """Return the loop for a number of rows of x."""

    @intrinsic
    def add(typing: Any, left: Any, step: Any, right: Any, sums: Any, row: Any, columns: Any, one: Any) -> Any:
        """Add TOGETHER rows of w, each times its number of x, to the sums of each row of x.

        left, right: addresses of the numbers in the first row of x, and of the rows of w (tuples); sums: address;
        step, row: numbers between rows of x, and of sums; columns: a multiple of the lanes.
        """
        return types.void(left, step, right, sums, row, columns, one), write

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        left, step, right, sums, row, columns, _ = args
        writer = Writer(builder, signature.args[-1])
        rights = [builder.extract_value(right, k) for k in range(TOGETHER)]
        lefts = [builder.extract_value(left, k) for k in range(TOGETHER)]
        offsets = [builder.mul(step, writer.integer(m)) for m in range(images)]
        factors = [[writer.load_to_all(writer.address(start, m)) for start in lefts] for m in offsets]
        with writer.loop(columns, writer.vector.count) as column:
            numbers = [writer.load(writer.address(start, column)) for start in rights]
            for m, factors_of_row in enumerate(factors):
                place = writer.address(sums, builder.mul(row, writer.integer(m)), column)
                added = writer.zero()
                for factor, number in zip(factors_of_row, numbers, strict=True):
                    added = factor.times_plus(number, added)
                writer.store(writer.load(place) + added, place)
        return context.get_dummy_value()

    return add


add_to_one, add_to_four = _adder(1), _adder(4)


@intrinsic
def _pack_row(typing: Any, source: Any, target: Any, step: Any, panels: Any, one: Any) -> Any:
    """Copy a row of whole panels; source, target: addresses; step: numbers between panels of the target."""
    return types.void(source, target, step, panels, one), _write_pack_row


def _write_pack_row(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    source, target, step, panels, _ = args
    writer = Writer(builder, signature.args[-1])
    width = VECTORS * writer.vector.count
    with writer.loop(panels) as panel:
        here = writer.address(source, builder.mul(panel, writer.integer(width)))
        there = writer.address(target, builder.mul(panel, step))
        for column in range(0, width, writer.vector.count):
            writer.store(writer.load(writer.address(here, column)), writer.address(there, column))
    return context.get_dummy_value()


pack_row: Any = _pack_row
