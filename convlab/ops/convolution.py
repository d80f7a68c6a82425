"""Convolution: check once, choose a kernel, call it."""

from collections.abc import Callable, Mapping
from math import prod
from numbers import Integral
from typing import TypeGuard

import numpy as np

from convlab.errors import ShapeError, UnsupportedError
from convlab.ops.checks import check_image
from convlab.ops.elementwise import add
from convlab.ops.finish import NOTHING, Finish, finished
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab.runtime.policy import WORK, Policy, current, new_array
from convlab_kernels import cpu, cuda
from convlab_kernels.cpu import choice
from convlab_kernels.methods import Convolution
from convlab_kernels.transposed import Transposed
from convlab_kernels.transposed_window import TransposedWindow, TransposedWindow3D
from convlab_kernels.window import PaddingLike, Pair, Window, parse_pair
from convlab_kernels.window3d import Window3D


def output_size(
    size: int | Pair,
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: PaddingLike = 0,
    dilation: int | Pair = 1,
) -> int | Pair:
    """Return how many places a window has.

    floor((size + padding before + padding after - dilation*(kernel - 1) - 1) / stride) + 1, Dumoulin and Visin, arXiv
    1603.07285, relationship 15.

    Parameters
    ----------
    size : int or (H, W)
        Of the input, in cells.
    kernel, stride, dilation : int or (int, int)
        Of the window, (height, width), in cells.
    padding : int, (int, int), ((top, bottom), (left, right)), "valid" or "same"
        In cells.

    Returns
    -------
    int, or (OH, OW) for a size (H, W)

    Raises
    ------
    ShapeError
        Where that is not positive, with the arithmetic.
    """
    height, width = Window.parse(kernel, stride, padding, dilation).output_size(parse_pair("size", size, least=1))
    if isinstance(size, tuple | list):
        return height, width
    if height != width:
        raise ShapeError(f"output is {height} x {width}: the window is not square, so give the size as (H, W)")
    return height


def conv2d(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    stride: int | Pair = 1,
    padding: PaddingLike = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    method: str = "auto",
) -> Array:
    """Convolve a batch of images with a bank of kernels (cross-correlation, as in every framework).

    Parameters
    ----------
    x : array (N, H, W, C)
    w : array (KH, KW, C/groups, O)
    b : array (O,), optional
    stride, padding, dilation
        As in `Window`: ints or (height, width) pairs; padding also four sides, "valid" or "same".
    groups : int
        Channels are split into so many groups, each seen only by its own share of the kernels.
    method : str
        "auto": what is fastest; "strict": the fastest that leaves NaN and infinities where the definition puts
        them; or one kernel: "direct" (slow, to study and to check with), "im2col", "shifted" (where each group has
        one input channel), ...

    Returns
    -------
    array (N, OH, OW, O)

    Raises
    ------
    ShapeError
        Where the sizes do not fit together, with the arithmetic.
    UnsupportedError
        For a method that is not known, or does not take such a convolution.
    """
    x, w, b = as_floats(x, w, optional=(b,))
    check_conv2d(x.shape, w.shape, None if b is None else b.shape, groups)
    window = Window.parse(w.shape[:2], stride, padding, dilation)
    method = choose_conv2d(x, w.shape, window, groups, method)
    kernel = prepare_conv2d(w, window, groups, method)
    return run_conv2d(kernel, x, (*window.output_size(x.shape[1:3]), w.shape[3]), b)


def check_conv2d(x: tuple[int, ...], w: tuple[int, ...], b: tuple[int, ...] | None, groups: int) -> None:
    """Raise ShapeError unless the shapes of input, kernels and bias fit together."""
    check_image(x, "conv2d")
    check_kernel("conv2d", "KH, KW", x, w, b, groups)


def check_kernel(
    op: str, sides: str, x: tuple[int, ...], w: tuple[int, ...], b: tuple[int, ...] | None, groups: int
) -> None:
    """Raise ShapeError unless kernels (*sides, C/groups, O) and bias fit an input (N, ..., C)."""
    if len(w) != len(x) or min(w) < 1:
        raise ShapeError(f"{op}: kernel has shape {w}, expected ({sides}, C/groups, O), none of them 0")
    if isinstance(groups, bool) or not isinstance(groups, Integral) or groups < 1:
        raise ShapeError(f"{op}: groups is {groups!r}, expected a whole number of at least 1")
    if x[-1] != w[-2] * groups:
        hint = " (is the input channels first? convlab is channels last)" if x[1] == w[-2] * groups else ""
        raise ShapeError(
            f"{op}: input {x} has {x[-1]} channels, but kernel {w} in {groups} group(s)"
            f" takes {w[-2]} * {groups} = {w[-2] * groups}{hint}"
        )
    if w[-1] % groups:
        raise ShapeError(f"{op}: {w[-1]} output channels cannot be split into {groups} groups")
    if b is not None and b != w[-1:]:
        raise ShapeError(f"{op}: bias has shape {b}, expected ({w[-1]},), one number for each output channel")


