"""Tiles on a page: how many beside each other, how large, and how each is told from the others."""

from collections.abc import Callable
from itertools import pairwise

from matplotlib.axes import Axes

from convlab.markup.mosaic import default_columns
from convlab.view.figure_style import HIGH, SCREEN, number_columns, number_rows, root
from convlab.view.fitted import LEAST, Cell, Fitted
from convlab.view.sheet import DPI, FAINT

LETTER, CAPTION, SIZE = 0.058, 0.15, 6.5  # inches across a letter and down a line of a caption; points


class Tiles:
    """Where pictures of one shape (H, W, C) lie: C of them.

    Below each stands a caption, if one has room: its number, or its name, and the ends of its scale, or that alone.
    Otherwise the first of each row has its number, and above the columns stands what to add to it.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        columns: int | None,
        numbers: list[int],
        ends: list[str],
        ax: Axes | None = None,
        largest: int = SCREEN,
        apart: int = 2,
        names: list[str] | None = None,
    ) -> None:
        height, width, count = shape
        self.numbers, self.names = numbers, names or list(map(str, numbers))
        self.columns = min(columns or default_columns(count, height, width), count)
        self.rows = -(-count // self.columns)
        most = min(SCREEN // self.columns, largest) // width
        self.zoom = max(1, min(most, HIGH // (self.rows * height)))
        across = max(apart, self.zoom * min(height, width) // 24)
        self.size = self.zoom * height, self.zoom * width
        inch, lines = self._inch(ax)
        self.captions = self._captions(ends, self.size[1] / inch) if self.rows <= lines else []
        self.gap = round(CAPTION * inch) if self.captions else across, across

    def _inch(self, ax: Axes | None) -> tuple[float, float]:
        """Return the pixels of an inch, and for how many lines of captions there is room."""
        down, across = self.rows * self.size[0], self.columns * self.size[1]
        if ax is None:
            return max(float(DPI), across / (SCREEN / DPI)), self.rows
        box, dots = ax.get_window_extent(), root(ax).dpi
        return dots * max(down / box.height, across / box.width), box.height / dots / (2 * CAPTION)

    def _captions(self, ends: list[str], room: float) -> list[str]:
        """Return the longest captions for which there is room, so many inches; none if the edges say the same."""
        numbers = list(map(str, self.numbers))
        tried = [[" · ".join(filter(None, both)) for both in zip(self.names, ends, strict=True)]]
        tried += [self.names] * (self.names != numbers) + [numbers] * (self.step is None)
        return next((captions for captions in tried if max(map(len, captions)) * LETTER <= room), [])

    @property
    def step(self) -> int | None:
        """By how much the numbers count up; None where they do not do so evenly."""
        steps = {b - a for a, b in pairwise(self.numbers)}
        return None if len(steps) > 1 or min(steps, default=1) < 1 else min(steps, default=1)

    def label(self, ax: Axes) -> None:
        """Write the captions below the tiles, or where those have no room the numbers at the edges."""
        down, across = (side + gap for side, gap in zip(self.size, self.gap, strict=True))
        cell = Cell(ax, across, self.gap[0], max(self.captions, key=len, default=""))
        self._number(ax, (down, across), lambda: not self.captions or cell.points() < LEAST)
        for i, caption in enumerate(self.captions):
            row, column = divmod(i, self.columns)
            at = column * across - 0.5, row * down + self.size[0] - 0.5 + self.gap[0] / 12
            text = Fitted(*at, caption, cell, va="top", fontsize=SIZE, color=FAINT)
            ax.add_artist(text)
            text.set_clip_on(False)  # the last row's lie below the axes

    def _number(self, ax: Axes, pitch: tuple[float, float], shown: Callable[[], bool]) -> None:
        number_rows(ax, self.numbers[:: self.columns], pitch[0], shown)
        step = self.step
        if step is None or min(self.rows, self.columns) < 2:
            return
        number_columns(ax, [f"+{step * column}" for column in range(self.columns)], pitch[1], shown)
