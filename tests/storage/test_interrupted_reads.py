"""Ctrl-C while a file is read: it arrives, nothing half-done is left, and afterwards everything works."""

import importlib
import signal
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import pytest

from convlab.storage import hdf5_arrays, npz
from convlab.storage.hdf5_arrays import read_into
from convlab.storage.npz import open_npz
from support.files.damage_targets import TARGETS
from support.files.readers import READERS, outcome

UNZIP, IMAGE = "zipfile:ZipExtFile.read", "PIL.ImageFile:ImageFile.load"
PART = "convlab.storage.hdf5_arrays:_read_part"
STEPS = [  # files, and what reads the most of them
    ("r.h5", "h5py:Dataset.read_direct"),
    ("w.h5", "zlib:decompressobj"),
    ("w.h5", "h5py:Dataset.read_direct"),
    ("m.h5", "h5py:Dataset.read_direct"),
    ("m.keras", UNZIP),
    ("m.keras", "h5py:Dataset.read_direct"),
    ("w.npz", UNZIP),
    ("a.npz", UNZIP),
    ("w.safetensors", "numpy:empty"),
    ("w.pt", UNZIP),
    ("o.pt", "numpy:frombuffer"),
    ("x.npy", "numpy.lib.format:open_memmap"),
    ("x.png", IMAGE),
    ("x.jpg", IMAGE),
    ("x.tiff", IMAGE),
]


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where readers put what they unpack."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def interrupt_call(monkeypatch, step, number):
    """Let Ctrl-C come inside a call of a function, the one of that number; return the list of its calls."""
    module, _, path = step.partition(":")
    *inside, name = path.split(".")
    place = importlib.import_module(module)
    for part in inside:
        place = getattr(place, part)
    real, calls = getattr(place, name), []

    def interrupted(*arguments, **options):
        calls.append(name)
        if len(calls) == number:
            signal.raise_signal(signal.SIGINT)
        return real(*arguments, **options)

    monkeypatch.setattr(place, name, interrupted)
    return calls


@pytest.mark.parametrize(("name", "step"), STEPS)
def test_an_interrupt_ends_any_reading_and_the_next_works(name, step, tmp_path, scratch, monkeypatch, interruptible):
    reader, write = TARGETS[name]
    path = write(tmp_path / name)
    with monkeypatch.context() as context:
        calls = interrupt_call(context, step, number=0)
        assert outcome(reader, path) == "read" and calls
    for number in range(1, len(calls) + 1):
        with monkeypatch.context() as context:
            interrupt_call(context, step, number)
            with pytest.raises(KeyboardInterrupt):
                READERS[reader](path)
        assert not list(scratch.iterdir())
        assert outcome(reader, path) == "read"


@pytest.mark.slow
def test_a_large_array_is_unpacked_in_pieces(tmp_path, monkeypatch, interruptible):
    array = np.arange(3 << 20, dtype=np.float32)
    np.savez_compressed(tmp_path / "a.npz", a=array)
    calls = interrupt_call(monkeypatch, UNZIP, number=0)
    with open_npz(tmp_path / "a.npz") as state:
        before = len(calls)
        monkeypatch.setattr(npz, "PIECE", 1 << 20)
        assert np.array_equal(state.tensors["a"].fetch(), array)
    assert len(calls) - before > 12


@pytest.mark.parametrize(("chunks", "pieces"), [((7, 256), 15), ((100, 1), 1), ((1, 1024), 15), (None, 1)])
def test_a_large_array_of_hdf5_is_unpacked_in_pieces(chunks, pieces, monkeypatch, interruptible):
    array = np.arange(100 << 10, dtype=np.float32).reshape(100, 1024)
    calls = interrupt_call(monkeypatch, "h5py:Dataset.read_direct", number=0)
    monkeypatch.setattr(hdf5_arrays, "PIECE", 7 << 12)
    with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        values = np.zeros_like(array)
        read_into(file.create_dataset("a", data=array, chunks=chunks), values)
    assert np.array_equal(values, array) and len(calls) == pieces


COMMAND = """
import importlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
from convlab.cli import main

step, *arguments = sys.argv[1:]
module, _, path = step.partition(":")
*inside, name = path.split(".")
place = importlib.import_module(module)
for part in inside:
    place = getattr(place, part)
real = getattr(place, name)

def endless(*arguments, **options):
    real(*arguments, **options)
    print("inside", file=sys.__stdout__, flush=True)
    while True:
        real(*arguments, **options)

setattr(place, name, endless)
sys.exit(main(arguments))
"""


@pytest.mark.parametrize(
    ("name", "step", "arguments"),
    [
        ("m.h5", PART, "convert m.h5 new.h5"),
        ("m.keras", UNZIP, "convert m.keras new.h5"),
        ("a.npz", UNZIP, "compare a.npz a.npz"),
        ("w.safetensors", "struct:unpack", "summary lenet5 --weights w.safetensors"),
        ("w.pt", UNZIP, "summary lenet5 --weights w.pt"),
        ("x.png", IMAGE, "run lenet5 x.png --out new"),
        ("r.h5", PART, "compare r.h5 r.h5"),
    ],
)
def test_an_interrupted_command_says_so_in_one_line(name, step, arguments, tmp_path, scratch):
    TARGETS[name][1](tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    command = [sys.executable, "-c", COMMAND, step, *arguments.split()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env={"TMPDIR": str(scratch)}, **pipes) as process:
        assert process.stdout.readline() == "inside\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "convlab: stopped\n")
    assert process.returncode == 130
    assert sorted(tmp_path.rglob("*")) == before
