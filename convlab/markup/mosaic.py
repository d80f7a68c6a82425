"""All channels of an activation side by side in one array of pixels, never resampled.

One activation is zoom x zoom whole pixels, so a picture saved from it can be measured. Marks on a coloured mosaic:
a channel that is zero everywhere is hatched, NaN and infinity are magenta.
"""

from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab.errors import ShapeError
from convlab.markup.maps import image_maps, silent_channels
from convlab.markup.scale import Rule, Scale
from convlab.runtime.arrays import Array
from convlab.wording import unknown

Pixels = NDArray[np.uint8]

GAP = (255, 255, 255)
NOT_FINITE = (255, 0, 255)
DEAD = ((214, 214, 214), (240, 240, 240))  # the two greys of the hatching


def mosaic(
    activation: Array,
    columns: int | None = None,
    *,
    zoom: int = 1,
    gap: int | tuple[int, int] = 1,
    scale: Rule | Scale = "channel",
    image: int = 0,
    colors: str | None = None,
) -> Pixels:
    """Return the channels of one image as tiles of one picture.

    Parameters
    ----------
    activation : array (N, H, W, C), (H, W, C), or (N, features) as maps of one cell
    columns : int, optional
        Tiles in a row; by default a number that makes full rows, if there is one.
    zoom : int
        Pixels along an activation's side.
    gap : int or (int, int)
        White pixels between tiles, or between rows and between columns of them.
    scale : "channel", "shared", "standardised", or a Scale
        See `convlab.markup.scale.Scale`.
    image : int
        Which image of the batch: a batch makes a page each.
    colors : str, optional
        A Matplotlib colormap's name, "auto" for one that suits the sign of the values; None: grey.

    Returns
    -------
    uint8 array (rows, columns), or (rows, columns, 3) with `colors`

    Raises
    ------
    ShapeError
        For an activation of another shape, an image that is not there, or a size below what makes a picture.
    """
    gaps = gap if isinstance(gap, tuple) else (gap, gap)
    if zoom < 1 or min(gaps) < 0:
        raise ShapeError(f"mosaic: zoom {zoom} and gap {gap}: at least 1 and 0 expected")
    maps = image_maps(activation, image)
    measure = scale if isinstance(scale, Scale) else Scale.of(maps, scale)
    tiles = np.moveaxis(measure.levels(maps), 2, 0)  # (C, H, W)
    if colors is not None:
        tiles = _coloured(tiles, maps, colormap(colors, measure.signed))
    tiles = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    if colors is not None:
        tiles[silent_channels(maps)] = np.array(DEAD, np.uint8)[hatching(tiles.shape[1:3])]
    return arrange(tiles, default_columns(*tiles.shape[:3]) if columns is None else columns, gaps)


def default_columns(count: int, height: int = 1, width: int = 1) -> int:
    """Return the columns that make a landscape format of tiles of this size, in full rows where that can be had."""
    ideal = min(count, max(1.0, 1.5 * sqrt(count * height / width)))
    even = [d for d in range(ceil(ideal / 1.5), int(ideal * 4 / 3) + 1) if count % d == 0]
    return min(even, key=lambda d: (abs(d - ideal), -d), default=round(ideal))


def arrange(tiles: Pixels, columns: int, gaps: tuple[int, int]) -> Pixels:
    """Lay tiles (C, h, w) or (C, h, w, 3) out in rows of `columns`, (down, across) white pixels apart."""
    if columns < 1:
        raise ShapeError(f"mosaic: {columns} columns, expected at least 1")
    count, height, width, *rest = tiles.shape
    columns, (down, across) = min(columns, count), gaps
    rows = -(-count // columns)
    sheet = np.full((rows * columns, height + down, width + across, *rest), 255, np.uint8)
    sheet[:count, :height, :width] = tiles
    # (rows, columns, h, w) -> (rows, h, columns, w)
    sheet = sheet.reshape(rows, columns, height + down, width + across, *rest).swapaxes(1, 2)
    sheet = sheet.reshape(rows * (height + down), columns * (width + across), *rest)
    return sheet[: sheet.shape[0] - down, : sheet.shape[1] - across]


def colormap(name: str, signed: bool) -> Any:
    """Return a Matplotlib colormap; "auto": diverging for signed values, else rising in brightness."""
    import matplotlib

    if name == "auto":
        name = "RdBu_r" if signed else "viridis"
    if name not in matplotlib.colormaps:
        raise ShapeError(unknown("colormap of Matplotlib", name, matplotlib.colormaps))
    return matplotlib.colormaps[name]


def _coloured(tiles: Pixels, maps: Array, cmap: Any) -> Pixels:
    coloured = cmap(np.arange(256), bytes=True)[:, :3][tiles]
    coloured[np.moveaxis(~np.isfinite(maps), 2, 0)] = NOT_FINITE
    return coloured


def hatching(size: tuple[int, int]) -> NDArray[np.intp]:
    """Return diagonal stripes (h, w) of 0 and 1, four pixels wide, or finer on small tiles."""
    y, x = np.indices(size)
    width = max(1, min(4, min(size) // 3))
    return (y + x) // width % 2
