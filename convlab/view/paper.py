"""The sheet that every figure is drawn on: one look, no pyplot, so nothing is left open."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, FAINT = "#1b1e23", "#6b727c"
DPI = 150


class Drawing(Figure):
    """A Figure that a notebook shows by itself, whether or not pyplot was ever imported."""

    def _repr_png_(self) -> bytes:
        from io import BytesIO

        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def sheet(width: float, height: float, **options: Any) -> Drawing:
    """Return an empty figure of so many inches."""
    figure = Drawing(figsize=(width, height), dpi=DPI, facecolor="white", **options)
    FigureCanvasAgg(figure)
    return figure


def axes_or_sheet(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the caller's axes, or those of a new sheet."""
    return sheet(width, height, layout="constrained").add_subplot() if ax is None else ax


def finish(figure: Any, path: str | Path | None) -> Any:
    """Save the figure where a path is given, and return it."""
    if path is not None:
        figure.savefig(path)
    return figure


def heading(ax: Axes, title: str, note: str = "") -> None:
    """Write a title and, smaller under it, what has to be known to read the picture."""
    ax.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold", pad=22 if note else 8)
    ax.annotate(note, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=8, color=FAINT)


def bare(ax: Axes) -> None:
    """Take frame and ticks away."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
