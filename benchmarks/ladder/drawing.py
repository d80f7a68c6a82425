"""What the pictures of the GPU ladder are drawn with: matrices of numbers, coloured by who touches each."""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from benchmarks.headings import TITLE
from convlab.view.figure_style import FAINT, INK, axes_at, bare

EMPTY, WASTED, BLOCK, WARP, THREAD = range(5)
COLOURS = np.array([[241, 243, 246], [244, 178, 164], [196, 213, 235], [58, 110, 176], [20, 22, 28]], np.uint8)
MEANING = {
    THREAD: "one thread",
    WARP: "its warp, together",
    BLOCK: "its block, in one step",
    WASTED: "moved along, but not used",
}
LANE = 5  # the one thread, of its warp
GAP, EDGE, HEAD, FOOT, WORDS = 0.34, 0.25, 0.75, 0.5, 2.9  # inches: between, around, above, below; beside w

Cell = tuple[int, int]


def coloured(shape: Cell, cell: Callable[[int], Cell], states: dict[int, Iterable[int]]) -> Any:
    """Return a matrix of states, of the numbers that are in each; later ones cover earlier ones."""
    found = np.full(shape, EMPTY)
    for state, indices in states.items():
        for index in indices:
            found[cell(index)] = state
    return found


def show(figure: Figure, states: Any, left: float, top: float, cell: float, label: str) -> None:
    """Draw a matrix of states."""
    rows, columns = states.shape
    ax = axes_at(figure, left, top, columns * cell, rows * cell)
    ax.imshow(COLOURS[states], interpolation="nearest", aspect="auto")
    if cell * figure.dpi > 8:  # lines between numbers, where they are large enough
        ax.set_xticks(np.arange(0.5, columns - 1), minor=True)
        ax.set_yticks(np.arange(0.5, rows - 1), minor=True)
        ax.grid(which="minor", color="white", linewidth=0.5)
        ax.tick_params(which="minor", length=0)
    bare(ax)
    ax.set_title(label, fontsize=8.5, color=INK, pad=3, loc="left")


def words(
    figure: Figure, title: str, lines: Iterable[str], meaning: Mapping[int, str] = MEANING, note: str = ""
) -> None:
    """Write the title, what the colours mean and other lines, from the corner above x down."""
    width, height = figure.get_size_inches()
    figure.text(EDGE / width, 1 - 0.3 / height, title, **TITLE)
    handles = [Patch(color=COLOURS[state] / 255, label=text) for state, text in meaning.items()]
    corner = (EDGE - 0.1) / width, 1 - 0.5 / height
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=corner, fontsize=7.5, frameon=False)
    for number, line in enumerate(lines):
        down = 0.8 + 0.165 * (len(meaning) + number)
        figure.text(EDGE / width, 1 - down / height, line, fontsize=7.5, color=INK)
    figure.text(EDGE / width, 0.15 / height, note, fontsize=7.5, color=FAINT)


def save(figure: Figure, path: Path) -> None:
    """Write a picture of few colours: a file of a fourth of the size."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
