"""Where files are written: known before the work, never outside the folder that was named, complete or not there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.cli import main
from convlab.errors import FileError
from convlab.files.registry import bundled_path, lookup
from convlab.storage import hdf5_writing
from convlab.storage.writing import check_file, check_folder, new_path

PICTURE = "shirt.png"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Stand in a folder with a picture and something that is not to be touched, beside where things are written."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "activations.h5").write_bytes(b"mine")
    Image.fromarray(np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)).save(place / PICTURE)
    monkeypatch.chdir(place)
    return place


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["...png", "..png", "....png", "-.png", " .png", "~.png", ".. .png", "CON.png"])
def test_run_writes_nothing_outside_its_folder(place, name):
    (place / PICTURE).rename(place / name)
    before = tree(place)
    assert main(["run", "lenet5", f"./{name}", "--out", "p/out", "--layers", "fc3"]) == 0
    after = tree(place)
    assert {path: after[path] for path in before} == before
    new = sorted(set(after) - set(before) - {"p/out/index.html"})
    assert "p/out/index.html" in after
    assert len(new) == 3 and all(Path(path).parts[:2] == ("p", "out") and len(Path(path).parts) == 4 for path in new)


def test_run_follows_no_link_out_of_its_folder(place, capsys):
    (place / "out").mkdir()
    (place / "elsewhere").mkdir()
    (place / "out" / "shirt").symlink_to(place / "elsewhere")
    assert main(["run", "lenet5", PICTURE, "--out", "out", "--layers", "fc3"]) == 1
    said = "out/shirt: this is a link that leads out of out: remove it, or name another folder"
    assert capsys.readouterr().err == f"convlab: error: {said}\n"
    assert not any((place / "elsewhere").iterdir())


def test_files_that_are_links_are_replaced(place):
    folder = place / "out" / "shirt"
    folder.mkdir(parents=True)
    for name in ("activations.h5", "network.png", "01_fc3.png"):
        (folder / name).symlink_to(place / "activations.h5")
    assert main(["run", "lenet5", PICTURE, "--out", "out", "--layers", "fc3"]) == 0
    assert (place / "activations.h5").read_bytes() == b"mine"
    assert not any(path.is_symlink() for path in folder.iterdir())


def test_the_folder_itself_may_be_a_link(place):
    (place / "elsewhere").mkdir()
    (place / "out").symlink_to(place / "elsewhere")
    assert main(["run", "lenet5", PICTURE, "--out", "out", "--layers", "fc3"]) == 0
    assert (place / "elsewhere" / "shirt" / "activations.h5").exists()


COMMANDS = {
    "explain": ["explain", "lenet5", PICTURE, "fc1"],
    "filters": ["filters", "lenet5", "conv1"],
    "stats": ["stats", "lenet5", "."],
    "convert": ["convert", str(Path(convlab.__file__)), "--architecture", "lenet5"],
    "bench conv": ["bench", "conv", "--shape", "8,8,3,4"],
    "bench model": ["bench", "model", "lenet5"],
    "run": ["run", "lenet5", PICTURE],
    "demo": ["demo"],
}
FILES = [name for name in COMMANDS if name not in ("run", "demo")]


def told(name: str, out: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a command says of a place, which it must before it reads a network."""
    for module in ("cli.options", "cli.demo", "cli.bench", "cli.convert"):
        monkeypatch.setattr(f"convlab.{module}.load", lambda *_, **__: pytest.fail("a network was loaded"))
    arguments = COMMANDS[name]
    assert main([*arguments, out] if name == "convert" else [*arguments, "--out", out]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err.removeprefix("convlab: error: ").rstrip("\n")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_written_is_noticed_before_the_work(name, place, capsys, monkeypatch):
    suffix = {"stats": ".csv", "convert": ".h5"}.get(name, ".png")
    said = f"no/x{suffix}: cannot be written, for the folder no does not exist: make it, or name another"
    assert told(name, f"no/x{suffix}", capsys, monkeypatch) == said
    (place / f"x{suffix}").mkdir()
    said = f"x{suffix}: this is a folder, expected the name of a file"
    assert told(name, f"x{suffix}", capsys, monkeypatch) == said
    said = f"{PICTURE}/x{suffix}: cannot be written, for the folder {PICTURE} is no folder: make it, or name another"
    assert told(name, f"{PICTURE}/x{suffix}", capsys, monkeypatch) == said


@pytest.mark.parametrize("name", ["run", "demo"])
def test_a_folder_that_cannot_be_made_is_noticed_before_the_work(name, place, capsys, monkeypatch):
    for out in (PICTURE, f"{PICTURE}/a/b"):
        said = told(name, out, capsys, monkeypatch)
        assert said.startswith(f"{out}: cannot be a folder, for ")
        assert said.endswith(f"{PICTURE} is no folder: name another")
    (place / "dangling").symlink_to("nowhere")
    assert told(name, "dangling", capsys, monkeypatch).startswith("dangling: cannot be a folder, for ")


def test_places_that_may_not_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever is root may write everywhere
    with pytest.raises(FileError, match=r"x\.h5: cannot be written, for the folder .* may not be written to$"):
        check_file(tmp_path / "x.h5")
    with pytest.raises(FileError, match=r"a/b: cannot be written, for the folder .* may not be written to$"):
        check_folder(tmp_path / "a" / "b")
    check_file(Path(os.devnull))  # is written to, not replaced


def test_what_is_there_stays_until_the_new_file_is_complete(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="in the middle"), new_path(path, "the text") as part:
        part.write_text("half")
        raise ValueError("in the middle")
    assert tree(tmp_path) == {"x.txt": b"old"}
    with new_path(path, "the text") as part:
        part.write_text("new")
    assert tree(tmp_path) == {"x.txt": b"new"}


FULL = """
import resource, sys
from convlab.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
sys.exit(main({arguments}))
"""


@pytest.mark.parametrize("limit", [100, 3000, 100_000, 200_000])
def test_a_disk_that_is_full_is_one_line(limit, place):
    """A limit on the size of files makes libhdf5 fail as a full disk does, at several places as its buffers fill."""
    arguments = ["convert", str(bundled_path(lookup("lenet5"))), "out.h5", "--architecture", "lenet5"]
    code = FULL.format(limit=limit, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == "convlab: error: out.h5: the weights cannot be written (File too large)\n"
    assert done.returncode == 1
    assert "out.h5" not in tree(place)


WRITES = 20  # of libhdf5, into one file; there are more


def interrupted_view(waiting):
    """Return what each writing calls: an interrupt comes where True waits, of which the last is taken first."""

    def view(data):
        if waiting and waiting.pop():
            signal.raise_signal(signal.SIGINT)
        return memoryview(data)

    return view


def test_an_interrupt_in_any_writing_of_libhdf5_leaves_what_was_there(place, monkeypatch, interruptible):
    """libhdf5 would take no notice of it where a chunk is written late, and go on to an end like a good one."""
    model, path = convlab.load("lenet5"), place / "recording.h5"
    acts = model.run(model.prepare(PICTURE))
    acts.save(path)
    before, waiting = tree(place), []

    monkeypatch.setattr(hdf5_writing, "memoryview", interrupted_view(waiting), raising=False)
    for number in range(WRITES):
        waiting[:] = [True, *[False] * number]
        with pytest.raises(KeyboardInterrupt):
            acts.save(path)
        assert tree(place) == before


def test_an_interrupt_that_ends_nothing_leaves_nothing_out(place, monkeypatch):
    """A program may note Ctrl-C and go on: a file with holes took the good one's place."""
    weights, came, waiting = np.arange(2**20, dtype=np.float32), [], [True]
    monkeypatch.setattr(hdf5_writing, "memoryview", interrupted_view(waiting), raising=False)
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        with hdf5_writing.new_file(place / "w.h5", "the weights") as file:
            file["w"] = weights
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [signal.SIGINT]
    with h5py.File(place / "w.h5") as file:
        assert (file["w"][()] == weights).all()
