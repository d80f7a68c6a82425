"""Transposed convolution: check once, call the kernel."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from convlab.errors import ShapeError
from convlab.ops.checks import check_image
from convlab.ops.convolution import run_conv2d
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab.runtime.policy import kernels
from convlab_kernels.cpu import Transposed
from convlab_kernels.transposed_window import TransposedWindow, TransposedWindow3D
from convlab_kernels.window import PaddingLike, Pair, Window
from convlab_kernels.window3d import Triple, Window3D


def conv2d_transpose(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    stride: int | Pair = 1,
    padding: PaddingLike = 0,
    dilation: int | Pair = 1,
    output_padding: int | Pair | None = None,
) -> Array:
    """Add each input's multiple of the kernel to the cells under its window: the adjoint of `conv2d`.

    Dumoulin and Visin, arXiv 1603.07285, section 4.

    Parameters
    ----------
    x : array (N, H, W, C)
    w : array (KH, KW, O, C)
        The kernel of the convolution from O to C channels of which this is the adjoint.
    b : array (O,), optional
    stride, padding, dilation
        Those of that convolution: padding makes the output smaller. "valid" and "same" are Keras'.
    output_padding : int or pair, optional
        Rows and columns more at the bottom and the right, fewer than the stride.

    Returns
    -------
    array (N, OH, OW, O)
        OH = (H - 1)*stride + dilation*(KH - 1) + 1 - padding before and after + output padding; for "same" without
        output padding OH = H*stride.

    Raises
    ------
    ShapeError
        Where the sizes do not fit together, with the arithmetic.
    """
    x, w, b = as_floats(x, w, optional=(b,))
    check_conv2d_transpose(x.shape, w.shape, None if b is None else b.shape)
    window = TransposedWindow.parse(w.shape[:2], stride, padding, dilation, output_padding)
    kernel = scattering(x, w.shape)(w, window)
    return run_conv2d(kernel, x, (*window.output_size(x.shape[1:3]), w.shape[2]), b)


def scattering(x: Array, w: tuple[int, ...]) -> Callable[[Array, TransposedWindow], Any]:
    """Return the kernel that scatters x (N, H, W, C) with w (KH, KW, O, C): compiled, or not."""
    if module_of(x) is np and kernels("dense", x, x.size * prod(w[:3])):
        from convlab_kernels.cpu.transposed_gemm import TransposedGemm  # which loads Numba's compiler

        return TransposedGemm
    return Transposed


def check_conv2d_transpose(x: tuple[int, ...], w: tuple[int, ...], b: tuple[int, ...] | None) -> None:
    """Raise ShapeError unless the shapes of input, kernels and bias fit together."""
    check_image(x, "conv2d_transpose")
    check_adjoint("conv2d_transpose", "KH, KW", x, w, b)


def check_adjoint(op: str, sides: str, x: tuple[int, ...], w: tuple[int, ...], b: tuple[int, ...] | None) -> None:
    """Raise ShapeError unless kernels (*sides, O, C) and bias fit an input (N, ..., C)."""
    if len(w) != len(x) or min(w) < 1:
        raise ShapeError(f"{op}: kernel has shape {w}, expected ({sides}, O, C), none of them 0")
    if x[-1] != w[-1]:
        raise ShapeError(f"{op}: input {x} has {x[-1]} channels, but kernel {w} takes {w[-1]}")
    if b is not None and b != (w[-2],):
        raise ShapeError(f"{op}: bias has shape {b}, expected ({w[-2]},), one number for each output")


def gathering(scatter: TransposedWindow, gradient: Array, size: Pair) -> tuple[Window, Array]:
    """Return the window of the convolution that the transposed one is the adjoint of, and what it is to look at.

    It has a place for each input of (H, W) = `size`; cells of the gradient that no place reaches are left out.
    """
    (rows, vertical), (columns, horizontal) = _gathered(scatter, gradient, size)
    window = Window(scatter.kernel, scatter.stride, (vertical, horizontal), scatter.dilation)
    return window, gradient[:, rows, columns]


def gathering3d(scatter: TransposedWindow3D, gradient: Array, size: Triple) -> tuple[Window3D, Array]:
    """Return the same for volumes."""
    (planes, deep), (rows, vertical), (columns, horizontal) = _gathered(scatter, gradient, size)
    window = Window3D(scatter.kernel, scatter.stride, (deep, vertical, horizontal), scatter.dilation)
    return window, gradient[:, planes, rows, columns]


def _gathered(
    scatter: TransposedWindow | TransposedWindow3D, gradient: Array, size: tuple[int, ...]
) -> list[tuple[slice, Pair]]:
    """Return, for each axis, the cells that windows look at, and the padding they need."""
    found = []
    for axis, (cells, cut) in enumerate(zip(gradient.shape[1:-1], scatter.cut, strict=True)):
        extent = scatter.dilation[axis] * (scatter.kernel[axis] - 1) + 1
        end = (size[axis] - 1) * scatter.stride[axis] + extent - cut  # the cell behind the last that is looked at
        found.append((slice(0, min(cells, end)), (cut, max(end - cells, 0))))
    return found
