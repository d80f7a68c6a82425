"""The page of a figure: things have places in inches, and keep them when the page gets another size.

Matplotlib places axes by shares of the page, so titles are cut and labels collide when its size changes. Here the
heading is broken to the width that there is, edges stay as wide as they are, and what lies between is stretched.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import LayoutEngine
from matplotlib.text import Annotation, Text

from convlab.view.breaking import LEADING, break_text
from convlab.view.screen import Drawing
from convlab.wording import printable_lines

INK, FAINT = "#1b1e23", "#6b727c"
DPI = 150
LEFT, TOP, RIGHT, BOTTOM = 0.45, 0.62, 0.2, 0.4  # inches around what is drawn; TOP holds a heading of two lines
ABOVE = 0.14  # inches over the heading
TITLE, NOTE = (11.0, 9.5, 8.0, 7.0), (8.0, 7.0, 6.0)  # points, the largest first
NOTE_LINE = LEADING * NOTE[0] / 72  # inches
LEAST_LETTERS = 0.5  # of their size: smaller ones would not be read
SMALLEST = 0.3  # share of the page that is left to what is drawn, however long the heading is


class Edges(NamedTuple):
    """Inches that stay as they are when a page gets another size."""

    left: float = LEFT
    top: float = TOP
    right: float = RIGHT
    bottom: float = BOTTOM


AROUND = Edges(0.1, TOP, 0.1, 0.1)


class Sheet(LayoutEngine):
    """Where things lie, in inches from the left and the top edge of a page of the size at which it was drawn."""

    _adjust_compatible = True
    _colorbar_gridspec = True

    def __init__(self, size: tuple[float, float], edges: Edges, shrinks: bool) -> None:
        super().__init__()
        self.size, self.edges, self.shrinks = size, edges, shrinks
        self.axes: list[tuple[Axes, tuple[float, float, float, float]]] = []
        self.texts: list[tuple[Text, tuple[float, float]]] = []
        self.title: Text | None = None
        self.note: Text | None = None
        self.words = "", ""
        self._letters = 1.0  # how large they are now, beside the size at which they were written

    def execute(self, fig: Figure) -> None:
        """Place everything on the page as it is now."""
        width, height = fig.get_size_inches()
        top = min(self.edges.top + self.head(fig), (1 - SMALLEST) * height)
        across = _stretch(
            self.size[0], (self.edges.left, self.edges.right), width, (self.edges.left, self.edges.right)
        )
        down = _stretch(self.size[1], (self.edges.top, self.edges.bottom), height, (top, self.edges.bottom))
        for ax, (left, upper, wide, high) in self.axes:
            x, y = across(left), down(upper)
            ax.set_position((x / width, 1 - down(upper + high) / height, (across(left + wide) - x) / width,
                             (down(upper + high) - y) / height))  # fmt: skip
        for text, (left, upper) in self.texts:
            text.set_position((across(left) / width, 1 - down(upper) / height))
        if self.shrinks:
            share = min(1.0, width / self.size[0], height / (self.size[1] + top - self.edges.top))
            self._resize_letters(fig, max(share, LEAST_LETTERS))

    def head(self, figure: Figure) -> float:
        """Write the heading, and return how many inches it takes beyond what it takes unbroken."""
        if self.title is None or self.note is None:
            return 0.0
        width, height = figure.get_size_inches()
        room = max(width - self.edges.left - 0.1, 0.5 * width)
        extra, down = 0.0, ABOVE
        for text, words, sizes in zip((self.title, self.note), self.words, (TITLE, NOTE), strict=True):
            lines = break_text(text, words, room, sizes)
            text.set_position(((width - room - 0.1) / width, 1 - down / height))
            down += lines + 0.02
            extra += lines - LEADING * sizes[0] / 72 * (words.count("\n") + 1)
        return extra

    def _resize_letters(self, figure: Figure, share: float) -> None:
        if share == self._letters:
            return
        for text in figure.findobj(Text):
            if text in (self.title, self.note):
                continue
            text.set_fontsize(float(text.get_fontsize()) * share / self._letters)
            if isinstance(text, Annotation):
                text.xyann = text.xyann[0] * share / self._letters, text.xyann[1] * share / self._letters
        self._letters = share


def _stretch(
    whole: float, edges: tuple[float, float], new: float, new_edges: tuple[float, float]
) -> Callable[[float], float]:
    """Return what becomes of a place along one side of the page: edges are kept, what is between is stretched."""
    first, last = new_edges
    if first + last > (1 - SMALLEST) * new:
        first, last = (edge * (1 - SMALLEST) * new / (first + last) for edge in new_edges)
    pace = (new - first - last) / (whole - sum(edges))

    def place(at: float) -> float:
        if at <= edges[0]:
            return at * first / edges[0] if edges[0] else 0.0
        if at >= whole - edges[1]:
            return new - (whole - at) * (last / edges[1] if edges[1] else 1)
        return first + (at - edges[0]) * pace

    return place


def page(width: float, height: float, edges: Edges = AROUND, *, shrinks: bool = True) -> Drawing:
    """Return an empty figure of so many inches, with those around it that it keeps.

    Where there are words among what is drawn, they become smaller with the page: it shrinks.
    """
    figure = Drawing(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.set_layout_engine(Sheet((width, height), edges, shrinks))
    return figure


def sheet(figure: Figure) -> Sheet:
    """Return where things lie on a figure that `page` made."""
    found = figure.get_layout_engine()
    assert isinstance(found, Sheet)
    return found


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return new axes, so many inches from the left and the top edge of the figure."""
    across, down = figure.get_size_inches()
    ax = figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
    sheet(figure).axes.append((ax, (left, top, width, height)))
    return ax


def write(figure: Figure, left: float, top: float, text: str, **style: Any) -> Text:
    """Write, so many inches from the left and the top edge of the figure."""
    across, down = figure.get_size_inches()
    written = figure.text(left / across, 1 - top / down, text, **{"va": "center", **style})
    sheet(figure).texts.append((written, (left, top)))
    return written


def head(figure: Figure, title: str, note: str) -> None:
    """Write a title over a page and, smaller under it, what has to be known to read it."""
    lies = sheet(figure)
    lies.words = printable_lines(title), printable_lines(note)
    lies.title = figure.text(0, 1, title, va="top", color=INK, fontweight="bold", fontsize=TITLE[0])
    lies.note = figure.text(0, 1, note, va="top", color=FAINT, fontsize=NOTE[0])


def settle(figure: Figure, size: tuple[float, float] | None, dpi: float | None) -> None:
    """Give a finished figure the size that was asked for, or what its broken heading needs besides its own."""
    lies = sheet(figure)
    if dpi is not None:
        figure.set_dpi(dpi)
    figure.set_size_inches(size or (lies.size[0], lies.size[1] + lies.head(figure)))
    lies.execute(figure)
