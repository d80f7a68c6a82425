"""Machine instructions that Numba has no name for, each as its reference emulation in Python.

So a kernel that names them can be run without a GPU. How each is written for one, `instructions` says. PTX is
NVIDIA's "Parallel Thread Execution ISA", version 8.5; its sections are named where an instruction is not plain.

An array is FLOATS or shared memory; a number's place is base + offset, and an offset that is a constant becomes part
of the instruction.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from convlab_kernels.cuda.compiler.terms import Intrinsic, cuda, float32

__all__ = [
    "commit_group",
    "copy4_async",
    "load4",
    "load4_constant",
    "load_matrices",
    "multiply_tf32",
    "power_of_two",
    "split_tf32",
    "store1",
    "store2",
    "store4",
    "wait_group",
]


def _intrinsic(emulation: Callable[..., Any]) -> Any:
    """Make an instruction of what it does."""
    return Intrinsic(emulation, emulation.__name__)


def _aligned(base: Any, offset: Any, numbers: int) -> int:
    """Return base + offset; AssertionError where a vector of so many numbers may not begin there."""
    place = int(base) + int(offset)
    assert place % numbers == 0, f"a vector of {numbers} numbers begins at {place}"
    return place


@_intrinsic
def load4(array: Any, base: int, offset: int) -> tuple[Any, ...]:
    """Return array[base + offset] and the three numbers after it, read at once; base + offset is a multiple of 4."""
    first = _aligned(base, offset, 4)
    return array[first], array[first + 1], array[first + 2], array[first + 3]


load4_constant: Any = Intrinsic(load4.emulation, "load4_constant")
"""The same, from an array that no thread writes to while the kernel runs: it may come from the read-only cache."""


@_intrinsic
def store4(array: Any, base: int, offset: int, numbers: tuple[Any, ...]) -> None:
    """Write four numbers at once to array[base + offset] and after it; base + offset is a multiple of 4."""
    first = _aligned(base, offset, 4)
    for i, number in enumerate(numbers):
        array[first + i] = number


@_intrinsic
def store2(array: Any, base: int, offset: int, first: Any, second: Any) -> None:
    """Write two numbers at once to array[base + offset] and after it; base + offset is even."""
    place = _aligned(base, offset, 2)
    array[place], array[place + 1] = first, second


@_intrinsic
def store1(array: Any, base: int, offset: int, number: Any) -> None:
    """Write a number to array[base + offset], without a check for indices that count from the end."""
    array[int(base) + int(offset)] = number


# Copies that go on while the thread computes (PTX, 9.7.9.25: cp.async). The emulation carries them out when they are
# waited for, and no sooner: until then there is NaN.

_copies: ContextVar[tuple[Any, ...]] = ContextVar("copies that a thread has begun", default=())


@_intrinsic
def copy4_async(to: Any, base: int, offset: int, source: Any, place: int, inside: bool) -> None:
    """Begin to copy source[place] and the three after it to shared memory at base + offset; zeros unless `inside`."""
    first, start = _aligned(base, offset, 4), _aligned(place, 0, 4)
    numbers = [source[start + i] if inside else np.float32(0) for i in range(4)]
    _copies.set((*_copies.get(), (to, first, numbers)))


@_intrinsic
def commit_group() -> None:
    """Make one group of the copies begun since the last such, be there any or none."""
    _copies.set((*_copies.get(), None))


def wait_group(groups: int) -> Any:
    """Return the intrinsic that waits until at most so many of this thread's groups of copies are under way."""

    def wait() -> None:
        begun = list(_copies.get())
        while begun.count(None) > groups:
            copy = begun.pop(0)
            if copy is not None:
                to, first, numbers = copy
                to[first : first + 4] = numbers
        _copies.set(tuple(begun))

    return Intrinsic(wait, "wait_group", (groups,))


# Tensor cores. A warp's 32 threads hold matrices together; a thread's lane is its number in the warp.


def _of_warp(numbers: tuple[Any, ...]) -> Any:
    """Return the lane, and an array (32, len(numbers)) of what each thread of the warp gives."""
    given = cuda.shared.array((1024, 10), float32)
    block = cuda.blockDim
    thread = cuda.threadIdx.x + block.x * (cuda.threadIdx.y + block.y * cuda.threadIdx.z)
    first = thread // 32 * 32
    given[thread, : len(numbers)] = numbers
    cuda.syncwarp()
    found = given[first : first + 32, : len(numbers)].copy()
    cuda.syncwarp()
    return thread % 32, found


@_intrinsic
def load_matrices(array: Any, base: int, offset: int) -> tuple[Any, ...]:
    """Return this lane's number of each of four matrices (8, 4) in shared memory (PTX, 9.7.14.5.15: ldmatrix).

    base + offset is where a row begins: lane 8 i + r names row r of matrix i, and gets of each matrix the number in
    row lane // 4, column lane % 4.
    """
    lane, places = _of_warp((_aligned(base, offset, 4),))
    row, column = lane // 4, lane % 4
    return tuple(array[int(places[8 * i + row, 0]) + column] for i in range(4))


KEPT = 0xFFFFE000
"""The bits of a float32 that TF32 has: sign, exponent and 10 of the fraction."""


def _bits(number: Any) -> Any:
    return np.asarray(number, np.float32).view(np.uint32)


def _truncated(numbers: Any) -> Any:
    return (_bits(numbers) & np.uint32(KEPT)).view(np.float32)


@_intrinsic
def multiply_tf32(
    c0: Any, c1: Any, c2: Any, c3: Any, a0: Any, a1: Any, a2: Any, a3: Any, b0: Any, b1: Any
) -> tuple[Any, ...]:
    """Return this lane's four numbers of c (16, 8) + a (16, 8) @ b (8, 8), factors cut to TF32 (PTX, 9.7.14.5: mma).

    Takes the lane's four numbers of c, four of a and two of b. With r = lane // 4 and k = lane % 4 they are
    c[r, 2k], c[r, 2k+1], c[r+8, 2k], c[r+8, 2k+1]; a[r, k], a[r+8, k], a[r, k+4], a[r+8, k+4]; b[k, r], b[k+4, r].
    """
    lane, given = _of_warp((a0, a1, a2, a3, b0, b1))
    factors = _truncated(given).astype(np.float64)
    row, column = lane // 4 * 4, lane % 4 * 8  # the lanes from these on hold the rows and columns asked for
    left = factors[row : row + 4].T[[[0, 2], [1, 3]]].reshape(2, 8)
    right = factors[column : column + 8, 4:].reshape(2, 4, 2).swapaxes(1, 2).reshape(2, 8)
    sums = zip((c0, c1, c2, c3), (left @ right.T).ravel(), strict=True)
    return tuple(np.float32(c + p) for c, p in sums)


@_intrinsic
def split_tf32(number: Any) -> tuple[Any, Any]:
    """Return a number cut to TF32 and what was cut off, exactly: their sum is the number."""
    large = _truncated(number)[()]
    return large, np.float32(number) - large


@_intrinsic
def power_of_two(number: Any) -> Any:
    """Return a number without its fraction: the power of two next to it towards zero; an infinity for NaN."""
    return (_bits(number) & np.uint32(0xFF800000)).view(np.float32)[()]
