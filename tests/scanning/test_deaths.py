"""What may happen to a scan while it works: processes killed, disks full, two at once; what is done then is whole."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.errors import FileError, UnsupportedError
from convlab.scanning import scanner
from convlab.scanning.lock import locked
from support.scans import OPTIONS, SHARD, contents, fill, in_workers, inodes

pytestmark = pytest.mark.usefixtures("small_shards")

ONCE = """
import os, signal
from pathlib import Path
from convlab.scanning import reading
read = reading.Reader._prepare
def prepare(self, source):
    if {condition}:
        {act}
    return read(self, source)
reading.Reader._prepare = prepare
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    fill(folder, 29)
    return folder


def test_a_process_killed_in_the_middle_of_a_shard_is_started_again(lenet, pictures, digests, tmp_path, monkeypatch):
    mark = tmp_path / "killed"
    condition = f"source.name == 'p00013.png' and not Path({str(mark)!r}).exists()"
    act = f"Path({str(mark)!r}).touch(); {KILL}"
    in_workers(tmp_path / "site", ONCE.format(condition=condition, act=act), monkeypatch)
    convlab.scan(lenet, pictures, tmp_path / "out", **OPTIONS)
    assert mark.exists()
    assert contents(tmp_path / "out") == digests | left(tmp_path / "out")


def left(out):
    """Return what a killed process has left: nothing that counts, and it is removed when it is old enough."""
    return {name: digest for name, digest in contents(out).items() if ".convlab-unfinished-" in name}


def test_a_picture_that_kills_what_reads_it_is_found_and_set_aside(lenet, pictures, digests, tmp_path, monkeypatch):
    in_workers(tmp_path / "site", ONCE.format(condition="source.name == 'p00013.png'", act=KILL), monkeypatch)
    with pytest.warns(UserWarning, match=r"p00013\.png: it kills what reads it"):
        found = convlab.scan(lenet, pictures, tmp_path / "out", **OPTIONS)
    assert found.errors == {"p00013.png": "it kills what reads it, which was killed by SIGKILL: set aside"}
    assert found.complete
    assert np.isnan(found.features("relu4")[:]).all(axis=1).tolist() == [i == 13 for i in range(29)]
    others = {name: digest for name, digest in digests.items() if name.endswith(("0.h5", "2.h5", "3.h5"))}
    assert others.items() <= contents(tmp_path / "out").items()


def test_a_process_that_always_dies_ends_the_scan(lenet, pictures, tmp_path, monkeypatch):
    """As where there is too little memory for a batch: no picture is to blame."""
    code = "import os, signal\nfrom convlab.scanning import shard\n"
    code += f"def record(*_):\n    {KILL}\nshard._record = record\n"
    in_workers(tmp_path / "site", code, monkeypatch)
    told = "shard 0: its process was killed by SIGKILL, 3 times, and no picture is the cause: is there enough memory"
    with pytest.raises(UnsupportedError, match=told):
        convlab.scan(lenet, pictures, tmp_path / "out", **OPTIONS)
    assert convlab.Scan.open(tmp_path / "out").marks == {}


DRIVER = """
import os, signal, sys
import convlab
from convlab.scanning import scanner
from convlab.scanning.scanner import scanning

scanner.SHARD = {shard}
with scanning(convlab.load("lenet5", weights=5), {pictures!r}, {out!r}, **{options!r}) as work:
    for done, failed in work.steps():
        if len(work.ready) >= {shards}:
            print(*(runner.process.pid for runner in work.place.runners), flush=True)
            os.kill(os.getpid(), signal.{signal})
"""


