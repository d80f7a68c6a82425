"""A window's walk over an image as a picture: the image with its padding, where windows stand, and the output."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from convlab.runtime.arrays import Array
from convlab.view.drawing import Look, drawing
from convlab.view.sheet import FAINT, INK, Edges, axes_at, head, page, write
from convlab_kernels.axis import Axis
from convlab_kernels.window import Pair, Window, WindowWalk

SHOWN = 9  # cells at each end of an axis that is too long to show
CELL = 0.24  # inches
EDGE, HEAD, GAP, FOOT, LINE = 0.5, 0.85, 0.9, 0.3, 0.19  # inches around, above, between, below; of a line of text
GRID = "#b9bec6"
IMAGE, PADDING, LEFT_OVER, SEEN = "#ffffff", "#e3e6ea", "#f6c9c9", "#ffd3bd"
FIRST, NEXT, LAST = "#e0480f", "#2166ac", "#1b7837"  # outlines of windows, and their places in the output


@drawing
def window(window: Window, image: int | Pair, **look: Unpack[Look]) -> Figure:
    """Draw how a window walks over an image, and return the Figure.

    On the left the image with its padding: the cells that the first window looks at, the outlines of the first, the
    next and the last one, and what no window reaches at the end; on the right the output with their places. Of a long
    axis both ends are shown. Below stands the arithmetic.

    Parameters
    ----------
    window : Window
        As `convlab.Window.parse(kernel=3, stride=2, padding=1)` returns it.
    image : int or (H, W)
        Its size, in cells.

    Raises
    ------
    ShapeError
        Where the window has no place in the image.
    """
    walk = window.explain(image)
    inputs = [_Cells(range(-axis.pads[0], axis.size + axis.pads[1])) for axis in (walk.height, walk.width)]
    outputs = [_Cells(range(axis.places)) for axis in (walk.height, walk.width)]
    lines = str(walk).split("\n")
    left, right = inputs[1].length * CELL, outputs[1].length * CELL
    body = max(inputs[0].length, outputs[0].length) * CELL
    width = max(2 * EDGE + left + GAP + right, 2 * EDGE + 0.066 * max(map(len, lines)))
    figure = page(width, HEAD + body + FOOT + LINE * (len(lines) + 1), Edges(EDGE, HEAD, 0.1, 0.1))
    _draw_input(axes_at(figure, EDGE, HEAD, left, inputs[0].length * CELL), walk, inputs)
    _draw_output(axes_at(figure, EDGE + left + GAP, HEAD, right, outputs[0].length * CELL), walk, outputs)
    head(figure, lines[0], "")
    for row, text in enumerate(lines[1:]):
        write(figure, EDGE, HEAD + body + FOOT + LINE * (row + 1), text, fontsize=8, color=INK, va="baseline")
    return figure


class _Cells:
    """Where the cells of an axis are drawn: all of them, or those at its ends with a gap of one between."""

    def __init__(self, cells: range) -> None:
        self.shown: Sequence[int] = cells
        self.cut = len(cells) > 2 * SHOWN + 2
        if self.cut:
            self.shown = [*cells[:SHOWN], *cells[-SHOWN:]]
        self.length = len(self.shown) + self.cut

    def at(self, cell: int) -> float:
        """Return where a cell's middle is; of one that is not shown, the middle of the gap."""
        if cell not in self.shown:
            return SHOWN
        place = self.shown.index(cell)
        return place + (self.cut and place >= SHOWN)


