"""The page that every figure is drawn on: one look, no pyplot, so nothing is left open."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from convlab.errors import FileError
from convlab.markup.mosaic import Pixels
from convlab.storage.writing import check_file, new_path
from convlab.wording import printable

INK, FAINT = "#1b1e23", "#6b727c"
DPI = 150
SCREEN, HIGH = 1900, 900  # most pixels of a mosaic across a page, and down; a smaller one is drawn pixel by pixel
TITLE: dict[str, Any] = {"fontsize": 11, "color": INK, "fontweight": "bold"}
LEFT, TOP, RIGHT, BOTTOM = 0.45, 0.62, 0.2, 0.4  # inches around a mosaic


class Drawing(Figure):
    """A Figure that a notebook shows by itself, whether or not pyplot was ever imported."""

    def _repr_png_(self) -> bytes:
        from io import BytesIO

        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def page(width: float, height: float) -> Drawing:
    """Return an empty figure of so many inches."""
    figure = Drawing(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return new axes, so many inches from the left and the top edge of the figure."""
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def inches(pixels: Pixels) -> tuple[float, float]:
    """Return the width and height at which a mosaic's pixels are the page's pixels, or the widest that fits."""
    height, width = pixels.shape[:2]
    scale = min(1, SCREEN / width) / DPI
    return width * scale, height * scale


def title_width(title: str) -> float:
    """Return the inches that a page needs for a title."""
    return max(6.0, 2 * LEFT + 0.1 * len(title))


def frame(pixels: Pixels, title: str, right: float = RIGHT) -> Axes:
    """Return axes on a new page, just large enough for a mosaic, its title and tile numbers."""
    width, height = inches(pixels)
    figure = page(max(LEFT + width + right, title_width(title)), TOP + height + BOTTOM)
    return axes_at(figure, LEFT, TOP, width, height)


def root(ax: Axes) -> Figure:
    """Return the whole figure that axes belong to."""
    return cast(Figure, ax.get_figure(root=True))


def show(ax: Axes, pixels: Pixels) -> None:
    """Draw a mosaic on bare axes: pixel by pixel where it fits, smoothed where it must shrink."""
    ax.imshow(pixels, interpolation="nearest" if pixels.shape[1] <= SCREEN else "auto")
    bare(ax)


def finish(figure: Figure, path: str | Path | None, ax: Axes | None = None) -> Figure:
    """Paste the figure into the caller's axes, if there are any, save it where a path is given, and return it."""
    spell_out(figure)
    if ax is not None:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        show(ax, np.asarray(canvas.buffer_rgba()))  # type: ignore[no-untyped-call]
        figure = root(ax)
    if path is not None:
        form = picture_format(Path(path))
        options: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if form == "png" else {}
        with new_path(Path(path), "the picture") as part:
            try:
                figure.savefig(part, format=form, **options)
            except ValueError as error:
                raise FileError(f"{path}: the picture cannot be written ({error})") from None
    return figure


def spell_out(figure: Figure) -> None:
    """Draw names as they are: "$" begins no formula, and what cannot be drawn stands as Python would write it."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        lines = text.get_text().split("\n")
        if not all(map(str.isprintable, lines)):
            text.set_text("\n".join(map(printable, lines)))


def check_picture(path: Path) -> None:
    """Refuse a path at which no picture can be written, before it is drawn (FileError)."""
    check_file(path)
    picture_format(path)


def picture_format(path: Path) -> str:
    """Return the format that a picture's name tells, by default "png"."""
    form = path.suffix[1:].lower() or "png"
    known = FigureCanvasBase.get_supported_filetypes()
    if form not in known:
        formats = ", ".join(sorted(known))
        raise FileError(f"{path}: the picture cannot be written (format {form!r} is unknown, expected {formats})")
    return form


def heading(ax: Axes, title: str, note: str) -> None:
    """Write a title and, smaller under it, what has to be known to read the picture."""
    ax.annotate(title, (0, 1), (0, 20), xycoords="axes fraction", textcoords="offset points", **TITLE)
    ax.annotate(note, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=8, color=FAINT)


def bare(ax: Axes) -> None:
    """Take frame and ticks away."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def number_rows(ax: Axes, numbers: Sequence[int], pitch: float) -> None:
    """Write a number beside each row of tiles, which are `pitch` pixels apart."""
    ax.set_yticks([(row + 0.5) * pitch for row in range(len(numbers))], [str(number) for number in numbers])
    ax.tick_params(length=0, labelsize=7, labelcolor=FAINT)