def run_until(shards, number, pictures, out):
    """Run a scan in a process that sends itself a signal after so many shards; return it ended, and its workers."""
    code = DRIVER.format(
        shard=SHARD, pictures=str(pictures), out=str(out), options=OPTIONS, shards=shards, signal=number.name
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return ended, [int(pid) for pid in ended.stdout.split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_scan_that_is_killed_goes_on_where_it_was(number, lenet, pictures, digests, tmp_path, interruptible):
    out = tmp_path / "out"
    ended, workers = run_until(2, number, pictures, out)
    assert ended.returncode == -number, ended.stderr
    done = sorted(convlab.Scan.open(out).marks)
    assert done[:2] == [0, 1]
    names = [name for name in contents(out) if name.split(".")[0][-5:] in {f"{index:05}" for index in done}]
    assert len(names) >= 2 * 4
    before = inodes(out, names)
    for pid in workers:
        wait_for_the_end(pid)
    convlab.scan(lenet, pictures, out, **OPTIONS)
    assert contents(out) == digests | left(out)
    assert inodes(out, names) == before


def wait_for_the_end(pid):
    """Wait until a process is gone: one that has lost its parent ends by itself."""
    for _ in range(600):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":  # nobody here waits for orphans
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} lives on")


def test_what_a_killed_process_left_is_removed(lenet, pictures, digests, tmp_path):
    out = tmp_path / "out"
    old = out / "features/relu4/.convlab-unfinished-old"
    old.mkdir(parents=True)
    (out / ".lock").touch()
    (old / "00000.h5").write_bytes(b"half")
    os.utime(old, (0, 0))
    with pytest.raises(FileError, match="other files lie in it"):
        convlab.scan(lenet, pictures, out, **OPTIONS)
    (out / "features").rename(tmp_path / "features")
    convlab.scan(lenet, pictures, out, **OPTIONS)
    (tmp_path / "features/relu4/.convlab-unfinished-old").rename(old)
    (out / "done/00001.json").unlink()
    os.utime(old, (0, 0))
    convlab.scan(lenet, pictures, out, **OPTIONS)
    assert contents(out) == digests | left(out)


def test_two_scans_do_not_work_in_one_folder(lenet, pictures, digests, tmp_path):
    out = tmp_path / "out"
    with scanner.scanning(lenet, pictures, out, **OPTIONS) as work:
        next(work.steps())
        told = rf"out: another scan is at work in it \(process {os.getpid()} on .*\): wait until it ends, or name"
        with pytest.raises(FileError, match=told):
            convlab.scan(lenet, pictures, out, **OPTIONS)
        with pytest.raises(FileError, match="another scan is at work in it"):
            convlab.scan(lenet, pictures, out, resume=False, **OPTIONS)
    convlab.scan(lenet, pictures, out, **OPTIONS)
    assert contents(out) == digests | left(out)


def test_a_lock_goes_with_its_process(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from convlab.scanning.lock import locked
with locked(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -signal.SIGKILL
    with locked(tmp_path), pytest.raises(FileError, match="another scan"), locked(tmp_path):
        pass


def test_a_process_that_has_nothing_to_do_ends_and_is_started_again(lenet, pictures, tmp_path, monkeypatch):
    code = """
import queue
class Hasty(queue.SimpleQueue):
    def get(self, block=True, timeout=None):
        return super().get(block, timeout and 0.2)
queue.SimpleQueue = Hasty
"""
    in_workers(tmp_path / "site", code, monkeypatch)
    with scanner.scanning(lenet, pictures, tmp_path / "out", **OPTIONS) as work:
        (runner,) = work.place.runners
        first = runner.process
        first.wait(30)
        for _ in work.steps():
            pass
        assert runner.process.pid != first.pid
    assert convlab.Scan.open(tmp_path / "out").complete


@contextmanager
def small_disk(folder, size):
    """Give a disk of so many bytes, where one may be mounted."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_a_scan_that_goes_on_when_there_is_room(lenet, pictures, digests, tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk, "2m"):
        (disk / "more").write_bytes(bytes(1_670_000))
        with pytest.raises(FileError, match=r"cannot be written \(No space left on device\)"):
            convlab.scan(lenet, pictures, disk / "out", **OPTIONS)
        done = list(convlab.Scan.open(disk / "out").marks)
        assert 0 < len(done) < 4
        (disk / "more").unlink()
        convlab.scan(lenet, pictures, disk / "out", **OPTIONS)
        assert contents(disk / "out") == digests


# ---- memory


PEAK = """
import resource, sys
import convlab
convlab.scan(convlab.load("lenet5", weights=5), sys.argv[1], sys.argv[2], layers=["relu4"])
print(*(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_pictures(tmp_path):
    """Peaks in KiB of the process that calls, and of the one that works."""
    peaks = []
    for count in (500, 20_000):
        folder = tmp_path / str(count)
        fill(folder / "a", 500)
        for copy in range(1, count // 500):
            (folder / f"a{copy}").symlink_to("a")
        out = str(tmp_path / f"out{count}")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        told = subprocess.run(
            [sys.executable, "-c", PEAK, str(folder), out],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert len(convlab.Scan.open(out)) == count
        peaks.append([int(number) for number in told.stdout.split()])
    for few, many in zip(*peaks, strict=True):
        assert many < 1.1 * few, peaks
