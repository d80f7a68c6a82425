"""One look for all figures: how tiles, headings and names are drawn."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import Locator

from convlab.markup.mosaic import Pixels
from convlab.view.breaking import LEADING, break_text
from convlab.view.screen import Drawing
from convlab.view.sheet import (
    BOTTOM,
    DPI,
    FAINT,
    INK,
    LEFT,
    NOTE,
    RIGHT,
    TITLE,
    TOP,
    Edges,
    axes_at,
    head,
    page,
    sheet,
)
from convlab.wording import printable_lines

SCREEN, HIGH = 1900, 900  # most pixels of a mosaic across a page, and down; a smaller one is drawn pixel by pixel
NARROW = 6.0  # inches of a page, at least
HEADING = "convlab-title"
APART = 7  # points between axes of the caller's and what stands over them
SHARES = 1, 0.85, 0.7, 0.6, 0.5


def inches(pixels: Pixels) -> tuple[float, float]:
    """Return the width and height at which a mosaic's pixels are the page's pixels, or the widest that fits."""
    height, width = pixels.shape[:2]
    scale = min(1, SCREEN / width) / DPI
    return width * scale, height * scale


def frame(pixels: Pixels, right: float = RIGHT, *, above: float = 0, shrinks: bool = False) -> Axes:
    """Return axes on a new page, just large enough for a mosaic, its heading and tile numbers."""
    width, height = inches(pixels)
    across = max(LEFT + width + right, NARROW)
    top = TOP + above
    figure = page(across, top + height + BOTTOM, Edges(top=top, right=right), shrinks=shrinks)
    ax = axes_at(figure, LEFT, top, across - LEFT - right, height)
    ax.set_anchor("NW")
    return ax


def root(ax: Axes) -> Figure:
    """Return the whole figure that axes belong to."""
    return cast(Figure, ax.get_figure(root=True))


def show(ax: Axes, pixels: Pixels) -> None:
    """Draw a mosaic on bare axes: pixel by pixel where it fits, smoothed where it must shrink."""
    ax.imshow(pixels, interpolation="nearest" if pixels.shape[1] <= SCREEN else "auto")
    bare(ax)


def paste(figure: Figure, ax: Axes) -> Figure:
    """Draw a finished figure as a picture into the caller's axes, and return the figure that they are on."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    show(ax, np.asarray(canvas.buffer_rgba()))  # type: ignore[no-untyped-call]
    return root(ax)


def spell_out(figure: Figure) -> None:
    """Draw names as they are: "$" begins no formula, and what cannot be drawn stands as Python would write it."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        words = printable_lines(text.get_text())
        if words != text.get_text():
            text.set_text(words)


def heading(ax: Axes, title: str, note: str) -> None:
    """Write a title and, smaller under it, what has to be known to read the picture.

    On a page of its own it stands over the page, on axes of the caller's over them.
    """
    figure = root(ax)
    if isinstance(figure, Drawing) and sheet(figure).title is None:
        head(figure, title, note)
        return
    over: dict[str, Any] = {
        "xytext": (0, APART),
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "va": "bottom",
    }
    below = ax.annotate("", (0, 1), color=FAINT, **over)
    above = ax.annotate("", (0, 1), color=INK, weight="bold", gid=HEADING, **over)
    box, page_box = ax.get_window_extent(), figure.bbox
    for share in SHARES:  # of the letters' size, until there is room for all between the axes and the page's edge
        lines = break_text(below, printable_lines(note), box.width / figure.dpi, (share * NOTE[0],))
        more = break_text(above, printable_lines(title), box.width / figure.dpi, (share * TITLE[0],))
        if APART / 36 + lines + more <= (page_box.y1 - box.y1) / figure.dpi:
            break
    above.xyann = 0, APART + 72 * lines + 2


def retitle(figure: Figure, ax: Axes | None, title: str) -> None:
    """Replace the title that `heading` wrote."""
    if isinstance(figure, Drawing) and (ax is None or figure is not root(ax)):
        sheet(figure).words = printable_lines(title), sheet(figure).words[1]
        return
    for text in ax.texts if ax is not None else ():
        if text.get_gid() == HEADING:
            text.set_text(printable_lines(title))


def bare(ax: Axes) -> None:
    """Take frame and ticks away."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def number_rows(ax: Axes, numbers: Sequence[int], pitch: float, shown: Callable[[], bool] = lambda: True) -> None:
    """Write a number beside each row of tiles, which are `pitch` pixels apart, or beside as many as have room.

    Whether they are shown at all is asked when the page is drawn.
    """
    ax.yaxis.set_major_locator(Roomy([(row + 0.5) * pitch for row in range(len(numbers))], shown))
    ax.yaxis.set_major_formatter(lambda y, _: str(numbers[round(y / pitch - 0.5)]))
    ax.tick_params(length=0, labelsize=7, labelcolor=FAINT)


def number_columns(
    ax: Axes, labels: Sequence[object], pitch: float, shown: Callable[[], bool] = lambda: True
) -> None:
    """Do the same below columns of tiles."""
    ax.xaxis.set_major_locator(Roomy([(column + 0.5) * pitch for column in range(len(labels))], shown))
    ax.xaxis.set_major_formatter(lambda x, _: str(labels[round(x / pitch - 0.5)]))


class Roomy(Locator):
    """Ticks at fixed places, if shown: all, or where numbers would touch every second, fourth, ... of them."""

    def __init__(self, places: list[float], shown: Callable[[], bool]) -> None:
        self.places, self.shown = places, shown

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return the places, whatever the limits."""
        return self()

    def __call__(self) -> list[float]:
        """Return the places, given the length that the axis has now."""
        if not self.shown():
            return []
        axis = cast(Axis, self.axis)
        box, letter = axis.axes.get_window_extent(), axis.get_tick_params()["labelsize"] * root(axis.axes).dpi / 72
        room = box.width / (3 * letter) if axis is axis.axes.xaxis else box.height / (LEADING * letter)
        step = 1
        while len(self.places) > max(1, room) * step:
            step *= 2
        return self.places[::step]
