"""The picture of one number: the image, the window, input x kernel = products, and their sum."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from convlab.backward.result import Gradients
from convlab.errors import UnsupportedError
from convlab.explanation.explanation import Explanation
from convlab.explanation.text import (
    decimals,
    headline,
    kernel_name,
    peak,
    place_lines,
    strongest_line,
    sum_line,
    verdict,
)
from convlab.markup.maps import ROW, recorded_maps
from convlab.markup.mosaic import colormap
from convlab.markup.scale import Scale
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, Shape, on_host
from convlab.view.channels import chosen
from convlab.view.drawing import Look, drawing
from convlab.view.explain_cells import bars_of, draw_bars, draw_table, draw_window, hatch, label_cells, mark
from convlab.view.figure_style import bare
from convlab.view.picture import draw_input, steps_down, table_share
from convlab.view.sheet import FAINT, INK, Edges, axes_at, head, page, write

CHANNELS = 3  # how many input channels are drawn
IMAGE, MAP, TABLE, CELL, BARS, BAR = 2.6, 2.0, 2.2, 0.46, 2.2, 0.23  # inches across; TABLE and CELL at the most
EDGE, GAP, SIGN, NAMES, HEAD, TITLES, LEAST = 0.35, 0.45, 0.34, 1.1, 1.2, 0.55, 7.0  # around, between; least width
WRONG = "#c0123c"


@drawing
def explanation(
    why: Explanation, acts: Activations, *, channels: Sequence[int] | None = None, **look: Unpack[Look]
) -> Figure:
    """Draw how a number came about, and return the Figure.

    From left to right: the image with the receptive field, and below it the layer's map with the number's cell; for
    each of some input channels its map with the window, then patch x kernel = products; what each input channel adds
    to the sum. Blue is negative, red positive; hatched cells are padding.

    The input channels are those with the largest products anywhere in the image: their kernels' size times that of
    their maps. So the same ones stand at the same places whichever of a map's numbers is explained; the strongest of
    this one are named above.

    Parameters
    ----------
    why : Explanation
        What `convlab.explain` returned.
    acts : Activations
        The recording it was made from; of a number of gradients, these.
    channels : sequence of int, optional
        The input channels to draw, by their places in the patch: `why.strongest(3)` for those that add most here.

    Raises
    ------
    ShapeError
        For input channels that are not there.
    UnsupportedError
        For a number in a volume: print the explanation; or for other gradients, or a recording, than it is of.
    """
    if bool(why.target) != isinstance(acts, Gradients):
        asked, found = ("gradients", "a recording") if why.target else ("a recording", "gradients")
        raise UnsupportedError(f"plot.explanation: it was made from {asked}, found {found}")
    if why.place.slices is not None:
        raise UnsupportedError(f"layer {why.layer!r} is explained in a volume, which has no picture: print it")
    layout = _Layout(why, acts, channels)
    figure = layout.page()
    _draw_image(axes_at(figure, EDGE, HEAD, IMAGE, layout.image_height), why, acts)
    if layout.output is not None:
        top = HEAD + layout.image_height + TITLES
        _draw_output(axes_at(figure, EDGE, top, IMAGE, layout.output_height), why, layout.output)
    for row, channel in enumerate(layout.channels):
        _draw_channel(figure, layout, row, channel)
    if layout.bars:
        ax = axes_at(figure, layout.bars_left, HEAD, BARS, BAR * len(layout.bars))
        draw_bars(ax, layout.bars)
        _title(ax, "what each adds to the sum")
    return figure


class _Layout:
    """Where things lie on the page, in inches."""

    def __init__(self, why: Explanation, acts: Activations, channels: Sequence[int] | None) -> None:
        self.why = why
        self.maps = recorded_maps(_source(why, acts), why.image)
        self.output = None if len(why.shape) == 1 else recorded_maps(acts[why.layer], why.image)[:, :, why.channel]
        merged = len(why.sources) > 1
        drawn = len(why.sources) == 1 and why.place.size != (1, 1)
        self.channels = _channels(why, self.maps, channels) if drawn else []
        self.bars = bars_of(why, self.channels) if merged or why.trained else []
        height, width = why.patch.shape[:2]
        cell = min(CELL, TABLE / max(height, width))
        self.table = cell * width, cell * height
        self.row = max(self.table[1], MAP * min(1, why.place.size[0] / why.place.size[1])) + TITLES
        self.tables = [EDGE + IMAGE + GAP + MAP + GAP + i * (self.table[0] + SIGN) for i in range(3)]
        right = self.tables[2 if why.trained else 0] + self.table[0] if self.channels else EDGE + IMAGE
        self.bars_left = right + max(NAMES, 0.06 * max((len(name) for name, *_ in self.bars), default=0) + GAP)
        self.width = max(LEAST, (self.bars_left + BARS if self.bars else right) + EDGE)
        self.image_height = _image_height(why.image_shape)
        self.output_height = 0.0 if self.output is None else _height(self.output.shape)
        left = self.image_height + (TITLES + self.output_height if self.output is not None else 0)
        self.body = max(left, len(self.channels) * self.row - TITLES, BAR * len(self.bars))

    def page(self) -> Figure:
        """Return the figure with its heading, and the arithmetic at its foot."""
        why, foot = self.why, HEAD + self.body + 0.4
        arithmetic = wrap(sum_line(why), int((self.width - 2 * EDGE) * 13))
        figure = page(self.width, foot + 0.2 * len(arithmetic) + 0.2, Edges(EDGE, HEAD, EDGE, 0.1))
        strongest = [f"strongest here: {strongest_line(why)}"] if self.channels and why.trained else []
        head(figure, headline(why), "\n".join([*place_lines(why), *strongest]))
        for line in arithmetic:
            write(figure, EDGE, foot, line, fontsize=9.5, color=INK)
            foot += 0.2
        write(figure, EDGE, foot, verdict(why), fontsize=8, color=FAINT if why.agrees else WRONG)
        return figure


def _source(why: Explanation, acts: Activations) -> Array:
    """Return the array that the patch was cut from."""
    if isinstance(acts, Gradients):
        return on_host(acts.before_activation(why.source.removesuffix("/pre"))) if why.sources else acts[why.layer]
    return acts[why.source] if why.source in acts else acts.inputs[why.source]


def _image_height(shape: Shape) -> float:
    """Return the inches down the picture of an input."""
    return IMAGE * table_share(shape) if steps_down(shape) else _height(shape[:2] if len(shape) == 3 else (1, 1))


def _height(size: Sequence[int]) -> float:
    """Return the inches down a picture of (H, W, ...)."""
    return IMAGE * (ROW if size[0] == 1 else min(2, size[0] / size[1]))


def _channels(why: Explanation, maps: Array, asked: Sequence[int] | None) -> list[int]:
    """Return the places in the patch of the input channels to draw."""
    count = why.patch.shape[2]
    if asked is not None:
        return chosen(count, asked)
    with np.errstate(invalid="ignore", over="ignore"):
        kernels = np.sqrt((why.kernel**2).sum(axis=(0, 1)))
        sizes = np.sqrt((maps[:, :, list(why.place.channels)].astype(np.float64) ** 2).mean(axis=(0, 1)))
        products = kernels * sizes
    largest = np.argsort(-np.nan_to_num(products), kind="stable")[:CHANNELS].tolist()
    several = [i for i in largest if products[i] != 0] or largest[:1]
    return sorted(several) if why.trained else list(range(count))[:CHANNELS]


def _draw_image(ax: Axes, why: Explanation, acts: Activations) -> None:
    """Show the picture that the network saw, with the receptive field."""
    draw_input(ax, acts, why.image, why.input)
    _title(ax, f"image, and {'this cell' if why.layer == why.input else 'what the unit sees of it'}")
    if why.input is None or why.field == "varies":
        return
    height, width, channels = (1, 1, *why.image_shape)[-3:]
    rows, columns = why.field_in_image or ((0, height - 1), (0, width - 1))
    if steps_down(why.image_shape):
        rows, columns = columns, (0, channels - 1)
    if rows[0] <= rows[1] and columns[0] <= columns[1]:
        mark(ax, rows[0], columns[0], rows[1], columns[1])


def _draw_output(ax: Axes, why: Explanation, values: Array) -> None:
    """Show the map that the number is a cell of."""
    scale = Scale.of(values[:, :, None], "shared")
    norm = Normalize(scale.low[0], scale.high[0] or 1)
    ax.imshow(values, cmap=colormap("auto", scale.signed), norm=norm, interpolation="nearest")
    if len(values) == 1:
        ax.set_aspect("auto")
    bare(ax)
    ax.set_anchor("NW")
    mark(ax, why.y, why.x, why.y, why.x)
    by = "gradient by " if why.target else ""
    _title(ax, f"{by}{why.layer}, channel {why.channel}: this number")


def _draw_channel(figure: Figure, layout: _Layout, row: int, channel: int) -> None:
    """Show one input channel: its map with the window, the patch, and what the kernel makes of it."""
    why, top = layout.why, HEAD + row * layout.row
    number = why.place.channels[channel]
    maps = layout.maps[:, :, [number]]
    scale = Scale.of(maps, "shared")
    cmap, norm = colormap("auto", scale.signed), Normalize(scale.low[0], scale.high[0] or 1)
    ax = axes_at(figure, layout.tables[0] - GAP - MAP, top, MAP, layout.row - TITLES)
    ax.imshow(maps[:, :, 0], cmap=cmap, norm=norm, interpolation="nearest")
    draw_window(ax, why.place)
    _title(ax, f"{'gradient by ' if why.target else ''}{why.source}, channel {number}")
    ax = axes_at(figure, layout.tables[0], top, *layout.table)
    draw_table(ax, why.patch[:, :, channel], decimals(why.patch), cmap, norm)
    hatch(ax, why.place.padding)
    label_cells(ax, why.place)
    _title(ax, "patch")
    if why.trained:
        _draw_product(figure, layout, top, channel)
    elif why.winner and why.patch.size > 1:
        mark(ax, *why.winner, *why.winner)


def _draw_product(figure: Figure, layout: _Layout, top: float, channel: int) -> None:
    """Show, behind the patch, the kernel it is multiplied with and the products."""
    why = layout.why
    titles = kernel_name(why), f"products: sum {why.channel_sums[channel]:.4g}"
    for array, title, left, sign in zip((why.kernel, why.products), titles, layout.tables[1:], "×=", strict=True):
        ax = axes_at(figure, left, top, *layout.table)
        reach = peak(array[:, :, layout.channels]) or 1.0
        cmap, norm = colormap("auto", signed=True), Normalize(-reach, reach)
        draw_table(ax, array[:, :, channel], decimals(array), cmap, norm)
        _title(ax, title)
        middle = left - SIGN / 2, top + layout.table[1] / 2
        write(figure, *middle, sign, ha="center", fontsize=13, color=INK)
    hatch(ax, why.place.padding)


def _title(ax: Axes, text: str) -> None:
    ax.set_title(text, fontsize=8, color=INK, loc="left", pad=5)
