"""The position of a window in its layer's input."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from convlab.runtime.arrays import Array
from convlab_kernels.window import Pair, Window
from convlab_kernels.window3d import Triple, Window3D


@dataclass(frozen=True)
class Position:
    """The position of a window in its layer's input.

    Attributes
    ----------
    rows, columns, channels : range
        The cells it looks at; rows and columns outside `size` are padding.
    size : (int, int)
        Rows and columns of the input.
    slices : range or None
        Of a volume: the slices it looks at; those outside `depth` are padding.
    depth : int
        Slices of the input.
    """

    rows: range
    columns: range
    channels: range
    size: Pair
    slices: range | None = None
    depth: int = 0

    @classmethod
    def of(cls, window: Window, maps: Array, y: int, x: int, channels: range) -> "Position":
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
    def cell(cls, maps: Array, y: int, x: int, channel: int) -> "Position":
        """Return the place of one cell of maps (H, W, C)."""
        return cls.of(Window((1, 1)), maps, y, x, range(channel, channel + 1))

    @classmethod
    def in_volume(cls, window: Window3D, volume: Array, at: Triple, channels: range) -> "Position":
        """Return the window's place over a volume (D, H, W, C) for the output (z, y, x)."""
        depth, height, width = volume.shape[:3]
        pads = window.pads((depth, height, width))
        axes = zip(at, window.stride, pads, window.extent, window.dilation, strict=True)
        slices, rows, columns = (
            range(place * stride - before, place * stride - before + extent, step)
            for place, stride, (before, _), extent, step in axes
        )
        return cls(rows, columns, channels, (height, width), slices, depth)

    @property
    def walk(self) -> range:
        """The slices of a volume that the window looks at; one for an image."""
        return range(1) if self.slices is None else self.slices

    @property
    def inside(self) -> list[int]:
        """The slices that are no padding: only they have a part of the patch."""
        return [z for z in self.walk if self.slices is None or z in range(self.depth)]

    @property
    def outside(self) -> tuple[int, int]:
        """How many of how many cells are padding."""
        total = self.padding.size * len(self.walk)
        return total - int((~self.padding).sum()) * len(self.inside), total

    def label(self, i: int) -> str:
        """Return what to call the i-th channel of the patch: the channels of the first slice come first."""
        slice_number, channel = divmod(i, len(self.channels))
        name = f"channel {self.channels[channel]}"
        return name if self.slices is None else f"slice {self.inside[slice_number]}, {name}"

    @cached_property
    def padding(self) -> NDArray[np.bool_]:
        """Which cells (KH, KW) are padding."""
        sides = zip((self.rows, self.columns), self.size, strict=True)
        outside: NDArray[np.bool_] = np.logical_or.outer(*([k not in range(n) for k in cells] for cells, n in sides))
        return outside

    def cells(self, maps: Array) -> Array:
        """Return what the window sees of maps (H, W, C), in float64 (KH, KW, C); padding is 0.

        Of a volume (D, H, W, C) the slices inside, side by side: (KH, KW, slices * C).
        """
        if maps.ndim == 4:
            none = np.zeros((len(self.rows), len(self.columns), 0))
            return np.concatenate([none, *(self.cells(maps[z]) for z in self.inside)], axis=2)
        sides = zip((self.rows, self.columns), self.size, strict=True)
        rows, columns = ([min(max(k, 0), size - 1) for k in cells] for cells, size in sides)
        channels = slice(self.channels.start, self.channels.stop, self.channels.step)
        seen = maps[np.array(rows)[:, None], np.array(columns), channels].astype(np.float64)
        return np.where(self.padding[:, :, None], 0.0, seen)
