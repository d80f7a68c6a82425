"""`convlab size`: the arithmetic, as text, as JSON, as a picture."""

import json

import pytest
from PIL import Image

from convlab import Window
from convlab.cli import main


def test_the_arithmetic_is_printed(capsys):
    assert main(["size", "224", "--kernel", "3", "--stride", "2", "--padding", "1"]) == 0
    assert capsys.readouterr().out == f"{Window.parse(3, 2, 1).explain(224)}\n"


@pytest.mark.parametrize(
    ("options", "window", "size"),
    [
        (["9,13", "--kernel", "3,2", "--stride", "2,3"], Window.parse((3, 2), (2, 3)), (9, 13)),
        (["9", "--kernel", "3", "--padding", "same", "--dilation", "2,1"], Window.parse(3, 1, "same", (2, 1)), 9),
        (["9", "--kernel", "3", "--padding", "1,2"], Window.parse(3, 1, (1, 2)), 9),
        (["9", "--kernel", "2", "--padding", "valid"], Window.parse(2), 9),
    ],
)
def test_json_has_both_axes(capsys, options, window, size):
    assert main(["size", *options, "--json"]) == 0
    told, walk = json.loads(capsys.readouterr().out), window.explain(size)
    for axis in (walk.height, walk.width):
        found = told[axis.side]
        assert (found["places"], found["first"], found["last"]) == (axis.places, axis.starts[0], axis.starts[-1])
        assert (found["size"], found["pads"], found["left_over"]) == (axis.size, list(axis.pads), len(axis.left_over))


def test_the_picture_is_written(tmp_path, capsys):
    path = tmp_path / "window.png"
    assert main(["size", "224", "--kernel", "3", "--stride", "2", "--padding", "1", "--out", str(path)]) == 0
    with Image.open(path) as picture:
        assert picture.size[0] > 1000
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["9", "--kernel", "12"], 1, "does not fit in an input of 9 with padding 0 and 0"),
        (["9", "--kernel", "1,2,3"], 1, "kernel (1, 2, 3) is neither an int nor"),
        (["9", "--kernel", "3", "--padding", "full"], 1, "padding 'full' is unknown"),
        (["9", "--kernel", "3", "--stride", "0"], 1, "stride 0 is out of range"),
        (["9", "--kernel", "3", "--out", "w.xyz"], 1, "format 'xyz' is unknown"),
        (["nine", "--kernel", "3"], 2, "'nine': expected a whole number, or two as 3,5"),
        (["9"], 2, "--kernel"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(capsys, options, status, message):
    try:
        ended = main(["size", *options])
    except SystemExit as stop:
        ended = stop.code
    assert ended == status
    assert message in capsys.readouterr().err.splitlines()[-1]
