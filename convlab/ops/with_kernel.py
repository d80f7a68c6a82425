"""Functions of numbers that a compiled kernel computes where there is one: of float32, on a CPU."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from convlab.runtime.arrays import Array, as_floats, module_of
from convlab.runtime.policy import kernels, new_array


def host_kernels(x: Array) -> Any:
    """Return the compiled kernels for what only a CPU has kernels for, None where NumPy or CuPy computes it."""
    return kernels("elementwise", x, x.size) if module_of(x) is np else None


def function_kernels(x: Array) -> Any:
    """Return those of functions, which are of float32."""
    return host_kernels(x) if x.dtype == np.float32 else None


def with_kernel(kernel: str, parameter: float = 0.0) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Let a compiled kernel compute a function of x and, maybe, of a parameter, which has this value by default."""

    def taught(function: Callable[..., Array]) -> Callable[..., Array]:
        @wraps(function)
        def computed(x: Any, *given: float, **named: float) -> Array:
            (x,) = as_floats(x)
            elementwise = function_kernels(x)
            if elementwise is None:
                return function(x, *given, **named)
            out = new_array(x, x.shape)
            elementwise.apply(kernel, x, out, (*given, *named.values(), parameter)[0])
            return out

        computed.kernel = kernel, parameter  # type: ignore[attr-defined]
        return computed

    return taught


def kernel_of(function: Callable[..., Array]) -> tuple[str, float] | None:
    """Return the name of the kernel that computes a function, and its parameter; None where there is none."""
    found: tuple[str, float] | None = getattr(function, "kernel", None)
    return found
