"""The words of the language of GPU kernels: types, and the names that stand for the GPU.

Whoever runs a kernel puts things of his own in place of those that it names (`rewritten`): `compilation` has Numba's,
the simulator has Python's. So neither GPU nor compiler is needed to import a kernel.
"""

from collections.abc import Callable, Sequence
from types import CellType, CodeType, FunctionType
from typing import Any, NamedTuple

import numpy as np

Grid = tuple[int, ...]
Capability = tuple[int, int]
"""A generation of GPUs: (9, 0) is Hopper's."""


class Gpu:
    """What a kernel knows as `cuda`: threads, their memory and their barriers, by Numba's names for them.

    Those are threadIdx, blockIdx, blockDim, gridDim, laneid, shared.array, local.array, syncthreads and syncwarp.
    """


cuda: Any = Gpu()
float32: Any = np.float32
int32: Any = np.int32
uint32: Any = np.uint32


class Array(NamedTuple):
    """The type of an argument that is an array: a kernel sees the address of its first number."""

    dtype: Any


class Several(NamedTuple):
    """The type of an argument that is a tuple of so many numbers."""

    dtype: Any
    size: int


FLOAT, INT, FLOATS = float32, int32, Array(float32)
"""Types of a kernel's arguments."""


def ints(count: int) -> Several:
    """Return the type of a tuple of so many int32."""
    return Several(int32, count)


class DeviceFunction(NamedTuple):
    """A function that becomes part of the kernels that call it."""

    function: Callable[..., Any]


def device_function(function: Callable[..., Any]) -> Any:
    """Make a function one of the device, part of the kernels that call it."""
    return DeviceFunction(function)


class Intrinsic(NamedTuple):
    """A machine instruction that Numba has no name for.

    Attributes
    ----------
    emulation : function
        Does in Python what the instruction does: the reference.
    name : str
        What `instructions` calls it.
    given : tuple
        What a function of that name in there is called with; where nothing, it is the instruction itself.
    """

    emulation: Callable[..., Any]
    name: str
    given: tuple[Any, ...] = ()


class KernelSource:
    """A function that all threads of a grid run, and what a compiler is to know of it.

    Attributes
    ----------
    function : callable
    signature : sequence of types
    block : tuple of int
        Threads of a block along x, y, z.
    name : str
        No other kernel has it.
    blocks : int or None
        How many blocks a multiprocessor must have room for: the compiler keeps to the registers that leaves.
    shared : int
        Bytes of shared memory that are asked for at the launch, `cuda.shared.array(0, ...)`.
    """

    def __init__(
        self,
        function: Callable[..., None],
        signature: Sequence[Any],
        block: Grid,
        name: str = "",
        blocks: int | None = None,
        shared: int = 0,
    ) -> None:
        self.function, self.signature, self.block = function, tuple(signature), block
        self.name, self.blocks, self.shared = name or function.__name__, blocks, shared

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return int(np.prod(self.block))


def rewritten(function: Any, replaced: Callable[[Any], Any]) -> Any:
    """Return a function with `replaced(thing)` in place of each thing that it names, in its module or a closure."""
    named = _names_in(function.__code__)
    used = {name: replaced(value) for name, value in function.__globals__.items() if name in named}
    cells = None
    if function.__closure__ is not None:
        cells = tuple(CellType(replaced(cell.cell_contents)) for cell in function.__closure__)
    names = {"__builtins__": __builtins__, "__name__": function.__module__} | used
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)


def _names_in(code: CodeType) -> set[str]:
    """Return what a function, or one that is written in it, names."""
    return set(code.co_names).union(*(_names_in(part) for part in code.co_consts if isinstance(part, CodeType)))
