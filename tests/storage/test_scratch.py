"""What a killed process left half-written, the next one removes, and nothing else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.storage import scratch
from convlab.storage.scratch import scratch_folder

pytestmark = [
    pytest.mark.skipif(scratch.fcntl is None, reason="this system has no such locks"),
]

WRITER = """
import sys
from pathlib import Path
from convlab.storage.hdf5_writing import new_file
with new_file(Path(sys.argv[1]), "the recording") as file:
    file["numbers"] = range(1000)
    print("writing", flush=True)
    sys.stdin.read()
"""


def left_behind(folder):
    """Return the scratch folders in a folder, each as if it were a while old."""
    found = sorted(folder.glob(".convlab-*"))
    for path in found:
        os.utime(path, (1e9, 1e9))
    return found


@pytest.fixture
def writer(tmp_path):
    """A process in the midst of writing a file."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "theirs.h5")], **pipes) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def save(folder):
    convlab.load("lenet5").run(np.zeros((1, 28, 28, 1), np.float32), record=["conv1"]).save(folder / "ours.h5")


def test_what_a_killed_process_left_goes_when_the_next_writes(tmp_path, writer):
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    assert len(left_behind(tmp_path)) == 1
    save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ours.h5"]


def test_what_a_process_is_writing_stays(tmp_path, writer):
    (before,) = left_behind(tmp_path)
    save(tmp_path)
    assert left_behind(tmp_path) == [before] and list(before.iterdir())
    writer.communicate("")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours.h5", "theirs.h5"]


def test_what_is_new_another_users_or_a_link_stays(tmp_path, monkeypatch):
    new, link, file = (tmp_path / f".convlab-unfinished-{name}" for name in ("new", "link", "file"))
    elsewhere = tmp_path / "elsewhere"
    for folder in (new, elsewhere):
        folder.mkdir()
    link.symlink_to(elsewhere)
    file.touch()
    os.utime(elsewhere, (1e9, 1e9))
    with scratch_folder(tmp_path):
        pass
    os.utime(new, (1e9, 1e9))
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with scratch_folder(tmp_path):
        pass
    assert new.exists() and link.exists() and file.exists() and elsewhere.exists()
    monkeypatch.undo()
    with scratch_folder(tmp_path):
        pass
    assert not new.exists() and link.exists() and file.exists() and elsewhere.exists()


def test_a_folder_that_a_user_called_almost_so_stays(tmp_path):
    mine = tmp_path / ".convlab-results"
    mine.mkdir()
    (mine / "thesis.txt").touch()
    os.utime(mine, (1e9, 1e9))
    save(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".convlab-results", "ours.h5", "thesis.txt"]


def test_a_new_folder_is_left_to_be_locked_by_who_made_it(tmp_path, monkeypatch):
    (tmp_path / ".convlab-unfinished-new").mkdir()
    monkeypatch.setattr(scratch.fcntl, "flock", lambda *_: pytest.fail("another process locks it"))
    scratch._remove_left(tmp_path)


def test_a_file_system_without_locks_is_written_to(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(scratch.fcntl, "flock", refuse)
    with scratch_folder(tmp_path) as folder:
        Path(folder, "part").touch()
    assert not list(tmp_path.iterdir())
