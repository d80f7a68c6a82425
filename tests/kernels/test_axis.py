"""The arithmetic of a window along one axis, beside counting."""

from itertools import product

import pytest

from convlab import ShapeError, Window
from convlab_kernels.axis import Axis

CASES = [
    case
    for case in product(range(1, 12), ((0, 0), (1, 0), (2, 3)), range(1, 5), range(1, 4), range(1, 4))
    if case[0] + sum(case[1]) >= case[4] * (case[2] - 1) + 1
]


def counted(size, pads, kernel, stride, dilation):
    """Return the cells that each window looks at, found by moving it until it does not fit."""
    windows, start = [], -pads[0]
    while start + dilation * (kernel - 1) < size + pads[1]:
        windows.append([start + dilation * k for k in range(kernel)])
        start += stride
    return windows


def test_places_what_neighbours_share_and_what_is_left_over_are_what_counting_finds():
    assert len(CASES) > 500
    for case in CASES:
        axis, windows = Axis("height", *case), counted(*case)
        assert list(axis.starts) == [cells[0] for cells in windows], case
        assert (axis.places, axis.extent) == (len(windows), windows[0][-1] - windows[0][0] + 1), case
        if len(windows) > 1:
            assert axis.shared == len(set(windows[0]) & set(windows[1])), case
        assert list(axis.left_over) == list(range(windows[-1][-1] + 1, case[0] + case[1][1])), case


def test_a_walk_is_told_with_its_arithmetic():
    assert str(Window.parse(3, 2, 1).explain(224)).split("\n") == [
        "input 224 x 224, window 3 x 3, stride 2, padding 1: output 112 x 112",
        "  floor((input + padding before + padding after - dilation * (kernel - 1) - 1) / stride) + 1",
        "  = floor((224 + 1 + 1 - 1 * (3 - 1) - 1) / 2) + 1 = floor(223 / 2) + 1 = 111 + 1 = 112",
        "  windows begin at cells -1, 1, 3, ..., 221, the last ends at 223",
        "  neighbours overlap by 1 cell; left over at the end: 1 cell of padding",
    ]


def test_axes_that_differ_are_told_apart():
    assert str(Window.parse((3, 2), (2, 3), "same", (2, 1)).explain((9, 13))).split("\n") == [
        "input 9 x 13, window 3 x 2, stride 2 x 3, dilation 2 x 1, padding top 2, bottom 2, left 0, right 1:"
        " output 5 x 5",
        "  floor((input + padding before + padding after - dilation * (kernel - 1) - 1) / stride) + 1",
        "height",
        "  = floor((9 + 2 + 2 - 2 * (3 - 1) - 1) / 2) + 1 = floor(8 / 2) + 1 = 4 + 1 = 5",
        "  windows begin at cells -2, 0, 2, ..., 6, the last ends at 10",
        "  neighbours overlap by 2 cells; nothing is left over",
        "width",
        "  = floor((13 + 0 + 1 - 1 * (2 - 1) - 1) / 3) + 1 = floor(12 / 3) + 1 = 4 + 1 = 5",
        "  windows begin at cells 0, 3, 6, ..., 12, the last ends at 13",
        "  1 cell between neighbours; nothing is left over",
    ]


@pytest.mark.parametrize(
    ("window", "size", "told"),
    [
        (Window.parse(7), 7, ["one window, on cells 0 to 6", "nothing is left over"]),
        (Window.parse(2, 2), 5, ["cells 0, 2, the last ends at 3", "do not overlap; left over at the end: 1 cell"]),
        (Window.parse(5, 1, 1, 2), 30, ["neighbours stand within each other and share no cell; nothing"]),
        (Window.parse(3, 4, 0, 2), 30, ["neighbours overlap by 1 cell;"]),
        (Window.parse(2, 3, 0, 2), 30, ["neighbours do not overlap;"]),
        (Window.parse(1, 4, 2), 4, ["begin at cells -2, 2,", "3 cells between", "1 cell and 2 cells of padding"]),
    ],
)  # fmt: skip
def test_what_windows_share_and_leave_is_told(window, size, told):
    assert [part for part in told if part not in str(window.explain(size))] == []


@pytest.mark.parametrize(
    ("size", "message"),
    [(4, r"output height is not positive: floor\(\(4 \+ 0"), (0, "size 0 is out of range"), ("7", "neither an int")],
)
def test_an_input_in_which_a_window_has_no_place_is_refused(size, message):
    with pytest.raises(ShapeError, match=message):
        Window.parse(5).explain(size)


def test_a_walk_shows_itself_without_print():
    walk = Window.parse(3, 2, 1).explain(224)
    assert repr(walk) == str(walk)
    assert walk._repr_html_() == f"<pre>{walk}</pre>"
