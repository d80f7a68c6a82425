"""Elementwise kernels: as fast as the numbers come from memory.

A thread has four numbers, a block's width apart. It reads all before it writes the first, so that enough of memory is
on its way to keep it busy, and unlike a vector of four they may begin anywhere: NVIDIA's "CUDA C++ Best Practices
Guide", section 10.2.1, on coalesced access.

With `relu`, results are clipped at zero from below and at the ceiling from above (ReLU6 has 6); NaN stays NaN.
"""

from typing import Any

import numpy as np

from convlab_kernels.arguments import bounds, check_out
from convlab_kernels.cuda.compiler.language import FLOAT, FLOATS, INT, cuda, device_function, float32, int32, kernel
from convlab_kernels.cuda.convolution import parts
from convlab_kernels.cuda.device_functions import clipped, divmod_uint32
from convlab_kernels.cuda.flat import THREADS, blocks, readable

EACH = 4
"""Numbers of a thread."""


def normalise(
    x: Any, mean: Any, scale: Any, shift: Any, out: Any, relu: bool = False, ceiling: float = np.inf
) -> None:
    """Write (x - mean) * scale + shift into out (..., C); x is of its shape, the others are (C,).

    The mean is taken off first, as Ioffe and Szegedy have it (arXiv 1502.03167, algorithm 2): in x * scale + other
    shift, the digits would be lost of numbers that lie close together far from zero.
    """
    check_out(out, "normalise")
    x, mean, scale, shift, out = readable("normalise", x, mean, scale, shift, out)
    c = out.shape[-1]
    cells, results = x.reshape(-1, c), out.reshape(-1, c)
    for part in parts("normalise", results.shape):
        size = results[part].size
        sizes, limits = (np.int32(size), np.int32(c)), bounds(out.dtype, relu, ceiling)
        _normalise(blocks(size, EACH), cells[part], mean, scale, shift, results[part], *sizes, *limits)


def add(a: Any, b: Any, out: Any, relu: bool = False, ceiling: float = np.inf) -> None:
    """Write a + b into out, all three of one shape."""
    check_out(out, "add")
    left, right, results = (array.reshape(-1) for array in readable("add", a, b, out))
    for part in parts("add", results.shape):
        size, limits = results[part].size, bounds(out.dtype, relu, ceiling)
        _add(blocks(size, EACH), left[part], right[part], results[part], np.int32(size), *limits)


def rectify(x: Any, out: Any, ceiling: float = np.inf) -> None:
    """Write x, clipped at zero and at the ceiling, into out, of its shape."""
    check_out(out, "rectify")
    numbers, results = (array.reshape(-1) for array in readable("rectify", x, out))
    for part in parts("rectify", results.shape):
        size, limits = results[part].size, bounds(out.dtype, True, ceiling)
        _clip(blocks(size, EACH), numbers[part], results[part], np.int32(size), *limits)


@device_function
def place_of(k):
    """Return where the k-th number of this thread lies."""
    return int32(cuda.blockIdx.x * (THREADS * EACH) + k * THREADS + cuda.threadIdx.x)


@device_function
def write(numbers, out, size, low, high):
    """Write this thread's numbers, clipped."""
    for k in range(EACH):
        i = place_of(k)
        if i < size:
            out[i] = clipped(numbers[k], low, high)


@kernel(*[FLOATS] * 5, INT, INT, FLOAT, FLOAT, block=(THREADS,), name="normalise")
def _normalise(x, mean, scale, shift, out, size, C, low, high):
    numbers = cuda.local.array(EACH, float32)
    _, c = divmod_uint32(place_of(0), C)
    _, step = divmod_uint32(THREADS, C)
    for k in range(EACH):
        i = place_of(k)
        if i < size:
            numbers[k] = (x[i] - mean[c]) * scale[c] + shift[c]
        c = int32(c + step)
        c = int32(c - C) if c >= C else c
    write(numbers, out, size, low, high)


@kernel(*[FLOATS] * 3, INT, FLOAT, FLOAT, block=(THREADS,), name="add")
def _add(a, b, out, size, low, high):
    numbers = cuda.local.array(EACH, float32)
    for k in range(EACH):
        i = place_of(k)
        if i < size:
            numbers[k] = a[i] + b[i]
    write(numbers, out, size, low, high)


@kernel(*[FLOATS] * 2, INT, FLOAT, FLOAT, block=(THREADS,), name="rectify")
def _clip(x, out, size, low, high):
    numbers = cuda.local.array(EACH, float32)
    for k in range(EACH):
        i = place_of(k)
        if i < size:
            numbers[k] = x[i]
    write(numbers, out, size, low, high)
