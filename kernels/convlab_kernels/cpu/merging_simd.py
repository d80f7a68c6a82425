"""The inner loop that makes one row of two, number by number, written as vector code."""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.pooling_simd import larger
from convlab_kernels.cpu.runtime.simd import Vector, Writer


def _smaller(a: Vector, b: Vector) -> Vector:
    """Return the smaller of the two; NaN wins over any number."""
    return -1.0 * larger(-1.0 * a, -1.0 * b)


FUNCTIONS: dict[str, Callable[[Vector, Vector], Vector]] = {
    "add": Vector.__add__,
    "subtract": Vector.__sub__,
    "multiply": Vector.__mul__,
    "divide": Vector.__truediv__,
    "maximum": larger,
    "minimum": _smaller,
}
"""By name; compiled code knows them by their places here."""


@intrinsic
def _combine_row(
    typing: Any,
    a: Any,  # address
    a_step: Any,  # 1, or 0 where all are its one number
    b: Any,
    b_step: Any,
    out: Any,
    count: Any,
    function: Any,  # number of one of FUNCTIONS
    low: Any,
    high: Any,
) -> Any:
    """Write a function of the numbers at two addresses, clipped, to a third."""
    return types.void(a, a_step, b, b_step, out, count, function, low, high), _write_combine_row


def _write_combine_row(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    a, a_step, b, b_step, out, count, function, low, high = args
    w = Writer(builder, signature.args[-1])
    limits = w.to_all(low), w.to_all(high)

    def source(place: Any, step: Any) -> Callable[[Any], Any]:
        start = _repeated(w, place, step)
        return lambda i: w.address(start, builder.mul(i, step))

    def make(*numbers: Vector) -> Vector:
        result = w.chosen(function, numbers[0], [partial(write, *numbers) for write in FUNCTIONS.values()])
        return result.at_least(limits[0]).at_most(limits[1])

    w.row([source(a, a_step), source(b, b_step)], out, count, make)
    return context.get_dummy_value()


def _repeated(w: Writer, place: Any, step: Any) -> Any:
    """Return the address of a vector of the number at an address where the step is 0, else that address."""
    builder = w.builder
    room = w.variable(w.load_to_all(place))
    same = builder.icmp_signed("==", step, w.integer(0))
    return builder.select(same, builder.ptrtoint(room, place.type), place)


combine_row: Any = _combine_row
