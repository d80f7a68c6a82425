"""The picture of a window's walk: what is coloured, outlined and numbered is where the arithmetic says."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

import convlab
from convlab.view.window import FIRST, IMAGE, LAST, LEFT_OVER, NEXT, PADDING, SEEN


def outlines(ax):
    """Return the framed cells by colour: (top, left, bottom, right)."""
    return {
        to_hex(patch.get_edgecolor()): tuple(
            round(n) for n in (
                patch.get_y() + 0.44, patch.get_x() + 0.44,
                patch.get_y() + patch.get_height() - 0.44, patch.get_x() + patch.get_width() - 0.44,
            )
        )
        for patch in ax.patches
        if isinstance(patch, Rectangle) and patch.get_linewidth() > 1
    }  # fmt: skip


def colours(ax):
    levels = (np.asarray(ax.get_images()[0].get_array()) * 255).round().astype(int)
    return [[to_hex(np.array(cell) / 255) for cell in row] for row in levels]


def test_each_cell_has_the_colour_of_what_it_is():
    figure = convlab.plot.window(convlab.Window.parse((2, 3), 2, ((1, 0), (0, 2)), (1, 2)), (4, 6))
    picture, output = figure.axes
    # rows -1 to 3 under windows from -1 and 1, row 3 left over; columns 0 to 7, windows of 5 from 0 and 2
    seen = ["S" if column in (0, 2, 4) else "" for column in range(8)]
    rows = [
        [mark or "p" for mark in seen[:7]] + ["l"],
        [mark or "." for mark in seen[:6]] + ["p", "l"],
        ["."] * 6 + ["p", "l"],
        ["."] * 6 + ["p", "l"],
        ["l"] * 8,
    ]
    letters = {"S": SEEN, "p": PADDING, "l": LEFT_OVER, ".": IMAGE}
    assert colours(picture) == [[letters[letter] for letter in row] for row in rows]
    assert outlines(picture) == {LAST: (2, 2, 3, 6), NEXT: (0, 2, 1, 6), FIRST: (0, 0, 1, 4)}
    assert outlines(output) == {LAST: (1, 1, 1, 1), NEXT: (0, 1, 0, 1), FIRST: (0, 0, 0, 0)}
    assert [tick.get_text() for tick in picture.get_yticklabels()] == ["-1", "0", "1", "2", "3"]


def test_a_long_axis_shows_its_ends():
    figure = convlab.plot.window(convlab.Window.parse(3, 2, 1), 224)
    picture, output = figure.axes
    numbers = [int(tick.get_text()) for tick in picture.get_xticklabels()]
    assert numbers == [*range(-1, 8), *range(216, 225)]
    assert outlines(picture)[LAST] == (15, 15, 17, 17)  # 221 to 223, behind nine cells and the gap
    assert [int(tick.get_text()) for tick in output.get_yticklabels()] == [*range(9), *range(103, 112)]


def test_the_arithmetic_stands_below():
    window = convlab.Window.parse(3, 2, 1)
    written = [text.get_text() for text in convlab.plot.window(window, (7, 9)).texts]
    assert list(filter(None, written)) == str(window.explain((7, 9))).split("\n")


def test_a_window_without_a_place_is_refused():
    with pytest.raises(convlab.ShapeError, match="does not fit in an input of 4"):
        convlab.plot.window(convlab.Window.parse(5), 4)
