"""The process on the GPU: it does one task after the other and says what came of it."""

import gc
import sys
import traceback
from collections.abc import Callable
from typing import Any

from benchmarks.gpu import chip, layers, networks, tests
from convlab.bench.process import Parent

DO: dict[str, Callable[..., Any]] = {
    "facts": chip.facts,
    "launch": chip.launch,
    "peak": chip.peak,
    "transfer": chip.transfer,
    "tests": tests.run,
    "layer": layers.measure,
    "network": networks.measure,
    "cpu": networks.on_cpu,
}


def serve(parent: Parent) -> None:
    """Answer requests, (kind, arguments), until there are no more."""
    try:
        import torch  # noqa: F401 - before CuPy, which then finds the libraries that it brings
    except ImportError as error:
        print(f"without PyTorch: {error}", file=sys.stderr)
    parent.send("ready")
    while True:
        try:
            kind, arguments = parent.recv()
        except EOFError:
            return
        parent.send(answered(DO[kind], arguments))


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
    layers.problem.cache_clear()
    networks.contestants.cache_clear()
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
