"""The picture of one number: the image, the window, input x kernel = products, and their sum."""

from pathlib import Path
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from convlab.errors import UnsupportedError
from convlab.explanation.explanation import Explanation
from convlab.explanation.text import decimals, field_line, headline, peak, sum_line, verdict, window_line
from convlab.markup.maps import recorded_maps
from convlab.markup.mosaic import colormap
from convlab.markup.scale import Scale
from convlab.recording.activations import Activations
from convlab.view.explain_cells import bars_of, draw_bars, draw_table, draw_window, hatch, label_cells, mark
from convlab.view.figure_style import FAINT, INK, TITLE, axes_at, finish, page
from convlab.view.picture import draw_input

CHANNELS = 3  # how many of the strongest input channels are drawn
IMAGE, MAP, TABLE, CELL, BARS, BAR = 2.6, 2.0, 2.2, 0.46, 2.2, 0.23  # inches across; TABLE and CELL at the most
EDGE, GAP, SIGN, NAMES, HEAD, TITLES, LEAST = 0.35, 0.45, 0.34, 1.1, 1.2, 0.55, 7.0  # around, between; least width
WRONG = "#c0123c"


def explanation(why: Explanation, acts: Activations, *, path: str | Path | None = None) -> Figure:
    """Draw how a number came about, and return the Figure.

    From left to right: the image with the receptive field; for each of the strongest input channels its map with
    the window, then patch x kernel = products; what each input channel adds to the sum. Blue is negative, red
    positive; hatched cells are padding.

    Parameters
    ----------
    why : Explanation
        What `convlab.explain` returned.
    acts : Activations
        The recording it was made from.
    path : optional
        Where to save the figure.

    Raises
    ------
    UnsupportedError
        For a number in a volume: print the explanation.
    """
    if why.place.slices is not None:
        raise UnsupportedError(f"layer {why.layer!r} is explained in a volume, which has no picture: print it")
    layout = _Layout(why, acts)
    figure = layout.page()
    _draw_image(axes_at(figure, EDGE, HEAD, IMAGE, layout.image_height), why, acts)
    for row, channel in enumerate(layout.channels):
        _draw_channel(figure, layout, row, channel)
    if layout.bars:
        ax = axes_at(figure, layout.bars_left, HEAD, BARS, BAR * len(layout.bars))
        draw_bars(ax, layout.bars)
        _title(ax, "what each adds to the sum")
    return finish(figure, path)


class _Layout:
    """Where things lie on the page, in inches."""

    def __init__(self, why: Explanation, acts: Activations) -> None:
        self.why = why
        self.maps = recorded_maps(acts[why.source] if why.source in acts else acts.inputs[why.source], why.image)
        merged = len(why.sources) > 1
        self.channels = [] if merged or why.place.size == (1, 1) else why.strongest(CHANNELS)
        self.bars = bars_of(why) if merged or why.trained else []
        height, width = why.patch.shape[:2]
        cell = min(CELL, TABLE / max(height, width))
        self.table = cell * width, cell * height
        self.row = max(self.table[1], MAP * min(1, why.place.size[0] / why.place.size[1])) + TITLES
        self.tables = [EDGE + IMAGE + GAP + MAP + GAP + i * (self.table[0] + SIGN) for i in range(3)]
        right = self.tables[2 if why.trained else 0] + self.table[0] if self.channels else EDGE + IMAGE
        self.bars_left = right + NAMES
        self.width = max(LEAST, (self.bars_left + BARS if self.bars else right) + EDGE)
        self.image_height = IMAGE * min(
            2, why.image_shape[0] / why.image_shape[1] if len(why.image_shape) == 3 else 1
        )
        self.body = max(self.image_height, len(self.channels) * self.row - TITLES, BAR * len(self.bars))

    def page(self) -> Figure:
        """Return the figure with its heading, and the arithmetic at its foot."""
        why, foot = self.why, HEAD + self.body + 0.4
        arithmetic = wrap(sum_line(why), int((self.width - 2 * EDGE) * 13))
        figure = page(self.width, foot + 0.2 * len(arithmetic) + 0.2)
        self.write(figure, EDGE, 0.34, headline(why), **TITLE)
        self.write(figure, EDGE, 0.57, f"looks at {window_line(why)}", fontsize=8, color=FAINT)
        self.write(figure, EDGE, 0.74, f"sees {field_line(why)}", fontsize=8, color=FAINT)
        for line in arithmetic:
            self.write(figure, EDGE, foot, line, fontsize=9.5, color=INK)
            foot += 0.2
        self.write(figure, EDGE, foot, verdict(why), fontsize=8, color=FAINT if why.agrees else WRONG)
        return figure

    @staticmethod
    def write(figure: Figure, left: float, top: float, text: str, **style: Any) -> None:
        """Write, so many inches from the left and the top edge."""
        width, height = figure.get_size_inches()
        figure.text(left / width, 1 - top / height, text, va="center", **style)


def _draw_image(ax: Axes, why: Explanation, acts: Activations) -> None:
    """Show the picture that the network saw, with the receptive field."""
    draw_input(ax, acts, why.image, why.input)
    _title(ax, "image, and what the unit sees of it")
    if why.input is None or why.field == "varies":
        return
    height, width = (1, 1, *why.image_shape)[-3:-1]
    (top, bottom), (left, right) = why.field_in_image or ((0, height - 1), (0, width - 1))
    if top <= bottom and left <= right:
        mark(ax, top, left, bottom, right)


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
    _title(ax, f"{why.source}, channel {number}")
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
    titles = "kernel", f"products: sum {why.channel_sums[channel]:.4g}"
    for array, title, left, sign in zip((why.kernel, why.products), titles, layout.tables[1:], "×=", strict=True):
        ax = axes_at(figure, left, top, *layout.table)
        reach = peak(array[:, :, layout.channels]) or 1.0
        cmap, norm = colormap("auto", signed=True), Normalize(-reach, reach)
        draw_table(ax, array[:, :, channel], decimals(array), cmap, norm)
        _title(ax, title)
        middle = left - SIGN / 2, top + layout.table[1] / 2
        layout.write(figure, *middle, sign, ha="center", fontsize=13, color=INK)
    hatch(ax, why.place.padding)


def _title(ax: Axes, text: str) -> None:
    ax.set_title(text, fontsize=8, color=INK, loc="left", pad=5)
