"""Activation functions of float32: of an array, and of what a kernel has just written, while that is in the cache.

A kernel that applies one itself is handed an `Activation`, three numbers; compiled code calls `activate` with them.
"""

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out, readable
from convlab_kernels.cpu.activation_simd import FUNCTIONS, call, code
from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.jit import address, compiled, inlined
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for

Activation: TypeAlias = tuple[int, int, float]
"""The address of the code of all functions (0: none), the number of one, and its parameter."""

LINEAR: Activation = (0, 0, 0.0)

PACE = 1_500
"""Numbers that one thread computes a function of in a microsecond, roughly."""


def activation(function: str, parameter: float = 0.0) -> Activation:
    """Return what a kernel applies a function of `FUNCTIONS` by."""
    return _code_address(), list(FUNCTIONS).index(function), parameter


@cache
def _code_address() -> int:
    return _code()


@compiled
def _code() -> int:
    return code()


@inlined
def activate(activation: Any, target: int, step: int, rows: int, columns: int) -> None:
    """Apply an activation function, if it is one, to rows of float32 at an address, in place."""
    run, function, parameter = activation
    if run:
        call(run, target, target, step, rows, columns, function, parameter)


def apply(function: str, x: NDArray[np.float32], out: NDArray[np.float32], parameter: float = 0.0) -> None:
    """Write a function of `FUNCTIONS` of x into out, of its shape."""
    check_out(out, function)
    numbers, results = readable(x).reshape(-1), out.reshape(-1)
    args = (numbers, results, activation(function, parameter))
    parallel_for(_apply, args, len(results), LINE, cost=len(results) / PACE)


def softmax(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write exp(x) / sum(exp(x)) along the last axis into out (..., C), x of its shape."""
    check_out(out, "softmax")
    rows, results = readable(x).reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1])
    args = (rows, results, activation("exponential"))
    parallel_for(_softmax, args, len(rows), cost=x.size / PACE)


@shared
def _apply(_, first, last, x, out, activation):
    run, function, parameter = activation
    call(run, address(x, first), address(out, first), 0, 1, last - first, function, parameter)


@shared
def _softmax(_, first, last, x, out, exponential):
    columns = x.shape[1]
    for row in range(first, last):
        largest = x[row, 0]
        for k in range(columns):
            number = x[row, k]
            if number > largest or number != number:  # noqa: PLR0124
                largest = number
        for k in range(columns):
            out[row, k] = x[row, k] - largest
        activate(exponential, address(out, row * columns), 0, 1, columns)
        total = 0.0
        for k in range(columns):
            total += out[row, k]
        for k in range(columns):
            out[row, k] /= total
