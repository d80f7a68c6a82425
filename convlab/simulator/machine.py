"""A GPU in miniature: runs a kernel's Python function as a grid of threads, on a machine without one.

It is made to find mistakes that a GPU hides. Threads between barriers run in random order, a warp as far ahead of the
others as its barriers allow; shared and local memory are full of NaN, and so is the place a copy goes to until it is
waited for; an index outside an array, one that counts from the end, a number that leaves int32, and a barrier that
not all threads reach, are errors.
"""

import random
import sys
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import cache
from types import FrameType, FunctionType, SimpleNamespace
from typing import Any

import numpy as np

try:
    from greenlet import getcurrent, greenlet
except ImportError:  # nothing is simulated then; on a machine with a GPU nothing need be
    getcurrent = greenlet = object

from convlab.errors import UnsupportedError
from convlab_kernels.cuda.compiler import intrinsics, language
from convlab_kernels.cuda.compiler.language import DeviceFunction, Intrinsic, Kernel, rewritten

WARP = 32
current_thread: Callable[[], Any] = getcurrent
NO_GREENLET = "kernels are simulated with greenlet, which is not installed: pip install greenlet"


class Numbers:
    """An array in which every index is checked; its whole numbers are read as Python's, which do not wrap around."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.length = array, array.shape, len(array)
        self.whole = array.dtype.kind != "f"

    def _checked(self, index: Any) -> Any:
        for i, size in zip(index if isinstance(index, tuple) else (index,), self.shape, strict=False):
            first, last = (i.start or 0, size if i.stop is None else i.stop) if isinstance(i, slice) else (i, i + 1)
            if not 0 <= first < last <= size:
                raise IndexError(f"index {index} in an array of {self.shape}")
        return index

    def __getitem__(self, index: Any) -> Any:
        if not (type(index) is int and 0 <= index < self.length):  # what is asked for most, without a call
            self._checked(index)
        return self.array[index].tolist() if self.whole else self.array[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.array[self._checked(index)] = value


class Thread(greenlet):  # type: ignore[misc]  # greenlet has no types
    """One thread of a block: where it is, and at which barrier it waits."""

    def __init__(self, run: Callable[[], Any], place: tuple[int, ...], block: tuple[int, ...]) -> None:
        super().__init__(run)
        self.gr_context = copy_context()  # NumPy's settings, which lie in there
        self.threadIdx = SimpleNamespace(**dict(zip("xyz", place, strict=True)))
        self.number = place[0] + block[0] * (place[1] + block[1] * place[2])
        self.barrier: tuple[Any, ...] | None = None  # None: it can run; else its kind, and where it stands


class Machine:
    """What a kernel knows as `cuda`: the thread that runs, its block and their memory."""

    def __init__(self, grid: tuple[int, ...], block: tuple[int, ...], shared_bytes: int) -> None:
        self.gridDim = SimpleNamespace(**dict(zip("xyz", grid, strict=True)))
        self.blockDim = SimpleNamespace(**dict(zip("xyz", block, strict=True)))
        self.shared = SimpleNamespace(array=self._shared)
        self.local = SimpleNamespace(array=local_array)
        self.shared_bytes = shared_bytes
        self.declared: dict[Any, Numbers] = {}

    @property
    def threadIdx(self) -> Any:  # noqa: N802
        """Where the thread is in its block."""
        return getcurrent().threadIdx

    @property
    def laneid(self) -> int:
        """Which thread of its warp it is."""
        return getcurrent().number % WARP

    def _shared(self, shape: Any, dtype: Any, alignment: int | None = None) -> Numbers:
        """Return the block's array that is declared at this place in the code."""
        code = sys._getframe(1)
        if shape == 0:
            shape, place = self.shared_bytes // np.dtype(numpy_type(dtype)).itemsize, None
        else:
            place = (code.f_code, code.f_lasti)
        if place not in self.declared:
            self.declared[place] = Numbers(poisoned(shape, dtype))
        return self.declared[place]

    def syncthreads(self) -> None:
        """Wait for all threads of the block."""
        self._wait("block")

    def syncwarp(self) -> None:
        """Wait for all threads of the warp."""
        self._wait("warp")

    def _wait(self, kind: str) -> None:
        thread, place = getcurrent(), []
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            place.append((frame.f_code.co_name, frame.f_lineno, frame.f_lasti))
            frame = frame.f_back
        thread.barrier = kind, *place
        thread.parent.switch()

    def run_block(self, function: Callable[..., Any], args: Iterable[Any], order: random.Random) -> None:
        """Run all threads of a block to their end."""
        self.declared = {}
        block = tuple(vars(self.blockDim).values())
        places = [(x, y, z) for z in range(block[2]) for y in range(block[1]) for x in range(block[0])]
        threads = [Thread(lambda: function(*args), place, block) for place in places]
        warps = [threads[i : i + WARP] for i in range(0, len(threads), WARP)]
        while not all(thread.dead for thread in threads):
            order.shuffle(warps)
            for warp in warps:
                self._run_warp(warp, order)
            release(threads)

    def _run_warp(self, warp: list[Thread], order: random.Random) -> None:
        """Run a warp until all its threads wait for the block, or have ended."""
        while ready := [thread for thread in warp if not thread.dead and thread.barrier is None]:
            order.shuffle(ready)
            for thread in ready:
                thread.switch()
            if any(thread.barrier and thread.barrier[0] == "warp" for thread in warp):
                release(warp)


