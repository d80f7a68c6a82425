"""The measured limits of this machine: matrices multiplied, and numbers copied, a second."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any, ClassVar

import numpy as np

from convlab import __version__
from convlab.bench.host import in_a_line
from convlab.bench.turns import seconds
from convlab.runtime.arrays import Array
from convlab_kernels.cpu.runtime.threads import CORES

SIDE, COPIED = 2048, 256 << 20  # of the matrices; bytes
CYCLES, OPERATIONS, BYTES, FEWER = 6e9, 64, 128, 4
"""What no processor passes, for each core: cycles a second; operations a cycle, of two units that multiply and add 16
numbers; bytes a cycle from its first cache. And how many times fewer multiplications than the definition's there are
in Winograd's F(4,3)."""
TRIES, ENOUGH = 3, 1.0  # best of at least so many, and of as many as take a second


@dataclass(frozen=True)
class Machine:
    """A machine, and its two measured limits.

    Attributes
    ----------
    description : str
        Processor, cores, system, versions.
    dtype : str
        The type of the product.
    product, copy : float
        Operations a second of a matrix product, bytes read and written a second by a copy: the best of several.
    product_threads, copy_threads : int
        How many threads were at work in them.
    """

    description: str
    dtype: str
    product: float
    copy: float
    product_threads: int
    copy_threads: int
    limits: ClassVar[tuple[str, str]] = "matrix product", "copy"

    def roof(self, intensity: float) -> float:
        """Return the most operations a second at so many for each byte moved (Williams et al., CACM 52:4, 2009)."""
        return min(self.product, intensity * self.copy)

    @property
    def fastest(self) -> tuple[float, float]:
        """Operations and bytes a second that nothing passes. What was measured is too low on a busy machine."""
        return CORES * CYCLES * OPERATIONS, CORES * CYCLES * BYTES

    def floor(self, operations: float, moved: float) -> float:
        """Return the seconds below which no machine like this computes so many operations on so many bytes."""
        compute, memory = self.fastest
        return max(operations / FEWER / compute, moved / memory)

    def __str__(self) -> str:
        return (
            f"{self.description}\nmatrix product {self.product / 1e9:.0f} GFLOP/s ({self.dtype}, {SIDE} x {SIDE},"
            f" threads: {self.product_threads}), copy {self.copy / 1e9:.1f} GB/s read and written"
            f" (threads: {self.copy_threads})"
        )


class Measurer:
    """Measures the machine, in a process of its own like the candidates."""

    def machine(self, dtype: str, threads: int) -> Machine:
        """Measure."""
        product, busy = _product(dtype)
        return Machine(_description(), dtype, product, _copy(threads), busy, threads)


def _product(dtype: str) -> tuple[float, int]:
    """Return operations a second, and the threads at work: processor time over time."""
    a = np.ones((SIDE, SIDE), dtype)
    out = np.empty_like(a)
    busy: list[float] = []  # the most counts: other work on the machine takes processors away, it gives none

    def multiply() -> None:
        wall, processor = perf_counter(), process_time()
        np.matmul(a, a, out=out)
        busy.append((process_time() - processor) / (perf_counter() - wall))

    return 2 * SIDE**3 / _best(multiply), max(1, round(max(busy)))


def _copy(threads: int) -> float:
    """Return bytes read and written a second by a copy that is split among threads."""
    source, target = np.zeros(COPIED, np.uint8), np.empty(COPIED, np.uint8)
    source[:] = 1  # pages of zeros that nobody has written to may all be one
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))

    def part(pair: tuple[Array, Array]) -> None:
        np.copyto(*pair)

    with ThreadPoolExecutor(threads) as pool:
        return 2 * COPIED / _best(lambda: list(pool.map(part, parts)))


def _best(call: Callable[[], Any]) -> float:
    call()
    times: list[float] = []
    while len(times) < TRIES or sum(times) < ENOUGH:
        times.append(seconds(call))
    return min(times)


def _description() -> str:
    return f"{in_a_line()}, NumPy {np.__version__}, convlab {__version__}"
