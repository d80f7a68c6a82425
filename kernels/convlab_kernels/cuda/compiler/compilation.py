"""The compiler of kernels: the one file, beside `instructions`, that touches Numba's interface to CUDA.

Numba compiles a function to NVVM's intermediate code, and nvJitLink that to the machine code of one generation of
GPUs; neither needs a GPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock
from types import SimpleNamespace
from typing import Any

import numba_cuda  # noqa: F401 - which Numba's own, older CUDA gives way to
import numpy as np
from cuda.core import Linker, LinkerOptions, ObjectCode
from numba import cuda
from numba.cuda import dispatcher, types

from convlab_kernels.cuda.compiler import instructions, terms
from convlab_kernels.cuda.compiler.terms import (
    Array,
    Capability,
    DeviceFunction,
    Intrinsic,
    KernelSource,
    Several,
    rewritten,
)

_lock = RLock()


def compiled(kernel: KernelSource, capability: Capability) -> tuple[bytes, str]:
    """Return a kernel's machine code for a generation of GPUs, and what the assembler says of it."""
    bounds = None if kernel.blocks is None else (kernel.threads, kernel.blocks)
    with _lock, _compiling_for(capability), _numpy_with_all_its_names():
        code, _ = cuda.compile(
            rewritten(kernel.function, _numbas),
            types.void(*map(_type, kernel.signature)),
            cc=capability,
            device=False,
            abi="numba",
            output="ltoir",
            launch_bounds=bounds,
        )
    options = LinkerOptions(
        arch="sm_" + "".join(map(str, capability)), link_time_optimization=True, ptxas_options=["-v"]
    )
    linker = Linker(ObjectCode.from_ltoir(code), options=options)
    return bytes(linker.link("cubin").code), linker.get_info_log()


def _numbas(thing: Any) -> Any:
    """Return what is Numba's for a thing that a kernel names."""
    if thing is terms.cuda:
        return cuda
    if isinstance(thing, DeviceFunction):
        return _device_function(thing)
    if isinstance(thing, Intrinsic):
        found = getattr(instructions, thing.name)
        return found(*thing.given) if thing.given else found
    return thing


@cache
def _device_function(thing: DeviceFunction) -> Any:
    return cuda.jit(device=True, forceinline=True)(rewritten(thing.function, _numbas))


def _type(kind: Any) -> Any:
    """Return the type of an argument as Numba has it."""
    if isinstance(kind, Array):
        return types.CPointer(_type(kind.dtype))
    if isinstance(kind, Several):
        return types.UniTuple(_type(kind.dtype), kind.size)
    return getattr(types, kind.__name__)


@contextmanager
def _compiling_for(capability: Capability) -> Iterator[None]:
    """Let device functions be compiled for this generation: Numba would ask the GPU in the machine for its own."""
    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = asked


@contextmanager
def _numpy_with_all_its_names() -> Iterator[None]:
    """Let numba-cuda find `numpy.row_stack`, which it asks for when it first compiles and NumPy 2.5 has no more."""
    names = vars(np)
    if "row_stack" in names:
        yield
        return
    names["row_stack"] = np.vstack
    try:
        yield
    finally:
        del names["row_stack"]
