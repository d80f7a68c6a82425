"""The adjoint of a convolution as convolutions at stride 1, with turned kernels, one for each phase of the stride.

A stride of 2 brings, say, the even cells of a kernel to the even cells of its input and the odd to the odd: so the
gradient by those cells is a convolution with those taps alone, and no product is made with the zeros of a gradient
that is spread by the stride. Shi et al., "Is the deconvolution layer the same as a convolutional layer?" (arXiv
1609.07009); at stride 1: Dumoulin and Visin, arXiv 1603.07285, section 4.1.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import gcd
from typing import NamedTuple

from convlab.runtime.arrays import Array, module_of
from convlab_kernels.axis import Axis
from convlab_kernels.window import Pair, Window


class Phase(NamedTuple):
    """Every stride-th cell along one axis, and what makes the gradient by them.

    Attributes
    ----------
    cells : slice
        Which cells of the input.
    taps : range
        Which cells of the kernel stand on them, at one place or another.
    seen : slice
        What of the output's gradient reaches them.
    pads, dilation : pair of int, int
        How those taps, turned, walk over that.
    """

    cells: slice
    taps: range
    seen: slice
    pads: Pair
    dilation: int


@lru_cache(maxsize=4096)  # asked for at every call of a layer
def phases(window: Window, size: Pair) -> tuple[tuple[Phase, Phase], ...]:
    """Return, for a window over (H, W) = `size`, the phases of rows and columns; other cells get no gradient."""
    walk = window.explain(size)
    return tuple(product(_along(walk.height), _along(walk.width)))


def turned_window(rows: Phase, columns: Phase) -> Window:
    """Return the window of the convolution that makes the gradient by such cells."""
    kernel = len(rows.taps), len(columns.taps)
    return Window(kernel, (1, 1), (rows.pads, columns.pads), (rows.dilation, columns.dilation))


def _along(axis: Axis) -> Iterator[Phase]:
    """Yield the phases of an axis.

    Tap k of the window at place i stands on cell i*stride + k*dilation - before. So the gradient by cell p is

    sum over k of g[(p + before - k*dilation) / stride] w[k],  where that is whole
    """
    before = axis.pads[0]
    for first in range(min(axis.stride, axis.size)):
        taps = [k for k in range(axis.kernel) if (first + before - k * axis.dilation) % axis.stride == 0]
        if not taps:
            continue
        common = gcd(axis.stride, axis.dilation)
        cells, apart = slice(first, axis.size, axis.stride), axis.dilation // common
        start = (first + before - taps[-1] * axis.dilation) // axis.stride
        end = start + apart * (len(taps) - 1) + len(range(axis.size)[cells])
        if start < axis.places and end > 0:
            seen, pads = slice(max(start, 0), min(end, axis.places)), (max(-start, 0), max(end - axis.places, 0))
            yield Phase(cells, range(taps[0], axis.kernel, axis.stride // common), seen, pads, apart)


def turned(w: Array, groups: int = 1) -> Array:
    """Return w (KH, KW, C/groups, O) turned by 180 degrees, inputs and outputs exchanged: (KH, KW, O/groups, C)."""
    parts = module_of(w).split(w[::-1, ::-1], groups, axis=3) if groups > 1 else [w[::-1, ::-1]]
    return module_of(w).concatenate([part.swapaxes(2, 3) for part in parts], axis=3)
