"""A recorder of the simulator: a note of every number that a thread reads or writes.

with recording() as launches:
    kernel(x, out, bias)                 # any rung, on NumPy arrays
launches[0].asked(0)                     # bytes that warps ask of memory for its first array
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from convlab.simulator import machine
from convlab.simulator.machine import current_thread
from convlab_kernels.cuda.compiler import intrinsics
from convlab_kernels.cuda.compiler.language import Kernel

SECTOR = 8
"""Numbers of float32 in 32 bytes, the least that comes from memory ("CUDA C++ Best Practices Guide", 10.2.1)."""

SHARED = 100
"""The number of a block's first array in shared memory."""


class Access(NamedTuple):
    """One number that one thread reads or writes.

    Attributes
    ----------
    array : int
        0, 1, ... are the kernel's arguments that are arrays; SHARED, SHARED + 1, ... the block's in shared memory.
    writes : bool
    index : int
        Where in the array.
    instruction : int
        Grows along the thread; four numbers read at once have the same.
    """

    array: int
    writes: bool
    index: int  # type: ignore[assignment]  # tuple has a method of this name
    instruction: int


class Launch:
    """What the threads of one grid did, in order."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.arguments = 0
        self._done: dict[tuple[tuple[int, ...], int], list[Access]] = {}
        self._intrinsics: dict[tuple[tuple[int, ...], int], Any] = {}

    def note(self, array: int, index: Any, writes: bool) -> None:
        """Note what the thread that runs now does."""
        if isinstance(index, tuple):  # the simulator's own, of what a warp exchanges
            return
        block, frame = machine.Stand.machine.blockIdx, _intrinsic()
        thread = (block.x, block.y, block.z), current_thread().number
        done = self._done.setdefault(thread, [])
        same = frame is not None and frame is self._intrinsics.get(thread) and done[-1].writes == writes
        self._intrinsics[thread] = frame  # while it is kept, no later call is the same object
        instruction = done[-1].instruction if same else len(done)
        places = range(index.start, index.stop) if isinstance(index, slice) else (int(index),)
        done.extend(Access(array, writes, place, instruction) for place in places)

    def thread(
        self, number: int, array: int, writes: bool = False, block: tuple[int, ...] = (0, 0, 0)
    ) -> list[Access]:
        """Return what a thread of a block did to an array, in order."""
        return [one for one in self._done.get((block, number), []) if (one.array, one.writes) == (array, writes)]

    def asked(self, array: int, writes: bool = False) -> int:
        """Return the bytes that warps ask of memory for an array: of each instruction, 32 for each sector it touches.

        Threads of a warp have to do the same, if to other numbers.
        """
        sectors = set()
        for block, number in self._done:
            steps: dict[int, int] = {}
            for one in self.thread(number, array, writes, block):
                step = steps.setdefault(one.instruction, len(steps))
                sectors.add((block, number // machine.WARP, step, one.index // SECTOR))
        return 4 * SECTOR * len(sectors)


def _intrinsic() -> Any:
    """Return the frame of the intrinsic's reference emulation in which an array is used, or None."""
    frame: Any = sys._getframe(3)
    found = None
    while frame.f_code.co_filename == intrinsics.__file__:
        frame, found = frame.f_back, frame
    return found


class Noted(machine.Numbers):
    """An array of which every use is noted."""

    def __init__(self, array: Any, launch: Launch) -> None:
        super().__init__(array)
        self.launch = launch
        if isinstance(current_thread(), machine.Thread):
            self.number = SHARED + len(machine.Stand.machine.declared)
        else:
            self.number, launch.arguments = launch.arguments, launch.arguments + 1

    def __getitem__(self, index: Any) -> Any:
        self.launch.note(self.number, index, writes=False)
        return super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.launch.note(self.number, index, writes=True)
        super().__setitem__(index, value)


@contextmanager
def recording() -> Iterator[list[Launch]]:
    """Run kernels in the simulator; the list gets a Launch for each that is launched."""
    launches: list[Launch] = []

    def launch(kernel: Kernel, grid: Any, *args: Any) -> None:
        launches.append(Launch(kernel))
        with patch.object(machine, "Numbers", lambda array: Noted(array, launches[-1])):
            machine.simulate(kernel, grid, *args)

    with patch.object(Kernel, "__call__", launch):
        yield launches
