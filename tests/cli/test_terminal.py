"""What the command prints: one line for whatever goes wrong, short, and nothing that a terminal would obey."""

import io
import json
import logging
import os
import subprocess
import sys
import warnings
from contextlib import redirect_stderr
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from convlab.cli import main, summary, terminal
from convlab.cli.terminal import PrintableStream, bar, progress_shown, warnings_above
from convlab.errors import LayerNameError, WeightsError
from convlab.wording import MESSAGE, printable, shortened, unknown

HOSTILE = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x1b\x9b\n\r\b\x7f\u202e\u2066\udcff["))
NAMES = [f"conv2_block{i}_{j}_conv" for i in range(40) for j in range(4)]


def is_clean(text: str) -> bool:
    return all(map(str.isprintable, text.split("\n")))


@given(HOSTILE)
def test_what_is_printed_is_printable_and_tells_texts_apart(text):
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()
    shown.encode()  # a lone surrogate cannot be
    if "\\" not in text:
        assert shown.encode("latin-1", "backslashreplace").decode("unicode_escape") == text


@given(HOSTILE, st.integers(60, 300))
def test_a_message_keeps_its_beginning_and_its_end(text, at_most):
    short = shortened(text, at_most)
    assert len(short) <= at_most
    assert short == text if len(text) <= at_most else short[:20] == text[:20] and short[-5:] == text[-5:]


def test_of_many_names_the_nearest_are_told():
    told = unknown("layer", "conv2_block7_2", NAMES)
    assert told.startswith("no layer 'conv2_block7_2'; did you mean 'conv2_block7_2_conv'? the nearest of 160: ")
    assert told.count("conv2_block7_") == 6 and len(told) < MESSAGE
    assert unknown("layer", "%", NAMES) == (
        "no layer '%'; available: conv2_block0_0_conv, conv2_block0_1_conv, conv2_block0_2_conv, conv2_block0_3_conv,"
        " conv2_block1_0_conv, conv2_block1_1_conv and 154 more"
    )
    assert len(unknown("layer", "x" * 10_000, NAMES)) < MESSAGE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(HOSTILE, st.sampled_from(["error", "warning", "log", "output", "bug", "memory", "usage"]))
@example("\udc92", "log")
def test_whatever_comes_up_is_one_printable_line(monkeypatch, capsys, text, how):
    def come_up(arguments):
        if how == "error":
            raise WeightsError(text)
        if how == "bug":
            raise KeyError(text)
        if how == "memory":
            raise MemoryError(text)
        if how == "warning":
            warnings.simplefilter("always")
            warnings.warn(text, stacklevel=1)
        if how == "log":
            logging.getLogger("convlab").warning("%s", text)
        if how == "output":
            print(text)

    monkeypatch.setattr(summary, "run", come_up)
    if how == "usage":
        with pytest.raises(SystemExit):
            main(["summary", "lenet5", "x", "--" + text])
    else:
        assert main(["summary", "lenet5"]) == (1 if how in ("error", "bug", "memory") else 0)
    captured = capsys.readouterr()
    assert is_clean(captured.out + captured.err)
    if how not in ("output", "usage"):
        (line,) = captured.err.split("\n")[:-1]
        assert line.startswith("convlab: ") and len(line) <= MESSAGE + 20


@pytest.mark.parametrize("how", ["error", "warning", "usage"])
def test_a_message_of_ten_kilobytes_is_cut(how, monkeypatch, capsys):
    said = "net.h5: it begins like this " + "\x1b" * 10_000 + " and this is what to do"

    def come_up(_):
        if how == "error":
            raise WeightsError(said)
        warnings.simplefilter("always")
        warnings.warn(said, stacklevel=1)

    monkeypatch.setattr(summary, "run", come_up)
    if how == "usage":
        with pytest.raises(SystemExit):
            main(["summary", "lenet5", said])
    else:
        assert main(["summary", "lenet5"]) == (how == "error")
    *_, line = capsys.readouterr().err.splitlines()
    assert len(line) <= MESSAGE + 20
    assert "net.h5: it begins like this" in line and line.endswith("and this is what to do")


def test_a_fault_of_ours_says_where_it_is(monkeypatch, capsys):
    monkeypatch.setattr("convlab.cli.options.load", lambda *_, **__: {}["gone"])
    assert main(["summary", "lenet5"]) == 1
    assert capsys.readouterr().err.startswith("convlab: error: KeyError in options.py:")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "a.h5"), "a.h5: No space left on device"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (MemoryError(), "there is not enough memory"),
        (LayerNameError("no layer 'x'"), "no layer 'x'"),
    ],
)
def test_errors_of_the_system_name_the_file(monkeypatch, capsys, error, line):
    def fail(_):
        raise error

    monkeypatch.setattr(summary, "run", fail)
    assert main(["summary", "lenet5"]) == 1
    assert capsys.readouterr().err == f"convlab: error: {line}\n"


