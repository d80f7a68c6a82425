"""Waiting awake, for a moment.

To wake a core that sleeps takes longer than a small layer, above all on a virtual machine, whose cores the host gives
to others meanwhile.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.compiled import address, compiled

LOOKS = 500_000
"""How often to look before one had better sleep: about a millisecond."""


@intrinsic
def _look(typing: Any, place: Any) -> Any:
    """Return the integer at an address, which another thread may be writing."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, ordering="monotonic", align=8)

    return types.int64(place), write


look: Any = _look


@compiled
def linger(number: Any, seen: int) -> None:
    """Return when number[0] is no longer what was seen, or after a while."""
    place = address(number, 0)
    for _ in range(LOOKS):
        if look(place) != seen:
            return
