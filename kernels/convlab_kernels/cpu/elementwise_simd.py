"""The inner loops of elementwise kernels, written as vector code.

A processor that stores all of a cache line at once need not fetch it before. What a compiler makes of a loop stores
half of one.
"""

from functools import partial
from typing import Any

from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.runtime.simd import Vector, Writer


def _row_of(operands: int) -> Any:
    """Return the loop over a row of numbers and, where there are more operands, over what each is normalised with."""

    @intrinsic
    def write_row(
        typing: Any,
        sources: Any,  # addresses
        out: Any,  # address
        count: Any,
        low: Any,
        high: Any,
    ) -> Any:
        return types.void(sources, out, count, low, high), write

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sources, out, count, low, high = args
        w = Writer(builder, signature.args[-1])
        limits = w.to_all(low), w.to_all(high)

        def make(x: Vector, *normal: Vector) -> Vector:
            made = x
            if normal:
                mean, scale, shift = normal
                made = (x - mean) * scale + shift
            return made.at_least(limits[0]).at_most(limits[1])

        w.row([partial(w.address, builder.extract_value(sources, i)) for i in range(operands)], out, count, make)
        return context.get_dummy_value()

    return write_row


clip_row, normalise_row = _row_of(1), _row_of(4)
