"""The parts of an explanation's picture: tables of coloured numbers, windows on maps, sums as bars."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from convlab.explanation.contributions import Position
from convlab.explanation.explanation import Explanation
from convlab.explanation.text import number, peak, source_name
from convlab.runtime.arrays import Array
from convlab.view.figure_style import bare
from convlab.view.fitted import Cell, Fitted
from convlab.view.sheet import FAINT, INK

TERMS = 10  # how many of the strongest input channels have a bar of their own
MOST_NUMBERS = 11  # cells across a table whose numbers can be read
FOUND = "#ff5a1f"  # the colour of what is looked at: the field in the image, the window, the winner
POSITIVE, NEGATIVE, TOTAL, NOTHING, HATCHES = "#b2182b", "#2166ac", "#4a515b", "#eef0f3", "#c9ced6"

Bar = tuple[str, float, float, str]  # name, where it starts, by how much it grows, colour


def draw_table(ax: Axes, values: Array, places: int, cmap: Any, norm: Normalize) -> None:
    """Show values (KH, KW) as coloured cells with their numbers."""
    height, width = values.shape
    ax.imshow(values, cmap=cmap, norm=norm, aspect="auto", interpolation="nearest")
    ax.hlines(np.arange(height + 1) - 0.5, -0.5, width - 0.5, color="white", linewidth=0.8)
    ax.vlines(np.arange(width + 1) - 0.5, -0.5, height - 0.5, color="white", linewidth=0.8)
    bare(ax)
    if max(height, width) > MOST_NUMBERS:
        return
    words = {place: number(value, places) for place, value in np.ndenumerate(values)}
    cell, style = Cell(ax, 1, 1, max(words.values(), key=len)), {"ha": "center", "va": "center", "fontsize": 8}
    for (y, x), word in words.items():
        ax.add_artist(Fitted(x, y, word, cell, color=_readable(cmap(norm(values[y, x]))), **style))


def _readable(colour: tuple[float, float, float, float]) -> str:
    """Return the ink that is read on a colour."""
    red, green, blue, _ = colour
    return INK if 0.3 * red + 0.59 * green + 0.11 * blue > 0.55 else "white"


def hatch(ax: Axes, padding: NDArray[np.bool_]) -> None:
    """Cover the cells of a table that are padding."""
    for y, x in np.argwhere(padding):
        cell = Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=NOTHING, edgecolor=HATCHES, hatch="////", lw=0, zorder=4)
        ax.add_patch(cell)


def label_cells(ax: Axes, position: Position) -> None:
    """Write the rows and columns of the layer's input beside a patch."""
    if max(len(position.rows), len(position.columns)) <= MOST_NUMBERS:
        ax.set_xticks(range(len(position.columns)), map(str, position.columns))
        ax.set_yticks(range(len(position.rows)), map(str, position.rows))
        ax.tick_params(length=0, labelsize=6, labelcolor=FAINT, pad=1.5)


def draw_window(ax: Axes, position: Position) -> None:
    """Mark on a map the cells the window looks at; where it looks over the edge, show the padding."""
    rows, columns, (height, width) = position.rows, position.columns, position.size
    ax.set_xlim(min(0, columns[0]) - 0.5, max(width - 1, columns[-1]) + 0.5)
    ax.set_ylim(max(height - 1, rows[-1]) + 0.5, min(0, rows[0]) - 0.5)
    ax.set_facecolor(NOTHING)
    ax.set_anchor("NW")
    bare(ax)
    if max(rows.step, columns.step) > 1:
        for y in rows:
            for x in columns:
                ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=FOUND, linewidth=0.6))
    mark(ax, rows[0], columns[0], rows[-1], columns[-1])


def mark(ax: Axes, top: float, left: float, bottom: float, right: float) -> None:
    """Frame cells, the last row and column included, in a colour that is seen on every ground."""
    corner, width, height = (left - 0.5, top - 0.5), right - left + 1, bottom - top + 1
    frame = Rectangle(corner, width, height, fill=False, edgecolor=FOUND, linewidth=1.6, zorder=5, clip_on=False)
    frame.set_path_effects([withStroke(linewidth=3, foreground="white")])
    ax.add_patch(frame)


def bars_of(why: Explanation, drawn: list[int]) -> list[Bar]:
    """Return what is added up, in its order, each term from where the one before it ended, then the totals.

    The input channels that are drawn are among the terms, the others are those that add most.
    """
    sums = why.channel_sums
    order = sorted(list(dict.fromkeys([*drawn, *why.strongest(TERMS)]))[: max(TERMS, len(drawn))])
    terms = [(source_name(why, i), float(sums[i])) for i in order]
    if name := why.others(order):
        terms.append((name, float(sums.sum() - sums[order].sum())))
    if why.bias if why.target else why.trained:
        terms.append(("to begin with" if why.target else "bias", why.bias))
    starts = np.cumsum([0.0, *(value for _, value in terms)]).tolist()
    bars = [
        (name, start, value, POSITIVE if value > 0 else NEGATIVE)
        for (name, value), start in zip(terms, starts, strict=False)
    ]
    totals = [("sum", why.before)] + ([] if why.activation == "linear" else [(why.activation, why.after)])
    return bars + [(name, 0.0, value, TOTAL) for name, value in totals]


def draw_bars(ax: Axes, bars: list[Bar]) -> None:
    """Show a sum growing, a bar for each term."""
    names, starts, values, colours = zip(*bars, strict=True)
    edge = peak(np.concatenate([starts, values])) or 1.0  # where a bar without an end stops
    firsts, ends = (np.nan_to_num(at, posinf=edge, neginf=-edge) for at in (starts, np.add(starts, values)))
    ax.barh(range(len(bars)), ends - firsts, left=firsts, color=colours, height=0.72)
    for i, (value, colour) in enumerate(zip(values, colours, strict=True)):
        ax.annotate(
            f"{value:.3g}" if colour == TOTAL else f"{value:+.3g}", (max(firsts[i], ends[i]), i), (3, 0),
            textcoords="offset points", va="center", fontsize=7, color=FAINT,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
    ax.axvline(0, color=FAINT, linewidth=0.6, zorder=0)
    bare(ax)
    ax.invert_yaxis()
    ax.set_yticks(range(len(bars)), names)
    ax.tick_params(length=0, labelsize=7.5, labelcolor=INK)
    low, high = min(0, *firsts, *ends), max(0, *firsts, *ends)
    reach = high - low or 1
    ax.set_xlim(low - 0.02 * reach, high + 0.28 * reach)  # room for the numbers
