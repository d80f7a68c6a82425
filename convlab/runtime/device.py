"""The device that computes a network: the processor, or an NVIDIA GPU."""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib.util import find_spec
from traceback import clear_frames
from typing import Any

import numpy as np

from convlab.errors import DeviceMemoryError, UnsupportedError
from convlab.runtime.arrays import Array, module_of
from convlab.wording import unknown

DEVICES = ("cpu", "cuda")

INSTALL = "pip install 'convlab-engine[cuda]', or 'convlab-engine[cuda12]' with a driver for CUDA 12"


def check_device(device: str) -> None:
    """Raise UnsupportedError, with what to do, unless networks can be computed there."""
    if device not in DEVICES:
        raise UnsupportedError(unknown("device", device, DEVICES))
    if device == "cuda" and (missing := _missing()):
        raise UnsupportedError(f"device 'cuda': {missing}")


def _missing() -> str | None:
    """Return what is missing to use a GPU, and what to do; None where nothing is."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") != "0":
        return "NUMBA_ENABLE_CUDASIM is set, which makes Numba simulate a GPU: unset it"
    packages = [name for name in ("cupy", "numba_cuda") if not _installed(name)]
    if not packages and _usable():
        return None
    if not _driver_finds_gpu():
        return f"no NVIDIA GPU is found on this machine; on one with a GPU and its driver: {INSTALL}"
    if packages:
        verb = "is" if len(packages) == 1 else "are"
        return f"there is a GPU, but {' and '.join(packages)} {verb} not installed: {INSTALL}"
    return f"there is a GPU, but CuPy cannot use it, perhaps for want of a newer driver: {INSTALL}"


def _installed(package: str) -> bool:
    with suppress(ValueError):  # a stand-in without a place
        return find_spec(package) is not None
    return True


def _usable() -> bool:
    import cupy

    try:
        usable: bool = cupy.cuda.is_available()
    except Exception:  # whatever a driver that does not fit comes up with
        return False
    return usable


def _driver_finds_gpu() -> bool:
    """Return whether NVIDIA's driver is there and finds a GPU."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def placed(array: Array, device: str) -> Array:
    """Return an array where a network is computed; UnsupportedError for one that would have to leave a GPU."""
    if device == "cuda":
        import cupy

        return cupy.asarray(array)
    if module_of(array) is not np:
        raise UnsupportedError("the input lies on a GPU, the network does not: model.to('cuda'), or give x.get()")
    return array


def device_memory(device: str, hint: Callable[[], str]) -> AbstractContextManager[None]:
    """Raise DeviceMemoryError, with the hint, where what is computed in the block does not fit in a GPU.

    What was computed by then is given back to the GPU: the network can be asked again, for less.
    """
    return nullcontext() if device == "cpu" else _gpu_memory(hint)


@contextmanager
def _gpu_memory(hint: Callable[[], str]) -> Iterator[None]:
    import cupy

    try:
        yield
    except cupy.cuda.memory.OutOfMemoryError as error:
        clear_frames(error.__traceback__)  # they hold what was computed
        cupy.get_default_memory_pool().free_all_blocks()
        raise DeviceMemoryError(f"{error}; {hint()}") from None


def synchronize(*arrays: Any) -> None:
    """Wait until a GPU has computed arrays, where they lie on one."""
    for array in arrays:
        if (xp := module_of(array)) is not np:
            xp.cuda.get_current_stream().synchronize()
