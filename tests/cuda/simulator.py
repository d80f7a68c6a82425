"""A GPU in miniature: runs a kernel's Python function as a grid of threads, on a machine without one.

It is made to find mistakes that a GPU hides. Threads between barriers run in random order, a warp as far ahead of the
others as its barriers allow; shared and local memory are full of NaN, and begun copies land when they are waited for
and no sooner; an index outside an array, one that counts from the end, a number that leaves int32, and a barrier that
not all threads reach, are errors.
"""

import random
import sys
from functools import cache
from types import FunctionType, SimpleNamespace

import numpy as np
from greenlet import getcurrent, greenlet

from convlab_kernels.cuda import backend

WARP = 32


class Numbers:
    """An array in global or shared memory, of one dimension or more, in which every index is checked."""

    def __init__(self, array):
        self.array = array
        self.shape = array.shape

    def __len__(self):
        return len(self.array)

    def _checked(self, index):
        for i, size in zip(index if isinstance(index, tuple) else (index,), self.shape, strict=False):
            if isinstance(i, slice):
                assert 0 <= (i.start or 0) <= size, f"{i} in an array of {self.shape}"
            elif not 0 <= i < size:
                raise IndexError(f"index {index} in an array of {self.shape}")
        return index

    def __getitem__(self, index):
        return self.array[self._checked(index)]

    def __setitem__(self, index, value):
        self.array[self._checked(index)] = value


class Thread(greenlet):
    """One thread of a block: where it is, and at which barrier it waits."""

    def __init__(self, run, place, block):
        super().__init__(run)
        self.threadIdx = SimpleNamespace(**dict(zip("xyz", place, strict=True)))
        self.number = place[0] + block[0] * (place[1] + block[1] * place[2])
        self.barrier = None  # None: it can run; else which barrier, and the line it stands in


class Machine:
    """What a kernel knows as `cuda`: the thread that runs, its block and their memory."""

    def __init__(self, grid, block, shared_bytes):
        self.gridDim = SimpleNamespace(**dict(zip("xyz", grid, strict=True)))
        self.blockDim = SimpleNamespace(**dict(zip("xyz", block, strict=True)))
        self.shared = SimpleNamespace(array=self._shared)
        self.local = SimpleNamespace(array=lambda shape, dtype, alignment=None: poisoned(shape, dtype))
        self.shared_bytes = shared_bytes

    @property
    def threadIdx(self):  # noqa: N802
        return getcurrent().threadIdx

    @property
    def laneid(self):
        return getcurrent().number % WARP

    def _shared(self, shape, dtype, alignment=None):
        """Return the block's array that is declared at this place in the code."""
        code = sys._getframe(1)
        if shape == 0:
            shape, place = self.shared_bytes // np.dtype(numpy_type(dtype)).itemsize, None
        else:
            place = (code.f_code, code.f_lasti)
        if place not in self.declared:
            self.declared[place] = Numbers(poisoned(shape, dtype))
        return self.declared[place]

    def syncthreads(self):
        self._wait("block")

    def syncwarp(self):
        self._wait("warp")

    def _wait(self, kind):
        thread, code = getcurrent(), sys._getframe(2)
        thread.barrier = kind, code.f_code, code.f_lasti
        thread.parent.switch()

    def run_block(self, function, args, order):
        """Run all threads of a block to their end."""
        self.declared = {}
        block = tuple(vars(self.blockDim).values())
        places = [(x, y, z) for z in range(block[2]) for y in range(block[1]) for x in range(block[0])]
        threads = [Thread(lambda: function(*args), place, block) for place in places]
        warps = [threads[i : i + WARP] for i in range(0, len(threads), WARP)]
        while live := [warp for warp in warps if any(not thread.dead for thread in warp)]:
            order.shuffle(live)
            for warp in live:
                self._run_warp(warp, order)
            release([thread for warp in live for thread in warp], "block")

    def _run_warp(self, warp, order):
        """Run a warp until all its threads wait for the block, or have ended."""
        while ready := [thread for thread in warp if not thread.dead and thread.barrier is None]:
            order.shuffle(ready)
            for thread in ready:
                thread.switch()
            waiting = [thread for thread in warp if not thread.dead]
            if waiting and all(thread.barrier[0] == "warp" for thread in waiting):
                release(warp, "warp")


def release(threads, kind):
    """Let threads go on from a barrier; RuntimeError unless it is the same for all that have not ended."""
    waiting = {thread.barrier for thread in threads if not thread.dead}
    if len(waiting) > 1 or any(barrier is None or barrier[0] != kind for barrier in waiting):
        raise RuntimeError(f"threads of a {kind} wait at different barriers: {waiting}")
    for thread in threads:
        thread.barrier = None


def numpy_type(dtype):
    """Return a type that a kernel names as NumPy's."""
    return np.dtype(dtype.__name__)


def poisoned(shape, dtype):
    """Return memory as nobody has written to it."""
    dtype = numpy_type(dtype)
    return np.full(shape, np.nan if dtype.kind == "f" else -(2**30), dtype)


def int32(number):
    """Return a whole number that fits in an int32."""
    number = int(number)
    assert -(2**31) <= number < 2**31, f"{number} does not fit in an int32"
    return number


def uint32(number):
    return int(number) & 0xFFFFFFFF


class Stand:
    """In a kernel's globals: the machine of the grid that runs now."""

    machine = None

    def __getattr__(self, name):
        return getattr(Stand.machine, name)


_STAND = Stand()


@cache
def in_python(function):
    """Return a function with simulated things in place of the GPU's, wherever it names them."""
    used = {name: value for name, value in function.__globals__.items() if name in function.__code__.co_names}
    names = {"__builtins__": __builtins__} | {name: _replaced(value) for name, value in used.items()}
    cells = function.__closure__
    if cells is not None:
        cells = tuple(type(cell)(_replaced(cell.cell_contents)) for cell in cells)
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)


def _replaced(value):
    if value is backend.cuda:
        return _STAND
    for ours, theirs in ((int32, backend.int32), (uint32, backend.uint32), (np.float32, backend.float32)):
        if value is theirs:
            return ours
    if hasattr(value, "twin"):
        return in_python(value.twin)
    if type(value).__name__ == "CUDADispatcher":
        return in_python(value.py_func)
    if isinstance(value, FunctionType) and value.__module__ == backend.__name__:
        return in_python(value)
    return value


def simulate(kernel, grid, *args, seed=0):
    """Launch a kernel on NumPy arrays."""
    grid, block = ((*sizes, 1, 1)[:3] for sizes in (grid, kernel.block))
    assert kernel.threads <= 1024 and min(grid) > 0, f"{kernel.name}: a grid {grid} of blocks {block}"
    assert len(args) == len(kernel.signature), f"{kernel.name}: {len(args)} arguments"
    flat = [Numbers(arg.reshape(-1)) if isinstance(arg, np.ndarray) and arg.ndim else arg for arg in args]
    Stand.machine, order = Machine(grid, block, kernel.shared), random.Random(seed)
    function = in_python(kernel.function)
    blocks = [(x, y, z) for z in range(grid[2]) for y in range(grid[1]) for x in range(grid[0])]
    order.shuffle(blocks)
    with np.errstate(over="ignore", invalid="ignore"):
        for place in blocks:
            Stand.machine.blockIdx = SimpleNamespace(**dict(zip("xyz", place, strict=True)))
            Stand.machine.run_block(function, flat, order)
