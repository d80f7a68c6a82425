"""Convolutions on a GPU as candidates of a benchmark: made ready once for a case, then called and timed.

A launch returns before the kernel has run, so a clock of the host would time launches. The GPU itself notes the time
at marks that are put among the kernels (events), and before each of them a buffer larger than its second-level cache
is written, so that a call finds nothing of the call before; while the GPU writes, the host prepares the launches.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from convlab.bench.candidates import Candidate, First
from convlab.bench.case import Case
from convlab.bench.recheck import Given, Recheck, Turn
from convlab.bench.turns import nothing, seconds
from convlab.runtime.arrays import Shape, on_host
from convlab.runtime.device import placed, synchronize
from convlab_kernels.cuda import METHODS

FLUSHED = 8
"""How many times the second-level cache is written before a call that is timed."""
TRIES, LAUNCHING = 3, 1e-3
"""Of how many calls both clocks are read, and the seconds that the host may need besides."""
COPIES = 5
"""How often the copies between host and GPU are timed."""


@dataclass(frozen=True)
class Figures:
    """What a kernel takes of a multiprocessor.

    Attributes
    ----------
    name : str
    registers : int
        Of each thread.
    shared : int
        Bytes of shared memory of a block.
    local : int
        Bytes of memory of each thread, for what finds no place in registers.
    """

    name: str
    registers: int
    shared: int
    local: int


class DeviceCandidate(Candidate):
    """A way to compute on the GPU, timed by its clock."""

    def time(self, calls: int, seed: int) -> Turn:
        """Time so many calls by the GPU's clock; what runs in another stream, the host's clock sees."""
        check = Recheck(self._case, self._given, seed)
        turn = check.turn(event_seconds(self._call, calls, before=check.renew, after=check.keep))
        return replace(turn, fault=turn.fault or beside_the_clock([both_seconds(self._call) for _ in range(TRIES)]))

    def copies(self) -> tuple[float, float]:
        """Return the seconds that the input takes to the GPU, and the output back."""
        x, _, _ = self._case.shapes
        return copy_seconds(x, self._case.dtype)[0], copy_seconds(self._case.output, self._case.dtype)[1]


class DeviceKernel(DeviceCandidate):
    """A rung of the ladder; its output is written into the same array each time."""

    def __init__(self, method: str) -> None:
        self.kernel: Any = METHODS[method]
        self._launched: dict[str, Any] = {}

    def open(self, case: Case) -> First:
        """Prepare and call once; what is compiled in that call, or found on disk and loaded, counts as compiling."""
        x, w, b = (placed(array, "cuda") for array in case.arrays())
        out = placed(np.full(case.output, np.nan, case.dtype), "cuda")
        self.kernel(w, case.window, case.groups)  # loads libraries: no part of preparing
        start = perf_counter()
        kernel = self.kernel(w, case.window, case.groups)
        synchronize(x)
        prepared = perf_counter()
        self._case, self._given = case, Given(x, w, b, out, result=lambda _: out)
        self._call = partial(kernel, x, out, b)
        with launches() as self._launched:
            self._call()
        synchronize(out)
        compiled = perf_counter() - prepared
        return First(on_host(out), prepared - start, compiled, getattr(self.kernel, "amplification", 1.0))

    def figures(self) -> list[Figures]:
        """Return what the kernels of this ladder take that the call launched; cuBLAS' are not among them."""
        return [figures_of(kernel) for kernel in self._launched.values()]


def event_seconds(
    call: Callable[[], Any],
    calls: int,
    flush: bool = True,
    before: Callable[[], None] = nothing,
    after: Callable[[Any], None] = nothing,
) -> list[float]:
    """Return the seconds that the GPU takes for so many calls, after one that is not counted.

    All that is timed must be in CuPy's current stream. Without `flush`, calls find in the cache what others left.
    What is done before and after a call, the latter with what it returned, is not timed.
    """
    import cupy

    buffer = cupy.empty(FLUSHED * cupy.cuda.Device().attributes["L2CacheSize"], cupy.uint8)
    call()
    marks = []
    for _ in range(calls):
        before()
        if flush:
            buffer.data.memset_async(0, buffer.nbytes)
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        returned = call()
        end.record()
        after(returned)
        marks.append((start, end))
    cupy.cuda.get_current_stream().synchronize()
    return [1e-3 * cupy.cuda.get_elapsed_time(*pair) for pair in marks]


def copy_seconds(shape: Shape, dtype: str = "float32") -> tuple[float, float]:
    """Return the seconds that an array takes to the GPU, and back: medians."""
    host = np.ones(shape, dtype)
    there = placed(host, "cuda")
    back = [seconds(lambda: on_host(there)) for _ in range(COPIES)]
    return median(seconds(lambda: synchronize(placed(host, "cuda"))) for _ in range(COPIES)), median(back)


def both_seconds(call: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds of a call by the GPU's clock, and by the host's around all that the GPU has to do."""
    import cupy

    everything = cupy.cuda.runtime.deviceSynchronize
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    everything()
    began = perf_counter()
    start.record()
    call()
    end.record()
    everything()
    host = perf_counter() - began
    return 1e-3 * cupy.cuda.get_elapsed_time(start, end), host


def beside_the_clock(pairs: Sequence[tuple[float, float]]) -> str:
    """Return what is wrong where the GPU goes on for long after the call: both clocks, in seconds, of some calls."""
    gpu, host = min(pairs, key=lambda pair: pair[1] - pair[0])
    if host <= 2 * gpu + LAUNCHING:
        return ""
    return f"the GPU's clock saw {1e3 * gpu:.3g} ms of {1e3 * host:.3g}: expected all its work in the current stream"


@contextmanager
def launches() -> Iterator[dict[str, Any]]:
    """Yield the kernels, by name, that are launched in the block. It is meant for a process of its own."""
    from convlab_kernels.cuda.compiler.language import Kernel

    seen: dict[str, Kernel] = {}
    launch: Callable[..., None] = Kernel.__call__

    def noted(kernel: Kernel, grid: tuple[int, ...], *args: Any) -> None:
        seen[kernel.name] = kernel
        launch(kernel, grid, *args)

    Kernel.__call__ = noted  # type: ignore[method-assign, assignment]
    try:
        yield seen
    finally:
        Kernel.__call__ = launch  # type: ignore[method-assign]


def figures_of(kernel: Any) -> Figures:
    """Return what the driver says of a kernel that has been launched."""
    from cupy.cuda import Device, driver

    from convlab_kernels.cuda.compiler.launch import loaded

    place = loaded(kernel, Device().id).ptr
    registers = driver.funcGetAttribute(driver.CU_FUNC_ATTRIBUTE_NUM_REGS, place)
    shared = driver.funcGetAttribute(driver.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, place) + kernel.shared
    local = driver.funcGetAttribute(driver.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, place)
    return Figures(kernel.name, registers, shared, local)
