"""The GPU itself: what it is, the most that it does, and what it costs to begin something or to bring numbers."""

import subprocess
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.gpu.times import spread, timed
from convlab.bench import gpu_machine, host
from convlab.bench.gpu_candidates import event_seconds

SIDE, COPIED, BROUGHT = 8192, 2 << 30, 256 << 20  # of matrices; bytes of a copy, of a transfer
LAUNCHES = 1000
PLACE = "cuda"
"""Where PyTorch's tensors lie."""
ASKED = ("name", "driver_version", "clocks.sm", "clocks.mem", "clocks.max.sm", "power.limit", "temperature.gpu")
PACKAGES = ("numpy", "numba", "numba-cuda", "cupy-cuda13x", "torch", "nvidia-cudnn-cu13", "nvidia-cublas")


def facts() -> dict[str, Any]:
    """Return what the GPU and its software say of themselves; clocks as found, not set."""
    return gpu_machine.facts() | {
        "clocks of all a second": clocks(),
        "host": host.facts(),
        "nvidia-smi": _asked(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def clocks() -> float:
    """Return how many clocks all multiprocessors have in a second at the GPU's fastest."""
    import cupy

    attributes = cupy.cuda.Device().attributes
    return 1e3 * float(attributes["ClockRate"]) * attributes["MultiProcessorCount"]


def _asked() -> dict[str, str]:
    """Return what nvidia-smi answers; what is wrong where it does not."""
    command = ["nvidia-smi", f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return {"error": str(error)}
    return dict(zip(ASKED, map(str.strip, answer.split("\n")[0].split(",")), strict=False))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def peak(of: str) -> dict[str, Any]:
    """Return bytes read and written a second by a copy, or operations a second of cuBLAS through a library."""
    if of == "copy":
        return _copy()
    library, _, tf32 = of.partition(" ")
    a, b = (np.random.default_rng(i).standard_normal((SIDE, SIDE), np.float32) for i in range(2))
    call = PRODUCTS[library](a, b, bool(tf32))
    found = timed(lambda calls: event_seconds(call, calls))
    return found | {"a_second": 2 * SIDE**3 / found["median"]}


def _copy() -> dict[str, Any]:
    import cupy

    source, target = (cupy.ones(COPIED, cupy.uint8) for _ in range(2))
    found = timed(lambda calls: event_seconds(lambda: cupy.copyto(target, source), calls))
    return found | {"a_second": 2 * COPIED / found["median"]}


def with_cupy(a: Any, b: Any, tf32: bool) -> Callable[[], Any]:
    """Return a call of cuBLAS through CuPy: the product of (M, K) and (K, N), of host or GPU, in one matrix."""
    import cupy
    from cupy._core import _routines_linalg as settings

    kind = settings.COMPUTE_TYPE_TF32 if tf32 else settings.COMPUTE_TYPE_DEFAULT
    a, b = cupy.asarray(a), cupy.asarray(b)
    out = cupy.empty((len(a), b.shape[1]), np.float32)

    def call() -> Any:
        settings.set_compute_type(np.dtype(np.float32), kind)
        try:
            return cupy.matmul(a, b, out=out)
        finally:
            settings.set_compute_type(np.dtype(np.float32), settings.COMPUTE_TYPE_DEFAULT)

    return call


def with_torch(a: Any, b: Any, tf32: bool) -> Callable[[], Any]:
    """Return the same through PyTorch."""
    import torch

    a, b = (torch.as_tensor(matrix, device=PLACE) for matrix in (a, b))
    out = torch.empty((len(a), b.shape[1]), device=PLACE)

    def call() -> Any:
        set_tf32(tf32)
        return torch.matmul(a, b, out=out)

    return call


def set_tf32(tf32: bool) -> None:
    """Let PyTorch, cuBLAS in it and cuDNN round factors to TF32, or not."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


PRODUCTS: dict[str, Callable[[Any, Any, bool], Callable[[], Any]]] = {"CuPy": with_cupy, "torch": with_torch}


def host_seconds(call: Callable[[], Any]) -> float:
    """Return the seconds that the host takes to get a call under way: a GPU that takes less waits for it."""
    import cupy

    seconds = []
    for _ in range(3):
        cupy.cuda.Device().synchronize()
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return median(seconds)


def launch() -> dict[str, float]:
    """Return the seconds that it takes the host to launch an empty kernel of ours, and the GPU to get it done."""
    import cupy

    from convlab_kernels.cuda.compiler.language import INT, kernel

    @kernel(INT, block=(32,))
    def empty(number):
        pass

    def call() -> None:
        for _ in range(LAUNCHES):
            empty((1,), np.int32(0))

    stream, host = cupy.cuda.get_current_stream(), []
    stream.synchronize()  # nothing can be loaded before something has begun to use the GPU
    call()
    for _ in range(5):
        stream.synchronize()
        start = perf_counter()
        call()
        host.append((perf_counter() - start) / LAUNCHES)
    device = [seconds / LAUNCHES for seconds in event_seconds(call, 5, flush=False)]
    return {"host": median(host), "device": median(device)}


def transfer() -> dict[str, dict[str, Any]]:
    """Return bytes a second between host and GPU, of memory that is page-locked (pinned) and that is not."""
    import cupy
    import cupyx

    device = cupy.empty(BROUGHT // 4, np.float32)
    hosts = {"pinned": cupyx.empty_pinned(device.shape, np.float32), "pageable": np.ones(device.shape, np.float32)}
    hosts["pinned"][:] = 1  # pages that nobody has written to are not there
    found = {}
    for name, array in hosts.items():
        found[f"{name} to device"] = _brought(partial(device.set, array))
        found[f"{name} to host"] = _brought(partial(device.get, out=array))
    return found


def _brought(bring: Callable[[], Any]) -> dict[str, Any]:
    """Return the spread of a transfer's seconds by the host's clock, and bytes a second."""
    import cupy

    stream, seconds = cupy.cuda.get_current_stream(), []
    for _ in range(6):
        stream.synchronize()
        start = perf_counter()
        bring()
        stream.synchronize()
        seconds.append(perf_counter() - start)
    found = spread(seconds[1:])
    return found | {"a_second": BROUGHT / found["median"]}
