"""The chip on which an array lives, as far as kernels differ by it; an H100 for NumPy's arrays.

Figures: "CUDA C++ Programming Guide", "Technical Specifications per Compute Capability". GPUs of one generation need
not be alike: of capability 8.0 a block may ask for 163 KB of shared memory, of 8.6 and 8.9 for 99.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from convlab_kernels.arrays import module_of

MULTIPROCESSORS, SHARED, CAPABILITY = 132, 227 << 10, (9, 0)
"""Of an H100."""

AMPERE = (8, 0)
"""The first capability that multiplies matrices of TF32, and copies to shared memory past the registers."""


def multiprocessors_of(x: Any) -> int:
    """Return how many multiprocessors the GPU of an array has."""
    return MULTIPROCESSORS if module_of(x) is np else _attributes(x.device.id)["MultiProcessorCount"]


def shared_of(x: Any) -> int:
    """Return how many bytes of shared memory a block may ask for on the GPU of an array."""
    return SHARED if module_of(x) is np else _attributes(x.device.id)["MaxSharedMemoryPerBlockOptin"]


def capability_of(x: Any) -> tuple[int, int]:
    """Return the compute capability (major, minor) of the GPU of an array."""
    return CAPABILITY if module_of(x) is np else _capability(x.device.id)


@cache
def _attributes(device: int) -> Mapping[str, int]:
    from cupy.cuda import Device

    found: Mapping[str, int] = Device(device).attributes
    return found


@cache
def _capability(device: int) -> tuple[int, int]:
    from cupy.cuda import Device

    digits = Device(device).compute_capability  # "120" is 12.0
    return int(digits[:-1]), int(digits[-1])
