"""The maps of one layer in one picture."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.markup.maps import VOLUMES, recorded_maps, silent_channels, tall
from convlab.markup.mosaic import mosaic
from convlab.markup.scale import Rule, Scale
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.channels import BAR, chosen, colour_bar, listed
from convlab.view.drawing import Look, drawing
from convlab.view.figure_style import frame, heading, root, show
from convlab.view.sheet import RIGHT
from convlab.view.tiles import Tiles
from convlab.view.volumes import slice_table


@drawing
def feature_maps(
    acts: Activations,
    layer: str,
    *,
    channels: Sequence[int] | slice | None = None,
    columns: int | None = None,
    scale: Rule = "channel",
    image: int = 0,
    slices: Sequence[int] | slice | None = None,
    cmap: str = "auto",
    colorbar: bool = True,
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Figure:
    """Draw the channels of a layer for one image of the batch, and return the Figure.

    What the colours mean is written above the maps; channels that are zero for this image are hatched and counted,
    NaN is magenta. Below each map stand its number and the ends of its scale, or where the maps are small their
    numbers at the edges alone. Maps of one row are drawn as bars. A volume (D, H, W, C) is drawn as a table with a
    row for each channel and a column for each slice.

    Parameters
    ----------
    acts, layer
        A recording, and the name of a layer in it.
    channels : sequence of int or slice, optional
        Which channels, in this order; all of them by default.
    columns, scale, image
        As in `mosaic`; a volume has a column for each slice.
    slices : sequence of int or slice, optional
        Which slices of a volume: all by default, or as many as a page has room for, evenly spread.
    cmap : str
        A Matplotlib colormap's name; "auto" for one that suits the sign of the values.
    colorbar : bool
        Whether to draw what the colours mean beside the maps.
    ax : Axes, optional
        Where to draw; by default on a figure of its own.

    Raises
    ------
    ShapeError
        For a layer that has no maps, or channels, slices, an image or a colormap that are not there.
    LayerNameError
        Where the recording has no such layer.
    """
    if acts[layer].ndim == VOLUMES:
        return slice_table(acts, layer, channels, slices, scale, image, cmap, colorbar, ax)
    whole = recorded_maps(acts[layer], image)
    numbers = chosen(whole.shape[2], channels)
    maps = whole[:, :, numbers]
    measure = Scale.of(maps, scale)
    tiles = Tiles(tall(maps).shape, columns, numbers, measure.ends(), ax)
    pixels = mosaic(tall(maps), tiles.columns, zoom=tiles.zoom, gap=tiles.gap, scale=measure, colors=cmap)
    ax = ax or frame(pixels, BAR if colorbar else RIGHT, shrinks=bool(tiles.captions))
    show(ax, pixels)
    tiles.label(ax)
    heading(ax, title_of(acts, layer, maps.shape, whole.shape[2], image), f"{measure}{remarks_on(maps, numbers)}")
    if colorbar:
        colour_bar(ax, measure, cmap)
    return root(ax)


def title_of(acts: Activations, layer: str, shape: tuple[int, ...], whole: int, image: int) -> str:
    """Return what a picture of so many of a layer's channels is called."""
    height, width, count = shape
    number = f"{count} channels" if count == whole else f"{count} of {whole} channels"
    batch = f", image {image} of {acts.images}" if acts.images > 1 else ""
    return f"{acts.title} · {layer}: {number} of {height} × {width}{batch}"


def remarks_on(maps: Array, numbers: list[int]) -> str:
    """Return what to say of channels with these numbers: which are zero everywhere, and what is not finite."""
    silent = [numbers[i] for i in np.flatnonzero(silent_channels(maps))]
    remarks = f"  ·  {len(silent)} zero for this image, hatched ({listed(silent)})" if silent else ""
    if odd := int((~np.isfinite(maps)).sum()):
        remarks += f"  ·  {odd} values are NaN or infinite (magenta)"
    return remarks
