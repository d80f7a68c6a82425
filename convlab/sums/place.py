"""Where a window stands in its layer's input."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlab.arrays import Array
from convlab_kernels.window import Pair, Window


@dataclass(frozen=True)
class Place:
    """Where a window stands in its layer's input.

    Attributes
    ----------
    rows, columns, channels : range
        The cells it looks at; rows and columns outside `size` are padding.
    size : (int, int)
        Rows and columns of the input.
    """

    rows: range
    columns: range
    channels: range
    size: Pair

    @classmethod
    def of(cls, window: Window, maps: Array, y: int, x: int, channels: range) -> "Place":
        """Return the window's place over maps (H, W, C) for the output (y, x)."""
        size = (maps.shape[0], maps.shape[1])
        pads = window.pads(size)
        starts = [at * stride - before for at, stride, (before, _) in zip((y, x), window.stride, pads, strict=True)]
        rows, columns = (
            range(start, start + extent, step)
            for start, extent, step in zip(starts, window.extent, window.dilation, strict=True)
        )
        return cls(rows, columns, channels, size)

    @classmethod
    def cell(cls, maps: Array, y: int, x: int, channel: int) -> "Place":
        """Return the place of one cell of maps (H, W, C)."""
        return cls.of(Window((1, 1)), maps, y, x, range(channel, channel + 1))

    @property
    def padding(self) -> NDArray[np.bool_]:
        """Which cells (KH, KW) are padding."""
        sides = zip((self.rows, self.columns), self.size, strict=True)
        outside: NDArray[np.bool_] = np.logical_or.outer(*([k not in range(n) for k in cells] for cells, n in sides))
        return outside

    def cells(self, maps: Array) -> Array:
        """Return what the window sees of maps (H, W, C), in float64 (KH, KW, C); padding is 0."""
        rows, columns = (np.clip(r, 0, s - 1) for r, s in zip((self.rows, self.columns), self.size, strict=True))
        seen = maps[np.ix_(rows, columns, np.array(self.channels))].astype(np.float64)
        return np.where(self.padding[:, :, None], 0.0, seen)
