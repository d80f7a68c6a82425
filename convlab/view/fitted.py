"""Words in the cells of a picture: as large as there is room for, and left out where they could not be read."""

from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

from convlab.view.breaking import width_of
from convlab.view.figure_style import root

LEAST = 3.9  # points
FILLED = 0.94  # share of a cell that words may take
LINE = 1.1  # heights of letters from the top of a line to its end


class Cell(NamedTuple):
    """So many units across and down of axes, for words that all have the size at which the longest of them fits."""

    ax: Axes
    across: float
    down: float
    longest: str

    def inches(self) -> tuple[float, float]:
        """Return how wide and how high it is on the page as it is now."""
        (left, top), (right, bottom) = self.ax.transData.transform([(0, 0), (self.across, self.down)])
        dots = root(self.ax).dpi
        return abs(right - left) / dots, abs(bottom - top) / dots

    def points(self) -> float:
        """Return the size of letters for which there is room."""
        width, height = self.inches()
        return min(72 * height / LINE, FILLED * width / width_of(self.longest, FontProperties(size=10)) * 10)


class Fitted(Text):
    """A line of words in a cell. How large that is, is known when the page is drawn."""

    def __init__(self, x: float, y: float, text: str, cell: Cell, **style: Any) -> None:
        super().__init__(x, y, text, transform=cell.ax.transData, **style)
        self._cell, self._most = cell, float(self.get_fontsize())

    def draw(self, renderer: RendererBase) -> None:
        """Draw the line, if there is room for it; small letters that are fitted to pixels may need more."""
        size, room = min(self._most, self._cell.points()), self._cell.inches()[0] * root(self._cell.ax).dpi
        font = self.get_fontproperties().copy()
        while size >= LEAST:
            font.set_size(size)
            if renderer.get_text_width_height_descent(self._cell.longest, font, ismath=False)[0] <= FILLED * room:
                self.set_fontsize(size)
                super().draw(renderer)
                break
            size *= 0.95
