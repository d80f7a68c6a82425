"""Work noted instead of done, to be done later as often as wanted, and all of it in one compiled call.

A GPU's driver captures what a stream is asked to do and makes a graph of it (NVIDIA, "CUDA C++ Programming Guide",
section 3.2.8.7). Here it is the tasks of `parallel_for` that are captured, and nothing is computed meanwhile: the
arrays have addresses but no numbers. Once it is known who needs which of them, and for how long, each gets its place
in memory, and the addresses in the tasks are put right.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import prod
from mmap import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.cpu.runtime.aligned import aligned

LARGEST = 4096
"""Bytes of the arguments of one task, at most."""


class UnplannedError(Exception):
    """What is computed here is not all done by tasks."""


class Promised(np.ndarray[Any, np.dtype[Any]]):
    """An array of which there is only the address, while tasks are noted: who asks for its numbers is refused."""

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        """Refuse to compute."""
        raise UnplannedError

    def __array_function__(self, *_: Any, **__: Any) -> Any:
        """Refuse to compute."""
        raise UnplannedError

    def __setitem__(self, *_: Any) -> None:
        """Refuse to write."""
        raise UnplannedError


@dataclass(frozen=True)
class Task:
    """One loop of a kernel: the kernel's name, its code and arguments, how it is shared, and its cost.

    `buffers` are those it uses, `places` the words of its arguments that are addresses in one of them: (word, buffer,
    bytes from its beginning).
    """

    kernel: str
    code: int
    words: NDArray[np.int64]
    sharing: tuple[int, int, int, int]
    cost: float
    buffers: frozenset[int]
    places: list[tuple[int, int, int]]


class Notes:
    """The tasks in the order in which they were noted, and the buffers that they use.

    Attributes
    ----------
    tasks : list of Task
    sizes : list of int
        Bytes of each buffer.
    kept : list
        Arrays that tasks use and that are not buffers: weights, and what was made from them.
    """

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.sizes: list[int] = []
        self.kept: list[Any] = []
        self._starts: list[tuple[int, int]] = []  # address and number of each buffer, by address
        self._arrays: list[Promised] = []  # whose addresses nobody else is to be given meanwhile
        from convlab_kernels.cpu.runtime.parallel_for import CLAIMED, NOTEBOOK, TASK

        self._page = aligned(TASK + LARGEST).view(np.int64)
        self._page[CLAIMED // 8], self._words = NOTEBOOK, self._page[TASK // 8 :]

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Promised:
        """Return an array in a buffer of its own."""
        size = max(1, prod(shape)) * dtype.itemsize
        array = np.ndarray(shape, dtype, mmap(-1, size)).view(Promised)  # pages that nobody touches are no memory
        insort(self._starts, (array.ctypes.data, len(self.sizes)))
        self._arrays.append(array)
        self.sizes.append(size)
        return array

    def release(self) -> None:
        """Give back the addresses, of which a process has not many: all that is to be noted has been."""
        self._arrays.clear()
        self._starts.clear()

    def find(self, address: int) -> tuple[int, int] | None:
        """Return the buffer in which an address lies, and how many bytes from its beginning; None where in none."""
        start, buffer = self._starts[bisect_right(self._starts, (address, len(self.sizes))) - 1]
        return (buffer, address - start) if 0 <= address - start < self.sizes[buffer] else None

    def note(self, kernel: Any, args: tuple[Any, ...], sharing: tuple[int, int, int, int], cost: float) -> bool:
        """Note a task, and return True; where no array of it is one of these, it is to be done at once: False."""
        promised = [arg for arg in args if isinstance(arg, Promised)]
        if not promised:
            return False
        if any(self.find(array.ctypes.data) is None for array in promised):
            raise UnplannedError  # a copy that somebody made
        arrays = tuple(arg.view(np.ndarray) if isinstance(arg, Promised) else arg for arg in args)
        size = kernel(self._page, *sharing, *arrays)
        words = self._words[1 : 1 + -(-size // 8)].copy()
        found = [(i, self.find(int(word))) for i, word in enumerate(words)]
        places = [(i, *place) for i, place in found if place is not None]
        buffers, name = frozenset(buffer for _, buffer, _ in places), kernel.__module__.rpartition(".")[2]
        self.tasks.append(Task(name, int(self._words[0]), words, sharing, cost, buffers, places))
        self.kept += (arg for arg in args if not isinstance(arg, Promised))
        return True


_NOTES: ContextVar[Notes | None] = ContextVar("convlab notes", default=None)


def notes() -> Notes | None:
    """Return where tasks are to be noted, None where they are to be done."""
    return _NOTES.get()


@contextmanager
def noting(notes: Notes) -> Iterator[Notes]:
    """Note the tasks of the block, whose arrays are those of the notes."""
    token = _NOTES.set(notes)
    try:
        yield notes
    finally:
        _NOTES.reset(token)
