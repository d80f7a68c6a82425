"""The slices of a volume: those of its channels as a table, and which of them to show."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.errors import ShapeError
from convlab.markup.maps import silent_channels
from convlab.markup.mosaic import mosaic
from convlab.markup.scale import Rule, Scale
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.channels import BAR, chosen, colour_bar, listed
from convlab.view.figure_style import HIGH, SCREEN, frame, heading, number_rows, root, show
from convlab.view.sheet import FAINT, RIGHT

MOST = 16  # slices side by side, unless more are asked for


def slice_table(
    acts: Activations,
    layer: str,
    channels: Sequence[int] | slice | None,
    slices: Sequence[int] | slice | None,
    scale: Rule,
    image: int,
    cmap: str,
    colorbar: bool,
    ax: Axes | None,
) -> Figure:
    """Draw a layer (N, D, H, W, C): a row for each channel, a column for each slice; see `feature_maps`."""
    whole = acts[layer]
    if not -len(whole) <= image < len(whole):
        raise ShapeError(f"feature_maps: image {image} of a batch of {len(whole)} does not exist")
    volume, depth = whole[image], whole.shape[1]
    numbers = chosen(volume.shape[3], channels)
    shown = evenly(depth, volume.shape[2]) if slices is None else chosen(depth, slices, "slices")
    volume = volume[..., numbers]
    measure = Scale.of(volume.reshape(-1, *volume.shape[2:]), scale)
    pixels, pitch = _pixels(volume[shown], measure, cmap)
    title = _title(acts, layer, volume.shape, whole.shape, len(shown), image)
    ax = ax or frame(pixels, BAR if colorbar else RIGHT)
    show(ax, pixels)
    number_rows(ax, numbers, pitch[0])
    ax.set_xticks([(i + 0.5) * pitch[1] for i in range(len(shown))], map(str, shown))
    ax.set_xlabel("slice", fontsize=8, color=FAINT)
    ax.set_ylabel("channel", fontsize=8, color=FAINT)
    heading(ax, title, f"{measure}{_remarks(volume, numbers)}")
    if colorbar:
        colour_bar(ax, measure, cmap)
    return root(ax)


def evenly(depth: int, width: int) -> list[int]:
    """Return the slices to show of so many, each so wide: all, or evenly spread ones that a page has room for."""
    most = max(1, min(MOST, SCREEN // width))
    return list(range(depth)) if depth <= most else np.linspace(0, depth - 1, most).round().astype(int).tolist()


def _pixels(volume: Array, measure: Scale, cmap: str) -> tuple[Array, tuple[int, int]]:
    """Return the picture of (S, H, W, C), and how far a row and a column are from the next."""
    count, height, width, channels = volume.shape
    zoom = max(1, min(SCREEN // (count * width), HIGH // (channels * height)))
    gap = max(2, zoom * min(height, width) // 24)
    tiles = volume.transpose(1, 2, 3, 0).reshape(height, width, channels * count)
    each = replace(measure, low=measure.low.repeat(count), high=measure.high.repeat(count))
    pixels = mosaic(tiles, count, zoom=zoom, gap=gap, scale=each, colors=cmap)
    return pixels, (zoom * height + gap, zoom * width + gap)


def _title(
    acts: Activations, layer: str, part: tuple[int, ...], whole: tuple[int, ...], slices: int, image: int
) -> str:
    depth, height, width, count = part
    channels = f"{count} channels" if count == whole[-1] else f"{count} of {whole[-1]} channels"
    shown = "" if slices == depth else f", {slices} of {depth} slices"
    batch = f", image {image} of {acts.images}" if acts.images > 1 else ""
    return f"{acts.title} · {layer}: {channels} of {depth} × {height} × {width}{shown}{batch}"


def _remarks(volume: Array, numbers: list[int]) -> str:
    """Return what to say of channels and slices that hold nothing, and of what is no number."""
    silent = silent_channels(volume.reshape(-1, *volume.shape[2:]))
    which = listed(np.array(numbers)[silent].tolist())
    remarks = f"  ·  {silent.sum()} all zero ({which})" if silent.any() else ""
    if (volume == 0).all(axis=(1, 2)).any():
        remarks += "  ·  hatched: zero in all of the slice"
    if odd := int((~np.isfinite(volume)).sum()):
        remarks += f"  ·  {odd} values are NaN or infinite (magenta)"
    return remarks