def architecture(path: Path, *names: str) -> Path:
    """Write a network of convolutions so called as Keras' to_json does."""
    layers = [
        {"class_name": "Conv2D", "config": {"name": name, "filters": 2, "kernel_size": [3, 3], "padding": "same"}}
        for name in names
    ]
    layers[0]["config"]["batch_input_shape"] = [None, 8, 6, 1]
    text = json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": layers}})
    path.write_text(text)
    return path


STRANGE = "x\x1b[31m\n\u202ey\udcff"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["summary"], ["run", "--out", "out", "--layers", "a"], ["explain", "a"], ["stats", "--layers", "a"], ["bench"]],
)
def test_names_of_files_cannot_speak_to_the_terminal(command, tmp_path, monkeypatch, capsys):
    """The network's file, the pictures and the folder are named by somebody else; each command says all of them."""
    monkeypatch.chdir(tmp_path)
    model = architecture(tmp_path / f"{STRANGE}.json", "a", "b")
    picture = tmp_path / STRANGE / f"{STRANGE}.png"
    picture.parent.mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(picture)
    name, *options = command
    arguments = {
        "summary": ["summary", str(model)],
        "run": ["run", str(model), str(picture), "--weights", "0", "--preprocessing", "unit", *options],
        "explain": ["explain", str(model), str(picture), *options, "--weights", "0", "--preprocessing", "unit"],
        "stats": ["stats", str(model), str(picture.parent), "--weights", "0", "--preprocessing", "unit", *options],
        "bench": ["bench", "model", str(model), "--weights", "0", "--repeats", "1"],
    }
    assert main(arguments[name]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert is_clean(captured.out)
    told = [line for line in captured.out.splitlines() if "x\\x1b[31m\\n\\u202ey\\udcff" in line]
    assert bool(told) == (name != "summary")
    assert not [line for line in captured.out.splitlines() if line.startswith(("\\u202ey", "y"))]


def test_a_long_layer_name_stops_nothing(tmp_path, capsys):
    names = ["n" * 300, "ž" * 150, "$x_$", "n" * 300 + "2"]
    model = architecture(tmp_path / "net.json", *names)
    picture = tmp_path / "p.npy"
    np.save(picture, np.zeros((8, 6), np.uint8))
    wanted = ",".join(names)
    arguments = ["run", str(model), str(picture), "--weights", "0", "--preprocessing", "unit", "--layers", wanted]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    files = sorted(path.name for path in (tmp_path / "out" / "p").iterdir())
    assert len(files) == 6 and files[0].startswith("01_nnn") and "03_$x_$.png" in files
    assert max(len(os.fsencode(name)) for name in files) <= 255


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("stream", [">/dev/full", "2>/dev/full >/dev/full"])
def test_output_that_cannot_be_written(stream):
    command = f"{sys.executable} -m convlab summary lenet5 {stream}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    told = "convlab: error: the output cannot be written (No space left on device)\n"
    assert (done.returncode, done.stderr) == (1, told if stream == ">/dev/full" else "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_of_progress_move_the_cursor_and_names_do_not():
    screen = Terminal()
    with redirect_stderr(PrintableStream(screen)):
        print("\x1b[A\r", file=sys.stderr)
        with bar(total=3) as progress:
            progress.update(3)
    assert screen.getvalue().startswith("\\x1b[A\\r\n\r") and "3/3" in screen.getvalue()


def test_a_warning_stands_on_a_line_of_its_own_above_a_bar():
    done = []
    shown = SimpleNamespace(clear=lambda: done.append("clear"), refresh=lambda: done.append("refresh"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: done.append(str(message))
        with warnings_above(shown):
            warnings.warn("one", stacklevel=1)
        warnings.warn("two", stacklevel=1)
    assert done == ["clear", "one", "refresh", "two"]


def test_a_function_that_tells_how_far_it_is_moves_a_bar(monkeypatch):
    with redirect_stderr(Terminal()):
        made = bar(unit="step")
        monkeypatch.setattr(terminal, "bar", lambda **options: made)
        with progress_shown("step") as progress:
            for done in (2, 3, 7):
                progress(done, 9)
                assert (made.n, made.total) == (done, 9)
