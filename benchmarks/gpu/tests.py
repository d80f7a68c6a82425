"""The tests that need a GPU, in a process of their own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OPTIONS = ("-m", "gpu", "-v", "-W", "default", "--continue-on-collection-errors", "-p", "no:cacheprovider")
"""Warnings are no errors, and tests of other things may want of their libraries: the machine is as it is."""
FIRST = (
    *("tensor_core", "winograd_cuda", "implicit_gemm", "row_cuda", "dense_cuda", "pooling_cuda", "depthwise_cuda"),
    *("elementwise_cuda", "direct", "tiled", "blocked", "im2col_cuda", "model_on_device"),
)
"""Modules whose tests come first, kernels of our own before what CuPy does: there may not be time for all."""
PYTEST = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background would ignore it
sys.exit(pytest.main(sys.argv[1:]))
"""
SUMMING_UP = 10.0
"""Seconds that pytest gets to say what failed when its time is over."""


def modules() -> list[str]:
    """Return the modules with tests that need a GPU, all in one folder, in the order in which they are to run."""
    files = sorted((ROOT / "tests/kernels/cuda").glob("test_*.py"))
    found = {path.stem.removeprefix("test_"): str(path) for path in files}
    return [*(found.pop(name) for name in FIRST), *found.values()]


def run(log: str, seconds: float, where: Sequence[str] = ()) -> dict[str, Any]:
    """Run them for so many seconds at most; return pytest's status, its last line, and what failed."""
    command = [sys.executable, "-c", PYTEST, *OPTIONS, *(where or modules())]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with Path(log).open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=environment)
        status = _status(process, seconds)
    lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines() or ["nothing was printed"]
    failed = [line for line in lines if re.match(r"(FAILED|ERROR) |\S+::.* (FAILED|ERROR)\b", line)]
    return {"status": status, "last": lines[-1].strip("= "), "failed": failed[:50], "log": Path(log).name}


def _status(process: Any, seconds: float) -> str:
    """Wait for the end; when time is over, interrupt it, and then end it."""
    try:
        return str(process.wait(seconds))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(SUMMING_UP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return f"none: interrupted after {seconds:.0f} s"
