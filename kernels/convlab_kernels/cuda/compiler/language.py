"""The language of GPU kernels: its words (`terms`), and what makes a function a kernel.

A kernel is a Python function that all threads of a grid run.
"""

from collections.abc import Callable
from typing import Any

from convlab_kernels.cuda.compiler.launch import launch
from convlab_kernels.cuda.compiler.terms import (
    FLOAT,
    FLOATS,
    INT,
    Array,
    DeviceFunction,
    Grid,
    Intrinsic,
    KernelSource,
    Several,
    cuda,
    device_function,
    float32,
    int32,
    ints,
    rewritten,
    uint32,
)

__all__ = [
    "FLOAT",
    "FLOATS",
    "INT",
    "Array",
    "DeviceFunction",
    "Intrinsic",
    "Kernel",
    "Several",
    "cuda",
    "device_function",
    "float32",
    "int32",
    "ints",
    "kernel",
    "rewritten",
    "uint32",
]


class Kernel(KernelSource):
    """A function that all threads of a grid run, compiled when it is first launched on a GPU of a generation.

    What it is made of is told at `KernelSource`.
    """

    def __call__(self, grid: Grid, *args: Any) -> None:
        """Launch so many blocks along x, y, z; arguments are CuPy's arrays, NumPy's numbers, and tuples of them."""
        launch(self, grid, *args)


def kernel(*signature: Any, block: Grid, **options: Any) -> Callable[[Callable[..., None]], Kernel]:
    """Make a kernel of a function with arguments of these types; for the options see `KernelSource`."""
    return lambda function: Kernel(function, signature, block, **options)
