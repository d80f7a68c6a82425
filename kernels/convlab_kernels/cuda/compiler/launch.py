"""The launch of a kernel: CuPy loads its machine code and launches it on its current stream.

Machine code is kept on disk (see `disk_cache`): where it is there, nothing of the compiler is loaded.
"""

import hashlib
import os
import re
import shutil
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from convlab_kernels import disk_cache
from convlab_kernels.cuda.compiler.terms import Capability, Grid, KernelSource

TOOLKIT = Path("/usr/local/cuda")
"""Where NVIDIA's installers put the CUDA toolkit."""

ALLOWED = 48 << 10
"""Bytes of shared memory of a block for which no kernel need ask."""


def launch(kernel: KernelSource, grid: Grid, *args: Any) -> None:
    """Launch so many blocks along x, y, z; arguments are CuPy's arrays, NumPy's numbers, and tuples of them."""
    import cupy

    flat: list[Any] = []
    for arg in args:
        flat.extend(arg) if isinstance(arg, tuple) else flat.append(arg)
    loaded(kernel, cupy.cuda.runtime.getDevice())(grid, kernel.block, flat, kernel.shared)


@cache
def loaded(kernel: KernelSource, device: int) -> Any:
    """Return a kernel as CuPy's function on a GPU."""
    from cupy.cuda import Device, driver
    from cupy.cuda.function import Module

    capability = Device(device).compute_capability
    code = machine_code(kernel, (int(capability[:-1]), int(capability[-1])))
    module = Module()
    module.load(code)
    function = module.get_function(entry_of(code))
    if kernel.shared > ALLOWED:
        driver.funcSetAttribute(function.ptr, driver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, kernel.shared)
    return function


def machine_code(kernel: KernelSource, capability: Capability) -> bytes:
    """Return a kernel's machine code for a generation of GPUs: from disk where it is kept."""
    depends = f"{kernel.name} {kernel.signature} {version('numba-cuda')} {capability} {_sources()}"
    try:
        path = disk_cache.file_for(kernel.name, depends)
    except RuntimeError:  # there is no place to keep anything
        return _compiled(kernel, capability)
    with suppress(OSError):
        return disk_cache.read(path)
    with disk_cache.turn(path):
        with suppress(OSError):
            return disk_cache.read(path)  # another process made it meanwhile
        code = _compiled(kernel, capability)
        with suppress(OSError):
            disk_cache.write(path, code)
        return code


def _compiled(kernel: KernelSource, capability: Capability) -> bytes:
    _name_toolkit()
    from convlab_kernels.cuda.compiler.compilation import compiled

    code, _ = compiled(kernel, capability)
    return code


def _name_toolkit() -> None:
    """Let the compiler find its libraries in the CUDA toolkit that is installed here, for where no wheel has them."""
    if os.environ.keys() & {"CUDA_PATH", "CUDA_HOME"}:
        return
    nvcc = shutil.which("nvcc")
    for toolkit in (*([Path(nvcc).resolve().parents[1]] if nvcc else []), TOOLKIT):
        if (toolkit / "nvvm").is_dir():
            os.environ["CUDA_PATH"] = str(toolkit)
            return


def entry_of(code: bytes) -> str:
    """Return the name that Numba gave the only kernel in machine code: its section's, after ".text."."""
    found = re.search(rb"\.text\.([^\0]+)", code)
    assert found is not None, "machine code without a kernel"
    return found[1].decode()


@cache
def _sources() -> str:
    """Return a hash of all the code from which kernels are compiled."""
    sha = hashlib.sha256()
    for source in sorted(Path(__file__).parents[2].rglob("*.py")):
        sha.update(source.read_bytes())
    return sha.hexdigest()
