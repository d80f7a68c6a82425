"""What windows see of an image, copied to where a kernel reads it better: a frame.

Around an image with padding a frame has zeros. And where neighbouring windows begin so many bytes apart that the
cache cannot hold a line of each (`collide`), its pixels lie further apart than the image's.
"""

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

from convlab_kernels.axis import Pair
from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.memory import clear, copy
from convlab_kernels.cpu.runtime.micro_kernel import collide
from convlab_kernels.window import Window


class Layout(NamedTuple):
    """How what windows see lies in memory: in frames, or where none are needed, in the images themselves.

    Attributes
    ----------
    size : (int, int)
        Rows and columns of a frame; (0, 0) where none is needed.
    pixel : int
        Numbers from one pixel to the next.
    stride : (int, int)
        Pixels from one window to the next.
    """

    size: Pair
    pixel: int
    stride: Pair


@lru_cache(1 << 10)
def layout(window: Window, image: tuple[int, int, int], itemsize: int, places: Pair, part: Pair) -> Layout:
    """Return the layout for an image (H, W, C) with so many rows and columns of windows, of which a frame has a part.

    itemsize : bytes of a number
    """
    h, w, c = image
    padded = max(map(max, window.pads((h, w)))) > 0
    apart = collide(window.stride[1] * c * itemsize, prod(places))
    dense = apart and window.kernel == (1, 1) and not padded  # then there is nothing between two windows
    stride = (1, 1) if dense else window.stride
    rows, columns = ((n - 1) * step + extent for n, step, extent in zip(part, stride, window.extent, strict=True))
    return Layout((rows, columns) if padded or apart else (0, 0), c + LINE // itemsize * apart, stride)


@inlined
def copy_row(x: Any, image: int, y: int, left: int, step: int, row: Any) -> None:
    """Fill a frame's row (columns, pixel) with every step-th pixel of line y of an image, from column `left` on.

    There are zeros where the image has none.
    """
    _, h, w, c = x.shape
    columns, pixel = row.shape
    first, last = columns, columns  # of those inside the image
    if 0 <= y < h:
        first = min(columns, max(0, -left))  # nothing is left out where there is padding
        last = max(first, min(columns, -((left - w) // step)))
    size, start = x.itemsize, ((image * h + y) * w + left) * c
    clear(address(row, 0), first * pixel * size)
    if pixel == c and step == 1:
        copy(address(x, start + first * c), address(row, first * c), (last - first) * c * size)
    else:
        for column in range(first, last):
            copy(address(x, start + column * step * c), address(row, column * pixel), c * size)
    clear(address(row, last * pixel), (columns - last) * pixel * size)
