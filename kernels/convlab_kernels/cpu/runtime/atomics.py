"""Integers that several threads read and write, by address: each operation is done at once, or not yet."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

instruction: Any = intrinsic  # to a type checker, what it makes takes the typing context too
INT = ir.IntType(64)
ORDER = "seq_cst"
"""All threads see all operations in one order."""


def _place(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, INT.as_pointer())


@instruction
def look(typing: Any, address: Any) -> Any:
    """Return the integer at an address."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_place(builder, args[0]), ordering=ORDER, align=8)

    return types.int64(address), write


@instruction
def put(typing: Any, address: Any, number: Any) -> Any:
    """Write an integer to an address."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _place(builder, args[0]), ordering=ORDER, align=8)
        return context.get_dummy_value()

    return types.void(address, types.int64), write


@instruction
def add(typing: Any, address: Any, number: Any) -> Any:
    """Add to the integer at an address, and return what it was."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _place(builder, args[0]), args[1], ORDER)

    return types.int64(address, types.int64), write


@instruction
def claim(typing: Any, address: Any) -> Any:
    """Make a 1 of a 0 at an address, and return whether it was one."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero, one = ir.Constant(INT, 0), ir.Constant(INT, 1)
        pair = builder.cmpxchg(_place(builder, args[0]), zero, one, ORDER)
        return builder.extract_value(pair, 1)

    return types.boolean(address), write