def release(threads: Iterable[Thread]) -> None:
    """Let threads go on from a barrier; RuntimeError unless all wait at the same one, or all have ended."""
    places = {None if thread.dead else thread.barrier for thread in threads}
    if len(places) > 1:
        raise RuntimeError(f"threads wait at different barriers, or have ended (None): {places}")
    for thread in threads:
        thread.barrier = None


def numpy_type(dtype: Any) -> np.dtype[Any]:
    """Return a type that a kernel names as NumPy's."""
    return np.dtype(dtype.__name__)


@cache
def poison(shape: Any, dtype: Any) -> Any:
    """Return an array of what nobody has written: NaN, or a number that no kernel means."""
    dtype = numpy_type(dtype)
    return np.full(shape, np.nan if dtype.kind == "f" else -(2**30), dtype)


def poisoned(shape: Any, dtype: Any) -> Any:
    """Return memory as nobody has written to it."""
    return poison(shape, dtype).copy()


def local_array(shape: Any, dtype: Any, alignment: int | None = None) -> Any:
    """Return an array of a thread's own; for speed, NumPy's own where that cannot wrap around."""
    array = poisoned(shape, dtype)
    return array if array.dtype.kind == "f" else Numbers(array)


def int32(number: Any) -> int:
    """Return a whole number that fits in an int32."""
    number = int(number)
    assert -(2**31) <= number < 2**31, f"{number} does not fit in an int32"
    return number


def uint32(number: Any) -> int:
    """Return the lowest 32 bits of a whole number."""
    return int(number) & 0xFFFFFFFF


def copy4_async(to: Any, base: Any, offset: Any, *source: Any) -> None:
    """Begin a copy: until it is waited for, nobody may use what was there, nor what will be."""
    in_python(intrinsics.copy4_async.emulation)(to, base, offset, *source)
    for i in range(4):
        to[int32(base) + int32(offset) + i] = np.float32("nan")


class Stand:
    """In a kernel's globals: the machine of the grid that runs now."""

    machine: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(Stand.machine, name)


_STAND = Stand()

_STANDS = (
    (language.cuda, _STAND),
    (language.int32, int32),
    (language.uint32, uint32),
    (intrinsics.copy4_async, copy4_async),
)


@cache
def in_python(function: Any) -> Any:
    """Return a function with simulated things in place of the GPU's, wherever it names them."""
    return rewritten(function, _simulated)


def _simulated(thing: Any) -> Any:
    for name, stand in _STANDS:
        if thing is name:
            return stand
    if isinstance(thing, DeviceFunction):
        return in_python(thing.function)
    if isinstance(thing, Intrinsic):
        return in_python(thing.emulation)
    if isinstance(thing, FunctionType) and thing.__module__ == intrinsics.__name__:
        return in_python(thing)
    return thing


def argument(given: Any) -> Any:
    """Return an argument of a launch as a kernel sees it."""
    if isinstance(given, tuple):
        return tuple(map(argument, given))
    if isinstance(given, np.ndarray) and given.ndim:
        assert given.flags.c_contiguous, f"an array with strides {given.strides}"
        return Numbers(given.reshape(-1))
    return int(given) if isinstance(given, np.integer) else given


def simulate(kernel: Kernel, grid: tuple[int, ...], *args: Any, seed: int = 0) -> None:
    """Launch a kernel on NumPy arrays; UnsupportedError without greenlet."""
    if greenlet is object:
        raise UnsupportedError(NO_GREENLET)
    grid, block = ((*sizes, 1, 1)[:3] for sizes in (grid, kernel.block))
    assert kernel.threads <= 1024 and min(grid) > 0, f"{kernel.name}: a grid {grid} of blocks {block}"
    assert max(grid[1:]) < 1 << 16, f"{kernel.name}: a grid {grid}, expected at most 65535 along y and z"
    assert len(args) == len(kernel.signature), f"{kernel.name}: {len(args)} arguments"
    flat = [argument(arg) for arg in args]
    Stand.machine, order = Machine(grid, block, kernel.shared), random.Random(seed)
    function = in_python(kernel.function)
    blocks = [(x, y, z) for z in range(grid[2]) for y in range(grid[1]) for x in range(grid[0])]
    order.shuffle(blocks)
    with np.errstate(over="ignore", invalid="ignore"):
        for place in blocks:
            Stand.machine.blockIdx = SimpleNamespace(**dict(zip("xyz", place, strict=True)))
            Stand.machine.run_block(function, flat, order)