def methods_for(x: Array) -> Mapping[str, type[Convolution]]:
    """Return the kernels that convolve on the device of x, by name."""
    return cpu.METHODS if module_of(x) is np else cuda.METHODS


def choose_conv2d(x: Array, w: tuple[int, ...], window: Window, groups: int, method: str = "auto") -> str:
    """Return the name of the kernel to convolve x (N, H, W, C) with w (KH, KW, C/groups, O) by.

    "auto" is what is fastest; "strict" the fastest that leaves NaN and infinities where the definition puts them.
    """
    if method not in ("auto", "strict"):
        if method not in (known := methods_for(x)):
            raise UnsupportedError(f"conv2d: method {method!r} is unknown: use auto, strict, {', '.join(known)}")
        return method
    policy = current() or Policy(work_of(x.shape, w, window) >= WORK)
    propagate_nan = policy.propagate_nan or method == "strict"
    if module_of(x) is np:
        return choice.fastest(x.shape, w, window, groups, policy.compiled, propagate_nan)
    from convlab_kernels.cuda.chip import AMPERE, capability_of
    from convlab_kernels.cuda.choice import fastest  # which loads Numba's compiler

    tf32 = policy.tf32 and capability_of(x) >= AMPERE
    return fastest(x.shape, w, window, groups, x.dtype, propagate_nan, tf32)


def work_of(x: tuple[int, ...], w: tuple[int, ...], window: Window) -> int:
    """Return how many multiply-adds it takes to convolve x (N, H, W, C) with w (KH, KW, C/groups, O)."""
    return x[0] * prod(window.output_size((x[1], x[2]))) * prod(w)


def prepare_conv2d(w: Array, window: Window, groups: int, method: str) -> Convolution:
    """Prepare w (KH, KW, C/groups, O) for a kernel of its device, to be used any number of times."""
    return methods_for(w)[method](w, window, groups)


@quiet
def run_conv2d(
    kernel: Convolution, x: Array, output: tuple[int, ...], b: Array | None = None, finish: Finish = NOTHING
) -> Array:
    """Call a prepared kernel on x (N, H, W, C) and return a new array (N, *output)."""
    out: Array = new_array(x, (len(x), *output))
    return finished(kernel, x, out, b, finish)


def _adds(kernel: Convolution) -> TypeGuard[Callable[..., None]]:
    """Return whether a kernel takes an addend; to ask for a protocol instead takes 20 microseconds."""
    return getattr(kernel, "adds", False)


@quiet
def run_conv2d_onto(kernel: Convolution, x: Array, addend: Array, b: Array | None, relu: bool) -> Array:
    """Call a prepared kernel on x (N, H, W, C), and return the sum of an addend (N, OH, OW, O) and what it makes."""
    if not _adds(kernel):
        return add(addend, run_conv2d(kernel, x, addend.shape[1:], b), relu)
    out: Array = new_array(x, addend.shape)
    kernel(x, out, b, relu, addend=addend)
    return out


def scatter(gradient: Array, w: Array, window: Window | Window3D, groups: int, shape: tuple[int, ...]) -> Array:
    """Return the gradient by an input (N, H, W, C) = `shape`: each output's, times the kernel, added where it looked.

    The same for volumes, which have one axis more.

    for each ky, kx:  out[ky*dilation - before :: stride] += g (N, OH, OW, O) @ w[ky, kx].T (O, C)
    """
    walk = _scattering(window, shape)
    xp = module_of(gradient)
    parts = zip(xp.split(gradient, groups, axis=-1), xp.split(w, groups, axis=-1), strict=True)
    inputs = (*shape[1:-1], shape[-1] // groups)
    return xp.concatenate([run_conv2d(Transposed(part, walk), g, inputs) for g, part in parts], axis=-1)


def _scattering(window: Window | Window3D, shape: tuple[int, ...]) -> TransposedWindow | TransposedWindow3D:
    if isinstance(window, Window):
        top, left = (before for before, _ in window.pads((shape[1], shape[2])))
        return TransposedWindow(window.kernel, window.stride, (top, left), (0, 0), window.dilation)
    front, top, left = (before for before, _ in window.pads((shape[1], shape[2], shape[3])))
    return TransposedWindow3D(window.kernel, window.stride, (front, top, left), (0, 0, 0), window.dilation)
