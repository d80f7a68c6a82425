"""Numbers put elsewhere: borders, images side by side, images in other sizes."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out, readable
from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.memory import clear, copy
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for

PACE = 3_000
"""Numbers that one thread reads and writes in a microsecond, roughly."""


def frame(x: NDArray[Any], out: NDArray[Any], top: int, left: int) -> None:
    """Copy images (N, H, W, C) into zeros (N, OH, OW, C), so far from the top and the left; below 0, they are cut."""
    check_out(out, "frame")
    parallel_for(_frame, (readable(x), out, top, left), len(out) * out.shape[1], cost=out.size / PACE)


def join(arrays: list[NDArray[Any]], out: NDArray[Any], axis: int) -> None:
    """Put arrays side by side along an axis of out."""
    check_out(out, "join")
    rows, before = prod(out.shape[:axis]), 0
    results = out.reshape(rows, prod(out.shape[axis:]))
    for array in arrays:
        part = readable(array).reshape(rows, prod(array.shape[axis:]))
        size, grain = (part.size, LINE) if rows == 1 else (rows, 1)
        parallel_for(_join, (part, results, before), size, grain, cost=part.size / PACE)
        before += part.shape[1]


def nearest(x: NDArray[Any], out: NDArray[Any]) -> None:
    """Write images (N, H, W, C) in another size (N, OH, OW, C), each cell as the one that its middle lies in."""
    check_out(out, "nearest")
    parallel_for(_nearest, (readable(x), out), len(out) * out.shape[1], cost=out.size / PACE)


def bilinear(x: NDArray[Any], out: NDArray[Any]) -> None:
    """Write images (N, H, W, C) in another size (N, OH, OW, C), each cell a mean of the four about its middle."""
    check_out(out, "bilinear")
    parallel_for(_bilinear, (readable(x), out), len(out) * out.shape[1], cost=3 * out.size / PACE)


@shared
def _frame(_, first, last, x, out, top, left):
    """Write the rows first to last of out, those of all images together."""
    h, w, c = x.shape[1:]
    oh, ow = out.shape[1:3]
    cell = c * x.itemsize
    begin, end = max(0, left), min(ow, left + w)
    for row in range(first, last):
        image, y = divmod(row, oh)
        target = address(out, row * ow * c)
        if 0 <= y - top < h and begin < end:
            source = address(x, ((image * h + y - top) * w + begin - left) * c)
            clear(target, begin * cell)
            copy(source, target + begin * cell, (end - begin) * cell)
            clear(target + end * cell, (ow - end) * cell)
        else:
            clear(target, ow * cell)


@shared
def _join(_, first, last, part, out, before):
    """Copy the rows first to last of a part, from a column of out on; of a single row, the columns."""
    rows, columns = part.shape
    begin, end = (first, last) if rows == 1 else (0, columns)
    for row in range(1) if rows == 1 else range(first, last):
        source = address(part, row * columns + begin)
        copy(source, address(out, row * out.shape[1] + before + begin), (end - begin) * part.itemsize)


@shared
def _nearest(_, first, last, x, out):
    """Write the rows first to last of out, those of all images together."""
    h, w, c = x.shape[1:]
    oh, ow = out.shape[1:3]
    for row in range(first, last):
        image, y = divmod(row, oh)
        source, target = (image * h + (2 * y + 1) * h // (2 * oh)) * w, row * ow
        for place in range(ow):
            cell = source + (2 * place + 1) * w // (2 * ow)
            copy(address(x, cell * c), address(out, (target + place) * c), c * x.itemsize)


@shared
def _bilinear(_, first, last, x, out):
    """Write the rows first to last of out, those of all images together: rows are mixed first, then columns."""
    h, w, c = x.shape[1:]
    oh, ow = out.shape[1:3]
    mixed = np.empty(w * c, x.dtype)
    for row in range(first, last):
        image, y = divmod(row, oh)
        above, below, of_above, of_below = _between(y, h, oh, x.dtype)
        upper, lower, target = x[image, above].reshape(-1), x[image, below].reshape(-1), out[image, y].reshape(-1)
        for k in range(w * c):
            mixed[k] = upper[k] * of_above + lower[k] * of_below
        for place in range(ow):
            left, right, of_left, of_right = _between(place, w, ow, x.dtype)
            for k in range(c):
                target[place * c + k] = mixed[left * c + k] * of_left + mixed[right * c + k] * of_right


@inlined
def _between(i, cells, places, dtype):
    """Return the two cells that a place's middle lies between, and the share of each."""
    before, after = divmod((2 * i + 1) * cells - places, 2 * places)
    low, high = max(0, min(cells - 1, before)), max(0, min(cells - 1, before + 1))
    return low, high, dtype.type((2 * places - after) / (2 * places)), dtype.type(after / (2 * places))
