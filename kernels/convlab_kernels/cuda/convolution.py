"""The base of the GPU's convolutions: the arrays that they take, and the numbers that say where things lie.

Arrays are flat in a kernel, so that how they lie in memory, which is what the ladder is about, is in plain sight:
x[((n * H + y) * W + x) * C + c], w[((ky * KW + kx) * C + c) * O + o], out[p * O + o] with the pixel
p = (n * OH + oy) * OW + ox. Indices are int32: a GPU takes two instructions for one on an int64.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from convlab_kernels.arguments import bounds, check_out
from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.compiler.language import FLOAT, FLOATS, ints
from convlab_kernels.errors import ShapeError, UnsupportedError
from convlab_kernels.window import Window

GEOMETRY = ("P", "H", "W", "C", "O", "OH", "OW", "KH", "KW", "SY", "SX", "DY", "DX", "TOP", "LEFT")
"""What a kernel's last argument says, in this order: P pixels N * OH * OW, S stride, D dilation, the padding."""

SIGNATURE = (FLOATS, FLOATS, FLOATS, FLOATS, FLOAT, FLOAT, ints(len(GEOMETRY)))
"""x, w, bias, out; the numbers between which results are clipped; GEOMETRY."""

LARGEST = 2**31 - 2**16
"""Most numbers of an array: what threads beyond the last would work on is counted in int32 too."""


class GpuConvolution(ABC):
    """A convolution of float32 in one group. How a kernel arranges its weights (KH, KW, C, O) is its own."""

    name: str

    def __init__(self, w: Any, window: Window, groups: int = 1) -> None:
        if groups != 1:
            raise UnsupportedError(f"{self.name}: {groups} groups, expected 1: use im2col")
        check_float32(self.name, w)
        self.shape, self.window = w.shape, window
        self.w = self.arranged(module_of(w).ascontiguousarray(w))

    def arranged(self, w: Any) -> Any:
        """Return the weights (KH, KW, C, O) as the kernel reads them."""
        return w

    def __call__(self, x: Any, out: Any, bias: Any = None, relu: bool = False, ceiling: float = np.inf) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O); as many images at a time as an int32 counts."""
        check_float32(self.name, x)
        check_float32(self.name, out)
        if bias is not None:
            check_float32(self.name, bias)
        check_out(out, self.name)
        xp = module_of(x)
        if xp is not np and out.data.ptr % 16:
            raise ShapeError(f"{self.name}: out begins within four numbers; give a whole array, not a part of one")
        x = xp.ascontiguousarray(x)
        offsets = xp.zeros(out.shape[-1], out.dtype) if bias is None else xp.ascontiguousarray(bias)
        limits = bounds(out.dtype, relu, ceiling)
        for part in parts(self.name, x.shape, out.shape):
            self.launch(x[part], offsets, out[part], *limits)

    @abstractmethod
    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch the kernel."""

    def geometry(self, x: Any, out: Any) -> tuple[np.int32, ...]:
        """Return GEOMETRY for an input (N, H, W, C) and an output (N, OH, OW, O)."""
        (_, h, w, c), (_, oh, ow, o), window = x.shape, out.shape, self.window
        (top, _), (left, _) = window.pads((h, w))
        walk = (*window.kernel, *window.stride, *window.dilation, top, left)
        return tuple(map(np.int32, (prod(out.shape[:3]), h, w, c, o, oh, ow, *walk)))


def check_float32(name: str, array: Any) -> None:
    """Raise UnsupportedError unless an array is of float32."""
    if array.dtype != np.float32:
        raise UnsupportedError(f"{name}: an array of {array.dtype}, expected float32: use im2col")


def images_at_once(name: str, *shapes: tuple[int, ...]) -> int:
    """Return how many images may be computed at a time, so that each index into arrays (N, ...) is an int32."""
    images = min(LARGEST // max(1, prod(shape[1:])) for shape in shapes)
    if images == 0:
        largest = max(prod(shape[1:]) for shape in shapes)
        raise UnsupportedError(f"{name}: an image of {largest:,} numbers, expected at most {LARGEST:,}: use im2col")
    return images


def parts(name: str, *shapes: tuple[int, ...]) -> Iterator[slice]:
    """Yield parts of the first axis, which arrays share, in which each index is an int32."""
    together = images_at_once(name, *shapes)
    for first in range(0, shapes[0][0], together):
        yield slice(first, first + together)


def round_up(number: int, multiple: int) -> int:
    """Return the least multiple that is not below a number."""
    return -(-number // multiple) * multiple


def in_fours(x: Any) -> Any:
    """Return x (N, H, W, C), or a copy with channels of zeros up to a multiple of 4, for kernels that load fours.

    What begins within such a four, as a part of an array may, is copied too.
    """
    c, xp = x.shape[3], module_of(x)
    if c % 4 == 0 and (xp is np or x.data.ptr % 16 == 0):
        return x
    wide = xp.zeros((*x.shape[:3], round_up(c, 4)), x.dtype)
    wide[..., :c] = x
    return wide
