"""A whole network in one picture, read like a text: the image, then a strip of maps for each layer."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from convlab.errors import ShapeError
from convlab.layers.base import class_of
from convlab.markup.maps import ROW, most_varied, recorded_maps, slice_note, tall
from convlab.markup.mosaic import mosaic
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.breaking import broken
from convlab.view.dense import bars, strongest
from convlab.view.drawing import Look, drawing
from convlab.view.figure_style import bare, root, show
from convlab.view.picture import draw_input, steps_down
from convlab.view.sheet import DPI, FAINT, INK, NOTE_LINE, TOP, Edges, axes_at, head, page
from convlab.wording import listed, printable

TILE = 150  # pixels across a map
INPUT, MAPS, UNITS, OUTPUT = 2.2, 1.0, 0.5, 1.9  # inches across what is drawn
WHICH = (
    "the {} channels of each convolution that vary most, borders left out, with their numbers;"
    " layers that keep channels apart show the same ones"
)
COLOURS = (
    "each map on its own scale: dark 0 to yellow, or blue negative, red positive"
    " · hatched: zero everywhere · magenta: not finite"
)
GAP, LABELS, MOST_LABELS = 0.28, 1.1, 2.6  # inches between strips, and for the names of the output
CELL = 0.22  # inches down a bar of the output, and a cell of a few units beside it
BARS = 10  # of an output, at most
LINE = 40  # inches of a line of strips
PIXELS = 5e7  # most of a page: a larger one is drawn with fewer dots an inch
SIZES = 8, 7, 6.5  # points of a name
APART = 0.2  # inches between names: on a small page letters shrink less than strips
TOLD, NAME = 0.125, 0.12  # inches down a line of what is told below a name, and of the name


class _Strip(NamedTuple):
    """A layer on its way to the page: its name and what is told of its shape; where it lies, in inches.

    Maps take the height of their line, cells and bars no more than theirs. Left of bars there is room for names.
    """

    name: str
    told: str
    width: float
    height: float
    flat: bool = False
    indent: float = 0.0

    @property
    def lines(self) -> tuple[list[str], float]:
        """The name as lines that do not reach into the next strip, and their size in points."""
        room = self.width - self.indent + GAP - APART
        tried = [(broken(self.name, room, FontProperties(weight="bold", size=size)), size) for size in SIZES]
        return next((one for most in (1, 2) for one in tried if len(one[0]) <= most), tried[-1])

    @property
    def head(self) -> float:
        """Inches above the maps."""
        return NAME * len(self.lines[0]) + TOLD * (self.told.count("\n") + 1) + 0.08


@drawing
def network(
    acts: Activations,
    *,
    maps: int = 6,
    image: int = 0,
    cmap: str = "auto",
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Figure:
    """Draw the input, the most varied maps of every recorded layer, and the output; return the Figure.

    Of each convolution the `maps` channels that vary most (leaving out their borders, which show the padding more
    than the image) are shown, each on its own scale, with their numbers; layers that keep the channels apart show
    what becomes of the same ones. Layers of one dimension are columns of cells, read downwards; the output's few
    units, or the largest of many, are bars with their names (few ones in their order, as cells beside them are).
    Maps of a single row are drawn as bars; of volumes the middle slice is shown. Left out are layers that only
    reshape, and what was kept before an activation function.

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
    cmap : str
        A Matplotlib colormap's name; "auto" for one that suits the sign of the values.
    ax : Axes, optional
        Where to paste the figure.

    Raises
    ------
    ShapeError
        For no maps, an image or a colormap that is not there, or a recording without a layer that could be drawn.
    """
    if maps < 1:
        raise ShapeError(f"network: {maps} maps a layer, expected at least 1")
    layers = _layers(acts, image)
    ends = {list(layers)[-1], *acts.outputs}
    channels = _channels(layers, acts.kinds, maps)
    strips = [
        _strip(name if len(acts.inputs) > 1 else "input", x, INPUT, INPUT if steps_down(x.shape[1:]) else 1.0)
        for name, x in acts.inputs.items()
    ]
    strips += [_layer_strip(acts, name, values, maps, name in ends) for name, values in layers.items()]
    axes = _lines(strips)
    for ax_of, name in zip(axes, acts.inputs, strict=False):
        draw_input(ax_of, acts, image, name)
    for ax_of, (name, values) in zip(axes[len(acts.inputs) :], layers.items(), strict=True):
        if not _is_flat(values):
            _draw_maps(ax_of, values, channels[name], cmap)
        elif name in ends:
            bars(ax_of, values[0, 0], *_shown(values[0, 0], acts.labels), size=7.5)
        else:
            _draw_units(ax_of, values[0, 0], cmap)
    figure = root(axes[0])
    batch = f", image {image} of {acts.images}" if acts.images > 1 else ""
    which = WHICH.format(maps) if any(not _is_flat(values) for values in layers.values()) else ""
    head(figure, f"{acts.title} · {len(layers)} layers{batch}", "\n".join(filter(None, [which, COLOURS])))
    return figure


def _strip(name: str, array: Array, width: float, height: float, flat: bool = False) -> _Strip:
    shape = " × ".join(map(str, array.shape[1:]))
    return _Strip(printable(name), "\n".join(filter(None, [slice_note(array), shape])), width, height, flat)


def _layer_strip(acts: Activations, name: str, values: Array, maps: int, end: bool) -> _Strip:
    strip = _strip(name, acts[name], MAPS, _height(values, end, maps), _is_flat(values))
    if not strip.flat or not end:
        return strip._replace(width=UNITS if strip.flat else MAPS)
    order, names = _shown(values[0, 0], acts.labels)
    indent = _room([names[i] for i in order])
    return strip._replace(width=indent + OUTPUT, indent=indent)


def _layers(acts: Activations, image: int) -> dict[str, Array]:
    """Return the maps (H, W, C) of the layers to draw."""
    names = [name for name, kind in acts.kinds.items() if kind != "Flatten" and not name.endswith("/pre")]
    if not names:
        raise ShapeError(f"network: nothing to draw in a recording of {listed(acts)}")
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


def _height(values: Array, end: bool, maps: int) -> float:
    """Return the inches that a strip takes: its maps under each other, or columns of units, or bars."""
    count = values.shape[2]
    if _is_flat(values):
        return min(INPUT, CELL * (min(count, BARS) if end else count))
    share = ROW if len(values) == 1 else values.shape[0] / values.shape[1]
    return min(maps, count) * MAPS * 1.08 * share


def _lines(strips: list[_Strip]) -> list[Axes]:
    """Return axes on a new page, side by side under their names, in lines as high as needed."""
    lines: list[list[_Strip]] = [[]]
    for strip in strips:
        if sum(other.width + GAP for other in lines[-1]) + strip.width > LINE:
            lines.append([])
        lines[-1].append(strip)
    heads = [max(strip.head for strip in line) for line in lines]
    down = [max(strip.height for strip in line) for line in lines]
    across = max(sum(strip.width + GAP for strip in line) for line in lines) + GAP
    over_all = TOP + NOTE_LINE
    figure = page(across, over_all + sum(heads) + sum(down) + GAP * len(lines), Edges(GAP, over_all, 0.1, 0.1))
    figure.set_dpi(min(DPI, (PIXELS / np.prod(figure.get_size_inches())) ** 0.5))
    axes, top = [], over_all
    for line, over, height in zip(lines, heads, down, strict=True):
        left = GAP
        for strip in line:
            high = strip.height if strip.flat else height
            axes.append(axes_at(figure, left + strip.indent, top + over, strip.width - strip.indent, high))
            _name(axes[-1], strip)
            left += strip.width + GAP
        top += over + height + GAP
    return axes


def _name(ax: Axes, strip: _Strip) -> None:
    """Write a layer's name and shape above its strip."""
    text: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
    lines, size = strip.lines
    above = 72 * TOLD * (strip.told.count("\n") + 1) + 2
    ax.annotate(
        "\n".join(lines), (0, 1), (0, above), fontsize=size, weight="bold", color=INK, linespacing=1.1, **text
    )
    ax.annotate(strip.told, (0, 1), (0, 3), fontsize=6.5, color=FAINT, **text)


