"""Convolution of volumes as one matrix product: `im2col` with one axis more, plain.

The copied windows ("columns") are KD*KH*KW times as large as the volume, so they are made in slabs of output planes,
and of a plane's rows, that stay under a budget. It computes with the array module of its weights.

    for each group g:  out (P, O/G) = columns (P, KD*KH*KW*C/G) @ w (KD*KH*KW*C/G, O/G)    P = planes * rows * OW
"""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arrays import module_of
from convlab_kernels.epilogue import finish
from convlab_kernels.window3d import Triple, Window3D

COLUMN_BYTES = 16 << 20
"""Most bytes that the copied windows may take at one time (one output row is always allowed)."""


class Im2col3D:
    """Blocked im2col with a matrix per group, from the kernels (KD, KH, KW, C/groups, O)."""

    def __init__(self, w: NDArray[Any], window: Window3D, groups: int = 1) -> None:
        # (KD, KH, KW, C/G, O) -> (KD*KH*KW*C/G, G, O/G) -> (G, KD*KH*KW*C/G, O/G)
        self.matrices = w.reshape(-1, groups, w.shape[-1] // groups).transpose(1, 0, 2)
        self.window = window

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Convolve x (N, D, H, W, C) into out (N, OD, OH, OW, O); add bias (O,); clip at zero if `relu`."""
        depth, height, width = x.shape[1:4]
        pads = self.window.pads((depth, height, width))
        for volume, result in zip(x, out, strict=True):
            padded = module_of(x).pad(volume, (*pads, (0, 0))) if any(map(any, pads)) else volume
            self._convolve(padded, result)
        finish(out, bias, relu, ceiling)

    def _convolve(self, volume: NDArray[Any], out: NDArray[Any]) -> None:
        """Convolve a padded volume (D, H, W, C) into out (OD, OH, OW, O)."""
        inputs, outputs = (n // len(self.matrices) for n in (volume.shape[3], out.shape[3]))
        for group, matrix in enumerate(self.matrices):
            seen = volume[..., group * inputs : (group + 1) * inputs]
            made = out[..., group * outputs : (group + 1) * outputs]
            for first, slab in _slabs(made, matrix.shape[0] * out.itemsize):
                columns = self._columns(seen, first, slab.shape[:3])
                slab[...] = columns.reshape(-1, matrix.shape[0]).dot(matrix).reshape(slab.shape)

    def _columns(self, volume: NDArray[Any], first: Triple, places: tuple[int, ...]) -> NDArray[Any]:
        """Return the cells under the window at so many places from the first, (*places, KD*KH*KW, C/G)."""
        kernel, stride, dilation = self.window.kernel, self.window.stride, self.window.dilation
        columns = module_of(volume).empty((*places, prod(kernel), volume.shape[3]), volume.dtype)
        for i, cell in enumerate(np.ndindex(*kernel)):
            axes = zip(cell, dilation, first, places, stride, strict=True)
            columns[..., i, :] = volume[tuple(_under(k * d, at, count, s) for k, d, at, count, s in axes)]
        return columns


def _under(offset: int, first: int, count: int, stride: int) -> slice:
    """Return the cells that lie so far into the window, along one axis, at `count` places from the first."""
    start = offset + first * stride
    return slice(start, start + (count - 1) * stride + 1, stride)


def _slabs(out: NDArray[Any], place_bytes: int) -> Iterator[tuple[Triple, NDArray[Any]]]:
    """Yield parts of out (OD, OH, OW, O) whose columns stay under the budget, each with its first place."""
    depth, height, width, _ = out.shape
    rows = min(height, max(1, COLUMN_BYTES // (width * place_bytes)))
    planes = max(1, COLUMN_BYTES // (height * width * place_bytes)) if rows == height else 1
    for plane, row in product(range(0, depth, planes), range(0, height, rows)):
        yield (plane, row, 0), out[plane : plane + planes, row : row + rows]
