"""The maps of one layer in one picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.markup.maps import VOLUMES, dead_channels, recorded_maps
from convlab.markup.mosaic import default_columns, mosaic
from convlab.markup.scale import Rule, Scale
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.channels import BAR, chosen, colour_bar, listed
from convlab.view.figure_style import HIGH, RIGHT, SCREEN, finish, frame, heading, number_rows, root, show
from convlab.view.volumes import slice_table


def feature_maps(
    acts: Activations,
    layer: str,
    *,
    channels: Sequence[int] | slice | None = None,
    columns: int | None = None,
    scale: Rule = "channel",
    image: int = 0,
    slices: Sequence[int] | slice | None = None,
    ax: Axes | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw the channels of a layer for one image of the batch, and return the Figure.

    What the colours mean is written above the maps; dead channels are hatched and counted, NaN is magenta. A volume
    (D, H, W, C) is drawn as a table with a row for each channel and a column for each slice.

    Parameters
    ----------
    acts, layer
        A recording, and the name of a layer in it.
    channels : sequence of int or slice, optional
        Which channels; all of them by default.
    columns, scale, image
        As in `mosaic`; a volume has a column for each slice.
    slices : sequence of int or slice, optional
        Which slices of a volume: all by default, or as many as a page has room for, evenly spread.
    ax : Axes, optional
        Where to draw; by default on a figure of its own.
    path : optional
        Where to save the figure.

    Raises
    ------
    ShapeError
        For a layer that has no maps, or channels, slices or an image that are not there.
    LayerNameError
        Where the recording has no such layer.
    """
    if acts[layer].ndim == VOLUMES:
        return slice_table(acts, layer, channels=channels, slices=slices, scale=scale, image=image, ax=ax, path=path)
    whole = recorded_maps(acts[layer], image)
    numbers = chosen(whole.shape[2], channels)
    maps = whole[:, :, numbers]
    measure = Scale.of(maps, scale)
    height, width, count = maps.shape
    columns = min(columns or default_columns(count, height, width), count)
    rows = -(-count // columns)
    zoom = max(1, min(SCREEN // (columns * width), HIGH // (rows * height)))
    gap = max(2, zoom * min(height, width) // 24)
    pixels = mosaic(maps, columns, zoom=zoom, gap=gap, scale=measure, colors="auto")
    title = _title(acts, layer, maps.shape, whole.shape[2], image)
    ax = ax or frame(pixels, title, BAR if scale == "shared" else RIGHT)
    show(ax, pixels)
    _number_tiles(ax, numbers, rows, columns, (zoom * height + gap, zoom * width + gap))
    heading(ax, title, f"{measure}{_remarks(maps, numbers)}")
    if scale == "shared":
        colour_bar(ax, measure)
    return finish(root(ax), path)


def _title(acts: Activations, layer: str, shape: tuple[int, ...], whole: int, image: int) -> str:
    height, width, count = shape
    number = f"{count} channels" if count == whole else f"{count} of {whole} channels"
    batch = f", image {image} of {acts.images}" if acts.images > 1 else ""
    return f"{acts.title} · {layer}: {number} of {height} × {width}{batch}"


def _remarks(maps: Array, numbers: list[int]) -> str:
    dead = [numbers[i] for i in np.flatnonzero(dead_channels(maps))]
    remarks = f"  ·  {len(dead)} dead, hatched ({listed(dead)})" if dead else ""
    if odd := int((~np.isfinite(maps)).sum()):
        remarks += f"  ·  {odd} values are NaN or infinite (magenta)"
    return remarks


def _number_tiles(ax: Axes, numbers: list[int], rows: int, columns: int, pitch: tuple[int, int]) -> None:
    """Write at each row the number of its first channel, and above the columns what to add, where they count up."""
    number_rows(ax, numbers[::columns], pitch[0])
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))) and min(rows, columns) > 1:
        every = range(0, columns, max(1, columns // 16))
        ax.set_xticks([(column + 0.5) * pitch[1] for column in every], [f"+{column}" for column in every])
