"""The measured limits of a GPU: matrices multiplied, and numbers copied, a second."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from convlab import __version__
from convlab.bench.gpu_candidates import event_seconds
from convlab.bench.machine import Machine

SIDE, COPIED, CALLS = 8192, 1 << 30, 10  # of the matrices; bytes; times
TF32, CACHED = 16, 16
"""How many times as fast as cuBLAS in float32 and as a copy nothing is: TF32's units, caches, and room to spare."""


@dataclass(frozen=True)
class Gpu(Machine):
    """A GPU, and its two measured limits: medians, by cuBLAS and by a copy within its memory."""

    @property
    def fastest(self) -> tuple[float, float]:
        """Operations and bytes a second that nothing passes."""
        return TF32 * self.product, CACHED * self.copy

    def __str__(self) -> str:
        return (
            f"{self.description}\ncuBLAS {self.product / 1e12:.1f} TFLOP/s ({self.dtype}, {SIDE} x {SIDE}), copy"
            f" {self.copy / 1e12:.2f} TB/s read and written"
        )


class GpuMeasurer:
    """Measures the GPU, in a process of its own like the candidates."""

    def machine(self, dtype: str) -> Gpu:
        """Measure."""
        return Gpu(_description(), dtype, _product(dtype), _copy(), 0, 0)


def _product(dtype: str) -> float:
    """Return operations a second. Zeros would be multiplied faster: they take less power."""
    import cupy
    import numpy as np

    a, b = (cupy.asarray(np.random.default_rng(i).standard_normal((SIDE, SIDE), np.float32)) for i in range(2))
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    out = cupy.empty_like(a)
    return 2 * SIDE**3 / median(event_seconds(lambda: cupy.matmul(a, b, out=out), CALLS))


def _copy() -> float:
    """Return bytes read and written a second."""
    import cupy

    source, target = (cupy.ones(COPIED, cupy.uint8) for _ in range(2))
    return 2 * COPIED / median(event_seconds(lambda: cupy.copyto(target, source), CALLS))


def facts() -> dict[str, Any]:
    """Return the GPU's name, sizes and driver."""
    import cupy

    device: Any = cupy.cuda.Device()
    free, total = cupy.cuda.runtime.memGetInfo()
    return {
        "name": cupy.cuda.runtime.getDeviceProperties(device.id)["name"].decode(),
        "multiprocessors": device.attributes["MultiProcessorCount"],
        "second-level cache": device.attributes["L2CacheSize"],
        "memory": total,
        "memory free": free,
        "capability": device.compute_capability,
        "driver for CUDA": cupy.cuda.runtime.driverGetVersion(),
    }


def _description() -> str:
    import cupy

    gpu = facts()
    driver = gpu["driver for CUDA"]
    return (
        f"{gpu['name']}, {gpu['multiprocessors']} multiprocessors, driver for CUDA"
        f" {driver // 1000}.{driver % 1000 // 10}, CuPy {cupy.__version__}, convlab {__version__}"
    )