def _draw_maps(ax: Axes, values: Array, channels: Array, cmap: str) -> None:
    """Show channels one under the other, each with its number."""
    values = tall(values)
    zoom = max(1, TILE // values.shape[1])
    gap = max(1, round(0.08 * zoom * values.shape[1]))
    pixels = mosaic(values[:, :, channels], 1, zoom=zoom, gap=gap, colors=cmap)
    show(ax, pixels)
    ax.set_anchor("NW")
    pitch = zoom * values.shape[0] + gap
    ax.set_yticks([(i + 0.5) * pitch for i in range(len(channels))], map(str, channels))
    ax.tick_params(length=0, labelsize=5.5, labelcolor=FAINT, pad=1)


def _draw_units(ax: Axes, row: Array, cmap: str) -> None:
    """Show the values (features,) as cells, column by column."""
    columns = max(1, round(np.sqrt(len(row) / 12)))
    cells = np.zeros(columns * -(-len(row) // columns))
    cells[: len(row)] = row
    pixels = mosaic(cells.reshape(columns, -1).T[:, :, None], gap=0, colors=cmap)
    empty = (np.arange(cells.size) >= len(row)).reshape(columns, -1).T
    pixels[empty] = 255
    ax.imshow(pixels, aspect="auto", interpolation="nearest")
    bare(ax)


def _shown(row: Array, labels: tuple[str, ...] | None) -> tuple[Array, tuple[str, ...]]:
    """Return which values of an output to show as bars, few in their order or the largest, and all their names."""
    names = labels if labels and len(labels) == len(row) else tuple(map(str, range(len(row))))
    return np.arange(len(row)) if len(row) <= BARS else strongest(row, BARS), names


def _room(names: list[str]) -> float:
    """Return the inches that names beside bars take."""
    return min(MOST_LABELS, max(LABELS, 0.062 * max(map(len, names)) + 0.1))
