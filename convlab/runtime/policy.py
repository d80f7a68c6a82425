"""The execution policy of a network: compiled kernels or the array module, which algorithms, into which memory.

A network decides for all its layers, from the work of one call, so that its answer does not depend on what was
called before, and so that NumPy's thread pool does not wake between compiled kernels. Outside a network each
operation decides for itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, Literal, Protocol

import numpy as np

from convlab.runtime.arrays import Array, module_of
from convlab_kernels.interrupts import interrupts_wait

WORK = 20_000_000
"""Multiply-adds from which a compiled kernel repays that it has to be loaded, and once to be compiled."""

BATCH_WORK = 200_000_000
"""The same for all images of a call together."""


class Memory(Protocol):
    """Where results go."""

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], /) -> Array:
        """Return an array, its numbers not yet set."""


@dataclass(frozen=True)
class Policy:
    """How a network is computed.

    Attributes
    ----------
    compiled : bool
        Whether compiled kernels compute it.
    memory : Memory or None
        Where results go; None for fresh arrays.
    propagate_nan : bool
        Whether NaN and infinities must stay where the definition puts them, at any cost.
    tf32 : bool
        Whether a GPU may round the factors of products to 10 bits (TF32).
    """

    compiled: bool
    memory: Memory | None = None
    propagate_nan: bool = False
    tf32: bool = False


_CURRENT: ContextVar[Policy | None] = ContextVar("convlab policy", default=None)


def current() -> Policy | None:
    """Return the policy of the network that is computing, None outside networks."""
    return _CURRENT.get()


@contextmanager
def using_policy(
    compiled: bool, memory: Memory | None = None, propagate_nan: bool = False, tf32: bool = False
) -> Iterator[None]:
    """Compute everything in the block in this way, and let infinities and NaN pass without NumPy's warnings."""
    token = _CURRENT.set(Policy(compiled, memory, propagate_nan, tf32))
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            yield
    finally:
        _CURRENT.reset(token)


def worth_compiling(work: int, images: int) -> bool:
    """Return whether compiled kernels are to compute a network of so much work (multiply-adds) for each image."""
    return work >= WORK or work * images >= BATCH_WORK


def kernels(part: Literal["dense", "elementwise", "pooling"], x: Array, work: int) -> ModuleType | None:
    """Return the module `part` of the compiled kernels that are to compute so much work (multiply-adds) on x.

    None: NumPy is to, or on a GPU CuPy, which has kernels for all types of numbers.
    """
    if module_of(x) is not np:
        return _gpu_kernels()[part] if x.dtype == np.float32 else None
    current = _CURRENT.get()
    wanted = work >= WORK if current is None else current.compiled
    return _cpu_kernels()[part] if wanted else None


@cache
def _cpu_kernels() -> dict[str, ModuleType]:
    with interrupts_wait():
        from convlab_kernels.cpu import dense, elementwise, pooling
    return {"dense": dense, "elementwise": elementwise, "pooling": pooling}


@cache
def _gpu_kernels() -> dict[str, ModuleType]:
    with interrupts_wait():
        from convlab_kernels.cuda import dense, elementwise, pooling
    return {"dense": dense, "elementwise": elementwise, "pooling": pooling}


def new_array(like: Array, shape: tuple[int, ...]) -> Array:
    """Return an array for results: of the module and the type of another, its numbers not yet set."""
    current, xp = _CURRENT.get(), module_of(like)
    if current is None or current.memory is None or xp is not np:
        return xp.empty(shape, like.dtype)
    return current.memory.empty(shape, like.dtype)
