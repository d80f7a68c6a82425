"""A whole network in one picture, read like a text: the image, then a strip of maps for each layer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.errors import ShapeError
from convlab.layers.base import class_of
from convlab.markup.maps import most_varied, recorded_maps, slice_note
from convlab.markup.mosaic import mosaic
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.dense import bars
from convlab.view.figure_style import DPI, FAINT, INK, axes_at, bare, finish, page, root, show
from convlab.view.picture import ROW, draw_input

TILE = 150  # pixels across a map
INPUT, MAPS, UNITS, OUTPUT = 2.2, 1.0, 0.5, 1.9  # inches across what is drawn
NOTE = (
    "each map on its own scale: dark 0 to yellow, or blue negative, red positive"
    " · hatched: zero everywhere · magenta: not finite"
)
GAP, HEAD, LABELS = 0.28, 0.75, 1.1  # inches between strips, above them, and for the names of the output
LINE = 40  # inches of a line of strips
PIXELS = 5e7  # most of a page: a larger one is drawn with fewer dots an inch


def network(
    acts: Activations,
    *,
    maps: int = 6,
    image: int = 0,
    ax: Axes | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw the input, the most varied maps of every recorded layer, and the output; return the Figure.

    Of each convolution the `maps` channels that vary most (leaving out their borders, which show the padding more
    than the image) are shown, each on its own scale, with their numbers; layers that keep the channels apart show
    what becomes of the same ones. Layers of one dimension are columns of cells, read downwards; maps of a single row
    are drawn as bars; of volumes the middle slice is shown. Left out are layers that only reshape, and what was kept
    before an activation function.

    The strips stand in order of execution, and where a line is full the next one goes on. So a network that branches
    shows its branches one after the other; what feeds what is not drawn.

    Parameters
    ----------
    acts : Activations
        The recording.
    maps : int
        Channels of each layer, at most.
    image : int
        Which image of the batch.
    ax : Axes, optional
        Where to paste the figure.
    path : optional
        Where to save it.

    Raises
    ------
    ShapeError
        For no maps, an image that is not there, or a recording without a layer that could be drawn.
    """
    if maps < 1:
        raise ShapeError(f"network: {maps} maps a layer, expected at least 1")
    layers = _layers(acts, image)
    ends = {list(layers)[-1], *acts.outputs}
    channels = _channels(layers, acts.kinds, maps)
    widths = [INPUT] * len(acts.inputs) + [_width(values, name in ends) for name, values in layers.items()]
    heights = [1.0] * len(acts.inputs) + [_height(values, maps) for values in layers.values()]
    strips = _lines(widths, heights)
    for strip, (name, x) in zip(strips, acts.inputs.items(), strict=False):
        draw_input(strip, acts, image, name)
        _head(strip, acts.title if len(acts.inputs) == 1 else name, x)
    for strip, (name, values) in zip(strips[len(acts.inputs) :], layers.items(), strict=True):
        if not _is_flat(values):
            _draw_maps(strip, values, channels[name])
        elif name in ends:
            _draw_output(strip, values[0, 0], acts.labels)
        else:
            _draw_units(strip, values[0, 0])
        _head(strip, name, acts[name])
    return finish(root(strips[0]), path, ax)


def _layers(acts: Activations, image: int) -> dict[str, Array]:
    """Return the maps (H, W, C) of the layers to draw."""
    names = [name for name, kind in acts.kinds.items() if kind != "Flatten" and not name.endswith("/pre")]
    if not names:
        raise ShapeError(f"network: nothing to draw in a recording of {', '.join(acts)}")
    return {name: recorded_maps(acts[name], image) for name in names}


def _channels(layers: dict[str, Array], kinds: Mapping[str, str], count: int) -> dict[str, Array]:
    """Choose the channels to show: a convolution's own best, and the same ones as long as nothing mixes them."""
    chosen: dict[str, Array] = {}
    best, before = np.array([]), 0
    for name, values in layers.items():
        if class_of(kinds[name]).mixes_channels or values.shape[2] != before:
            best = most_varied(values, count)
        chosen[name], before = best, values.shape[2]
    return chosen


def _is_flat(values: Array) -> bool:
    return values.shape[:2] == (1, 1)


