"""The process on the GPU: it does one task after the other and says what came of it."""

import gc
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.gpu import chip as gpu_chip
from benchmarks.gpu import layers as gpu_layers
from benchmarks.gpu import networks as gpu_networks
from benchmarks.gpu import tests as gpu_tests

DO: dict[str, Callable[..., Any]] = {
    "facts": gpu_chip.facts,
    "launch": gpu_chip.launch,
    "peak": gpu_chip.peak,
    "transfer": gpu_chip.transfer,
    "tests": gpu_tests.run,
    "layer": gpu_layers.measure,
    "network": gpu_networks.measure,
    "cpu": gpu_networks.on_cpu,
}


def serve(connection: Connection) -> None:
    """Answer requests, (kind, arguments), until there are no more."""
    try:
        import torch  # noqa: F401 - before CuPy, which then finds the libraries that it brings
    except ImportError as error:
        print(f"without PyTorch: {error}", file=sys.stderr)
    connection.send("ready")
    while True:
        try:
            kind, arguments = connection.recv()
        except EOFError:
            return
        connection.send(answered(DO[kind], arguments))


def answered(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return {"found": what a function returns}, or what went wrong and whether the GPU still answers."""
    try:
        return {"found": function(**arguments)}
    except Exception as error:  # one that fails is a result; the others go on
        line = f"{type(error).__name__}: {' '.join(str(error).split())}"
        answer = {"error": line, "traceback": traceback.format_exc()}
    return answer | {"broken": not _tidied()}


def _tidied() -> bool:
    """Give back the memory of what failed; return whether the GPU still answers."""
    gpu_layers.problem.cache_clear()
    gpu_networks.contestants.cache_clear()
    gc.collect()
    try:
        import cupy

        cupy.cuda.Device().synchronize()
        cupy.get_default_memory_pool().free_all_blocks()
        if (torch := sys.modules.get("torch")) is not None:
            torch.cuda.empty_cache()
    except Exception:  # of whatever kind: the GPU does not answer
        return False
    return True
