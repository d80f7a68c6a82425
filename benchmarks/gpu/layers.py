"""One convolution of VGG16 on the GPU by one of its contestants: right first, then timed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.gpu.chip import PRODUCTS, clocks, host_seconds, set_tf32
from benchmarks.gpu.plan import LAYERS
from benchmarks.gpu.times import rated, timed
from convlab.bench import gpu_candidates
from convlab.bench.case import Case
from convlab.runtime.device import placed
from convlab_kernels.cuda import METHODS

TOLERANCE, TF32_TOLERANCE = 1e-3, 1e-2
"""The largest error that is no mistake, in standard deviations of the output; a product that is left out is 0.015."""
ROUNDED = "tensor_core"
"""The rung that rounds factors to TF32."""


class WrongError(Exception):
    """A result that more than rounding separates from the exact one."""


@dataclass(frozen=True)
class Problem:
    """A convolution on the GPU: its arrays, the exact output (N, OH, OW, O) in float64 and its standard deviation."""

    case: Case
    x: Any
    w: Any
    b: Any
    exact: Any
    deviation: float


Ready = tuple[Callable[[], Any], Callable[[], Any]]
"""What is timed, and what returns the output (N, OH, OW, O) after that."""


def case_of(layer: int, batch: int) -> Case:
    """Return a convolution of LAYERS."""
    side, c, o, names = LAYERS[layer]
    return Case((side, side, c), o, batch=batch, layers=names)


@lru_cache(maxsize=1)
def problem(layer: int, batch: int) -> Problem:
    """Return the arrays of a convolution and the exact output; room is made by giving up the one before."""
    import cupy

    problem.cache_clear()
    cupy.get_default_memory_pool().free_all_blocks()
    case = case_of(layer, batch)
    x, w, b = (placed(array, "cuda") for array in case.arrays())
    exact = _exact(case, x, w, b)
    return Problem(case, x, w, b, exact, float(exact.std()))


def _exact(case: Case, x: Any, w: Any, b: Any) -> Any:
    """Return the output in float64: a product of matrices for each cell of the window, on a view of the image."""
    import cupy

    (n, oh, ow, o), (kh, kw) = case.output, case.window.kernel
    (top, bottom), (left, right) = case.window.pads(case.image[:2])
    padded = cupy.zeros((n, top + x.shape[1] + bottom, left + x.shape[2] + right, x.shape[3]), np.float64)
    padded[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    total = cupy.zeros((n * oh * ow, o), np.float64)
    for ky, kx in np.ndindex(kh, kw):
        # (N*OH*OW, C) @ (C, O) -> (N*OH*OW, O)
        seen = padded[:, ky : ky + oh, kx : kx + ow].reshape(len(total), -1)
        total += seen @ w[ky, kx].astype(np.float64)
    return (total + b).reshape(n, oh, ow, o)


def measure(layer: int, batch: int, name: str) -> dict[str, Any]:
    """Return times of a contestant and its error; WrongError before anything is timed where that is too large."""
    given = problem(layer, batch)
    call, output = ready(name, given)
    call()
    error = error_of(output(), given)
    tolerance = TF32_TOLERANCE if name.endswith("TF32") or name == ROUNDED else TOLERANCE
    if not error <= tolerance:
        raise WrongError(f"{name}: off by {error:.2g} standard deviations, expected at most {tolerance}; not timed")
    found = timed(lambda calls: gpu_candidates.event_seconds(call, calls))
    return rated(name, given.case.flops, found, clocks()) | {"error": error, "host": host_seconds(call)}


def error_of(out: Any, given: Problem) -> float:
    """Return the largest error in standard deviations of the output, infinite where a number is none."""
    worst = max(float(abs(part - exact).max()) for part, exact in zip(out, given.exact, strict=True))
    finite = all(bool(part.sum() == part.sum()) for part in out)
    return worst / given.deviation if finite else float("inf")


def ready(name: str, given: Problem) -> Ready:
    """Return a contestant, made ready for a convolution."""
    what, *words = name.split()
    if what == "cuBLAS":
        return _product(given, bool(words))
    if what == "torch":
        return _torch(given, "channels_last" in words, "TF32" in words)
    out = placed(np.full(given.case.output, np.nan, np.float32), "cuda")
    kernel: Any = METHODS[name]
    prepared = kernel(given.w, given.case.window, 1)
    return lambda: prepared(given.x, out, given.b), lambda: out


def _torch(given: Problem, last: bool, tf32: bool) -> Ready:
    """Return PyTorch's convolution, with bias, on the same numbers channels last or first."""
    import cupy
    import torch

    torch.backends.cudnn.benchmark = True
    set_tf32(tf32)
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.from_dlpack(given.x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    # (KH, KW, C, O) -> (O, C, KH, KW)
    w = torch.from_dlpack(given.w).permute(3, 2, 0, 1).contiguous(memory_format=layout)
    b, padding = torch.from_dlpack(given.b), given.case.window.pads(given.case.image[:2])

    @torch.no_grad()
    def call() -> Any:
        return torch.nn.functional.conv2d(x, w, b, padding=[side for side, _ in padding])

    return call, lambda: cupy.from_dlpack(call().permute(0, 2, 3, 1).contiguous())


def _product(given: Problem, tf32: bool) -> Ready:
    """Return cuBLAS' product of matrices as large as the convolution's: (N*OH*OW, KH*KW*C) by (KH*KW*C, O).

    Its output is no convolution: the exact one stands for it.
    """
    import cupy

    depth, o = given.case.terms - 1, given.case.filters
    rows = given.exact.size // o
    a = cupy.resize(given.x, (rows, depth))
    call = PRODUCTS["torch" if tf32 else "CuPy"](a, given.w.reshape(depth, o), tf32)
    return call, lambda: given.exact