def _width(values: Array, end: bool) -> float:
    if _is_flat(values):
        return LABELS + OUTPUT if end else UNITS
    return MAPS


def _height(values: Array, maps: int) -> float:
    """Return the inches that a strip takes: its maps under each other, or a column of units."""
    if _is_flat(values):
        return INPUT
    share = ROW if len(values) == 1 else values.shape[0] / values.shape[1]
    return min(maps, values.shape[2]) * MAPS * 1.08 * share


def _lines(widths: list[float], heights: list[float]) -> list[Axes]:
    """Return axes on a new page, so many inches wide, side by side under headings, in lines as high as needed."""
    lines: list[list[int]] = [[]]
    for i, width in enumerate(widths):
        if sum(widths[j] + GAP for j in lines[-1]) + width > LINE:
            lines.append([])
        lines[-1].append(i)
    down = [max(heights[i] for i in line) for line in lines]
    across = max(sum(widths[i] + GAP for i in line) for line in lines) + GAP
    figure = page(across, sum(down) + len(down) * (HEAD + GAP))
    figure.set_dpi(min(DPI, (PIXELS / np.prod(figure.get_size_inches())) ** 0.5))
    figure.text(GAP / figure.get_figwidth(), 0.08 / figure.get_figheight(), NOTE, fontsize=6.5, color=FAINT)
    tops = np.cumsum([HEAD, *(height + GAP + HEAD for height in down)])
    axes = []
    for line, top, height in zip(lines, tops, down, strict=False):
        lefts = np.cumsum([GAP, *(widths[i] + GAP for i in line)])
        axes += [axes_at(figure, left, top, widths[i], height) for i, left in zip(line, lefts, strict=False)]
    return axes


def _head(ax: Axes, name: str, array: Array) -> None:
    """Write a layer's name and shape above its strip, and which slice of a volume it shows."""
    text: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
    told = [*filter(None, [slice_note(array)]), " × ".join(map(str, array.shape[1:]))]
    size = 8 if len(name) < 9 else 6.5
    above = (0, 9 + 9 * len(told))
    ax.annotate(
        name.replace("_", "_\n", 1),
        (0, 1),
        above,
        fontsize=size,
        fontweight="bold",
        color=INK,
        linespacing=1.1,
        **text,
    )
    ax.annotate("\n".join(told), (0, 1), (0, 5), fontsize=6.5, color=FAINT, **text)


def _draw_maps(ax: Axes, values: Array, channels: Array) -> None:
    """Show channels one under the other, each with its number."""
    if len(values) == 1:
        values = values.repeat(max(1, round(values.shape[1] * ROW)), axis=0)
    zoom = max(1, TILE // values.shape[1])
    gap = max(1, round(0.08 * zoom * values.shape[1]))
    pixels = mosaic(values[:, :, channels], 1, zoom=zoom, gap=gap, colors="auto")
    show(ax, pixels)
    ax.set_anchor("NW")
    pitch = zoom * values.shape[0] + gap
    ax.set_yticks([(i + 0.5) * pitch for i in range(len(channels))], map(str, channels))
    ax.tick_params(length=0, labelsize=5.5, labelcolor=FAINT, pad=1)


def _draw_units(ax: Axes, row: Array) -> None:
    """Show the values (features,) as cells, column by column."""
    columns = max(1, round(np.sqrt(len(row) / 12)))
    cells = np.zeros(columns * -(-len(row) // columns))
    cells[: len(row)] = row
    pixels = mosaic(cells.reshape(columns, -1).T[:, :, None], gap=0, colors="auto")
    empty = (np.arange(cells.size) >= len(row)).reshape(columns, -1).T
    pixels[empty] = 255
    ax.imshow(pixels, aspect="auto", interpolation="nearest")
    bare(ax)


def _draw_output(ax: Axes, row: Array, labels: tuple[str, ...] | None) -> None:
    """Show the strongest outputs as bars with their names."""
    box = ax.get_position()
    shift = box.width * LABELS / (LABELS + OUTPUT)
    ax.set_position((box.x0 + shift, box.y0, box.width - shift, box.height))
    bars(ax, row, min(10, len(row)), labels, size=7.5)
