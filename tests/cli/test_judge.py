"""`convlab judge`: a file is run in a process of its own, and judged."""

import json

import pytest

from convlab.bench.case import Case
from convlab.cli import main
from convlab.judging import candidate

RIGHT = """
import convlab

def conv(x, w, bias=None, **attributes):
    print("printed by the file")
    return convlab.conv2d(x, w, bias, **attributes)

def swapped(x, w, bias=None, *, stride, **attributes):
    return convlab.conv2d(x, w, bias, stride[::-1], **attributes)

def nothing(x, w, bias=None, **attributes):
    raise ValueError("not yet")
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_a_right_one(file, capsys, monkeypatch):
    monkeypatch.setattr("convlab.judging.speed.LAYERS", (Case((9, 8, 6), 12, layers=("small",)),))
    path = file(RIGHT)
    assert main(["judge", path]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path}: conv\nRIGHT?    yes   all ") and "printed by the file" not in out
    rows = [line.split()[:2] for line in out.partition("SPEED")[2].splitlines()[4:-1]]
    assert sorted(row[0] for row in rows) == ["conv2d", "im2col", "indirect_gemm", "yours"]


def test_a_right_one_without_its_time(file, capsys):
    assert main(["judge", file(RIGHT), "--quick"]) == 0
    assert capsys.readouterr().out.endswith("SPEED     not timed\n")


def test_a_wrong_one_as_json(file, capsys):
    assert main(["judge", file(RIGHT), "--function", "swapped", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [each["kind"] for each in told["findings"]] == ["strides swapped"]


def test_one_that_refuses_all(file, capsys):
    assert main(["judge", file(RIGHT), "--function", "nothing"]) == 2
    line = RIGHT[: RIGHT.index("not yet")].count("\n") + 1
    assert f"ValueError: not yet (line {line})\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (RIGHT, ["--function", "swaped"], "mine.py: no function 'swaped'; did you mean 'swapped'?"),
        ("x = 1", [], "mine.py: no function 'conv'"),
        ("conv = 1", [], "mine.py: conv is a int, expected a function conv(x, w, bias=None, *, stride,"),
        ("def conv(x, w): return x", [], "mine.py: conv(x, w) is not to be called as conv(x, w, bias=None,"),
        ("import no_such_module", [], "mine.py: failed: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def conv(", [], "mine.py: failed: SyntaxError: '(' was never closed (mine.py, line 1)\n"),
        (
            "def conv(*a, **k):\n    import os; os.abort()",
            [],
            "judge: its process ended: Aborted; asked for: image 1x8x8",
        ),
        ("def conv(*a, **k):\n    while True: pass", [], "no answer within 5 seconds; asked for: image 1x8x8"),
    ],
)
def test_what_cannot_be_judged(file, capsys, monkeypatch, text, options, message):
    monkeypatch.setattr(candidate, "SECONDS", 5.0)
    assert main(["judge", file(text), *options]) == 2
    found = capsys.readouterr()
    assert message in found.err and found.err.count("\n") == 1 and not found.out


def test_no_such_file(tmp_path, capsys):
    assert main(["judge", str(tmp_path / "none.py")]) == 2
    assert "none.py: there is no such file" in capsys.readouterr().err
    (tmp_path / "kernel.cu").touch()
    assert main(["judge", str(tmp_path / "kernel.cu")]) == 2
    assert "kernel.cu: expected a file of Python" in capsys.readouterr().err
