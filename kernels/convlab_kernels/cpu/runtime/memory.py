"""Bytes copied and cleared as the C library does it: no loop over numbers that Numba compiles is as fast."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from convlab_kernels.cpu.runtime.atomics import instruction

BYTE = ir.IntType(8)


@instruction
def copy(typing: Any, source: Any, target: Any, size: Any) -> Any:
    """Copy so many bytes from one address to another; the two parts do not overlap."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target, size = args
        places = [builder.inttoptr(place, BYTE.as_pointer()) for place in (target, source)]
        cgutils.raw_memcpy(builder, *places, size, 1)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), write


@instruction
def clear(typing: Any, target: Any, size: Any) -> Any:
    """Set so many bytes to 0."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target, size = args
        cgutils.memset(builder, builder.inttoptr(target, BYTE.as_pointer()), size, 0)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), write
