"""One convolution of VGG16 on the GPU by one of its contestants: right first, then timed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.gpu.chip import PRODUCTS, clocks, host_seconds, set_tf32
from benchmarks.gpu.plan import LAYERS
from benchmarks.gpu.plan import PRODUCTS as BLAS
from benchmarks.gpu.recheck import Products, Recheck
from benchmarks.gpu.times import rated, timed
from convlab.bench import gpu_candidates
from convlab.bench.case import Case
from convlab.bench.turns import nothing
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


@dataclass(frozen=True)
class Ready:
    """A contestant.

    Attributes
    ----------
    call : function
        What is timed.
    output : function
        The output (N, OH, OW, O), of what a call returned.
    given : Products
        What it computes, of arrays whose numbers may change.
    renewed : function
        To be called when they have: brings them to where it reads them, and fills what it fills with NaN.
    """

    call: Callable[[], Any]
    output: Callable[[Any], Any]
    given: Products
    renewed: Callable[[], Any] = nothing


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
    one = ready(name, given)
    output = one.output(one.call())
    error = 0.0 if name in BLAS else error_of(output, given)
    tolerance = TF32_TOLERANCE if name.endswith("TF32") or name == ROUNDED else TOLERANCE
    if not error <= tolerance:
        raise WrongError(f"{name}: off by {error:.2g} standard deviations, expected at most {tolerance}; not timed")
    check = Recheck(one.given, one.renewed)
    found = timed(
        lambda calls: gpu_candidates.event_seconds(
            one.call, calls, before=check.before, after=lambda returned: check.after(one.output(returned))
        )
    )
    later = check.error()
    check.restore()
    if not later <= tolerance:
        raise WrongError(f"{name}: off by {later:.2g} standard deviations in a call that was timed, right before")
    return rated(name, given.case.flops, found, clocks()) | {
        "error": max(error, later),
        "host": host_seconds(one.call),
    }


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
    return Ready(lambda: prepared(given.x, out, given.b), lambda _: out, _products(given), lambda: out.fill(np.nan))


def _products(given: Problem) -> Products:
    return Products(given.x, given.w, given.b, given.case.window.pads(given.case.image[:2]))


def _torch(given: Problem, last: bool, tf32: bool) -> Ready:
    """Return PyTorch's convolution, with bias, on the same numbers channels last or first."""
    import cupy
    import torch

    torch.backends.cudnn.benchmark = True
    set_tf32(tf32)
    layout = torch.channels_last if last else torch.contiguous_format
    source = torch.from_dlpack(given.x).permute(0, 3, 1, 2)
    x = source.contiguous(memory_format=layout)
    # (KH, KW, C, O) -> (O, C, KH, KW)
    w = torch.from_dlpack(given.w).permute(3, 2, 0, 1).contiguous(memory_format=layout)
    b, padding = torch.from_dlpack(given.b), given.case.window.pads(given.case.image[:2])

    @torch.no_grad()
    def call() -> Any:
        return torch.nn.functional.conv2d(x, w, b, padding=[side for side, _ in padding])

    output = lambda y: cupy.from_dlpack(y.permute(0, 2, 3, 1).contiguous())  # noqa: E731
    return Ready(call, output, _products(given), lambda: x.copy_(source))


def _product(given: Problem, tf32: bool) -> Ready:
    """Return cuBLAS' product of matrices as large as the convolution's: (N*OH*OW, KH*KW*C) by (KH*KW*C, O).

    It is a convolution of other numbers, with kernels of one cell.
    """
    import cupy

    depth, o = given.case.terms - 1, given.case.filters
    a, b = cupy.resize(given.x, (given.exact.size // o, depth)), given.w.reshape(depth, o)
    call = PRODUCTS["torch" if tf32 else "CuPy"](a, b, tf32)
    out = cupy.from_dlpack(call())
    images = len(given.x)
    given_here = Products(a.reshape(images, -1, 1, depth), b.reshape(1, 1, depth, o))
    return Ready(call, lambda _: out.reshape(images, -1, 1, o), given_here, lambda: out.fill(np.nan))