def _draw_input(ax: Axes, walk: WindowWalk, cells: list[_Cells]) -> None:
    axes = (walk.height, walk.width)
    colours = _blank(cells)
    for y in cells[0].shown:
        for x in cells[1].shown:
            colours[int(cells[0].at(y)), int(cells[1].at(x))] = _rgb(_colour(axes, (y, x)))
    _grid(ax, colours, cells)
    first, last = ([axis.starts[i] for axis in axes] for i in (0, -1))
    following = [walk.height.starts[0], walk.width.starts[min(1, walk.width.places - 1)]]
    for corner, colour in ((last, LAST), (following, NEXT), (first, FIRST)):
        ends = [start + axis.extent - 1 for start, axis in zip(corner, axes, strict=True)]
        _outline(ax, cells, corner, ends, colour)
    legend = [Patch(facecolor=SEEN, edgecolor=FIRST, label="first window")]
    legend.append(Patch(facecolor=IMAGE, edgecolor=NEXT, label="next"))
    legend.append(Patch(facecolor=IMAGE, edgecolor=LAST, label="last"))
    legend += [Patch(facecolor=PADDING, label="padding")] if _any_padding(axes) else []
    legend += [Patch(facecolor=LEFT_OVER, label="left over")] if any(axis.left_over for axis in axes) else []
    above = 0, 1 + 0.8 / cells[0].length  # of the axes: over the numbers of the columns
    ax.legend(
        handles=legend, ncols=len(legend), loc="lower left", bbox_to_anchor=above, borderaxespad=0, borderpad=0,
        columnspacing=1.2, handlelength=1.2, frameon=False, fontsize=7, labelcolor=FAINT,
    )  # fmt: skip


def _colour(axes: tuple[Axis, Axis], cell: Pair) -> str:
    looked_at = (range(axis.starts[0], axis.starts[0] + axis.extent, axis.dilation) for axis in axes)
    if all(at in cells for at, cells in zip(cell, looked_at, strict=True)):
        return SEEN
    if any(at in axis.left_over for at, axis in zip(cell, axes, strict=True)):
        return LEFT_OVER
    inside = all(0 <= at < axis.size for at, axis in zip(cell, axes, strict=True))
    return IMAGE if inside else PADDING


def _any_padding(axes: tuple[Axis, Axis]) -> bool:
    return any(max(axis.pads) > 0 for axis in axes)


def _draw_output(ax: Axes, walk: WindowWalk, cells: list[_Cells]) -> None:
    _grid(ax, _blank(cells), cells)
    bottom, right = walk.height.places - 1, walk.width.places - 1
    for place, colour in (((bottom, right), LAST), ((0, min(1, right)), NEXT), ((0, 0), FIRST)):
        _outline(ax, cells, place, place, colour)
    ax.set_title("output", fontsize=8, color=INK, loc="left", pad=16)


def _blank(cells: list[_Cells]) -> Array:
    return np.ones((cells[0].length, cells[1].length, 3))


def _rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _grid(ax: Axes, colours: Array, cells: list[_Cells]) -> None:
    """Show cells with their numbers; where an axis is cut, a gap with dots."""
    ax.imshow(colours, interpolation="nearest")
    for y in cells[0].shown:
        for x in cells[1].shown:
            corner = cells[1].at(x) - 0.5, cells[0].at(y) - 0.5
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=GRID, linewidth=0.5, clip_on=False))
    ax.spines[:].set_visible(False)
    for axis, place in ((cells[1], ax.set_xticks), (cells[0], ax.set_yticks)):
        place([axis.at(cell) for cell in axis.shown], [str(cell) for cell in axis.shown])
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=5.5, labelcolor=FAINT, pad=1.5)
    if cells[0].cut:
        ax.text(cells[1].at(cells[1].shown[0]), SHOWN, "⋮", ha="center", va="center", color=FAINT)
    if cells[1].cut:
        ax.text(SHOWN, cells[0].at(cells[0].shown[0]), "…", ha="center", va="center", color=FAINT)


def _outline(ax: Axes, cells: list[_Cells], first: Sequence[int], last: Sequence[int], colour: str) -> None:
    (top, bottom), (left, right) = ((cells[i].at(first[i]), cells[i].at(last[i])) for i in (0, 1))
    corner, width, height = (left - 0.44, top - 0.44), right - left + 0.88, bottom - top + 0.88
    ax.add_patch(
        Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=1.6, zorder=5, clip_on=False)
    )
