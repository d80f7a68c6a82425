"""What is read from the cache is run: it is read only where nobody else can have written it; and it is pruned."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from convlab_kernels import disk_cache

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are those of POSIX"),
]

OTHER = 12345  # a user who is neither this one nor root


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file that was kept, in a folder of its own."""
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path / "cache"))
    path = disk_cache.file_for("kernel", "key")
    disk_cache.write(path, b"code")
    return path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def owned_by(monkeypatch, user, *paths):
    """Let these files seem to belong to a user, in `stat` and `fstat`, which only root could bring about."""
    paths = {path.stat().st_ino for path in paths}

    def seen(real):
        def status(*arguments, **options):
            found = real(*arguments, **options)
            return os.stat_result((*found[:4], user, *found[5:10])) if found.st_ino in paths else found

        return status

    monkeypatch.setattr(os, "fstat", seen(os.fstat))
    monkeypatch.setattr(os, "stat", seen(os.stat))


def test_the_folder_is_made_for_this_user_alone_and_the_file_too(file):
    assert mode(file.parent) == 0o700 and mode(file) == 0o600
    assert disk_cache.read(file) == b"code"


@pytest.mark.parametrize("of", ["file", "folder"])
@pytest.mark.parametrize("who", [0o020, 0o002])
def test_nothing_is_read_that_others_may_write_to(file, of, who):
    path = file if of == "file" else file.parent
    path.chmod(mode(path) | who)
    with pytest.raises(PermissionError, match=f"{path} may be written to by other users"):
        disk_cache.read(file)


@pytest.mark.parametrize("of", ["file", "folder"])
def test_nothing_is_read_that_belongs_to_another_user(file, of, monkeypatch):
    path = file if of == "file" else file.parent
    owned_by(monkeypatch, OTHER, path)
    with pytest.raises(PermissionError, match=f"{path} belongs to another user"):
        disk_cache.read(file)


def test_what_root_made_is_read(file, monkeypatch):
    owned_by(monkeypatch, 0, file, file.parent)
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
    assert disk_cache.read(file) == b"code"


def test_a_folder_of_this_user_that_others_could_write_to_becomes_theirs_no_more(file):
    file.parent.chmod(0o775)
    disk_cache.write(file, b"new")
    assert mode(file.parent) == 0o700 and disk_cache.read(file) == b"new"


@pytest.mark.parametrize("there", ["the folder", "a folder above it"])
def test_nothing_is_written_where_another_user_is_at_home(tmp_path, there, monkeypatch):
    """`sudo` may keep the HOME of who called it: root's files there would be in that user's way."""
    home = tmp_path / "home"
    folder = home / "kernels" if there == "the folder" else home
    folder.mkdir(parents=True)
    before = mode(folder)
    owned_by(monkeypatch, OTHER, folder)
    with pytest.raises(PermissionError, match="belongs to another user"):
        disk_cache.write(home / "kernels" / "name", b"code")
    disk_cache.turn(home / "kernels" / "name").close()
    assert not list(folder.iterdir()) and mode(folder) == before


def test_a_link_is_not_followed(file, tmp_path):
    other = file.with_name("other")
    file.rename(other)
    file.symlink_to(other)
    with pytest.raises(OSError):
        disk_cache.read(file)
    assert disk_cache.read(other) == b"code"


def test_a_pipe_is_no_file_and_nobody_waits_for_its_writer(file):
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(OSError, match="is no file"):
        disk_cache.read(file)


@pytest.mark.parametrize("make", [lambda lock, other: lock.symlink_to(other), lambda lock, _: os.mkfifo(lock)])
def test_a_lock_that_is_a_link_or_a_pipe_was_put_there_and_is_not_opened(file, tmp_path, make):
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    lock = file.with_name(f"{file.name}.lock")
    make(lock, other)
    with disk_cache.turn(file):
        assert disk_cache.read(file) == b"code"
    assert other.read_bytes() == b"mine"


def test_an_interrupt_is_not_lost_when_the_file_has_its_name_already(file, monkeypatch):
    rename = os.replace

    def interrupted(*paths):
        rename(*paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        disk_cache.write(file, b"new")
    assert disk_cache.read(file) == b"new" and list(file.parent.iterdir()) == [file]


def test_what_was_used_longest_ago_goes_first(file, monkeypatch):
    size = file.stat().st_size
    monkeypatch.setattr(disk_cache, "LIMIT", 3 * size + size // 2)
    others = [disk_cache.file_for("kernel", f"other {i}") for i in range(3)]
    for age, path in enumerate((others[2], others[1], others[0], file)):
        disk_cache.write(path, b"code")
        os.utime(path, (1e9 - age, 1e9 - age))
    disk_cache.read(file)  # the oldest, but used just now
    disk_cache.write(disk_cache.file_for("kernel", "one more"), b"code")
    assert sorted(file.parent.iterdir()) == sorted([file, others[2], disk_cache.file_for("kernel", "one more")])


# ---- processes

PROGRAM = """
import sys
from pathlib import Path
from convlab_kernels.cpu.runtime.jit import compiled, seconds_compiling
@compiled
def squares(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
print("ready", flush=True)
sys.stdin.readline()
print(squares(10), seconds_compiling() == 0.0)
"""


@pytest.mark.slow
def test_of_processes_that_begin_at_once_one_compiles(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path / "cache"))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, str(program)], **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    found = sorted(process.communicate()[0] for process in processes)
    assert found == ["285 False\n", *["285 True\n"] * 3]
    assert [path.suffix for path in disk_cache.cache_folder().iterdir()] == [""]


def test_nobody_waits_for_ever(file, monkeypatch):
    monkeypatch.setattr(disk_cache, "PATIENCE", 0.0)
    with disk_cache.turn(file), disk_cache.turn(file):
        assert disk_cache.read(file) == b"code"


@pytest.mark.parametrize("place", ["/dev/null", "/proc"])
def test_where_there_can_be_no_lock_nobody_waits(place):
    if not Path(place).exists():
        pytest.skip(f"{place} is not there")
    disk_cache.turn(Path(place, "kernels", "name")).close()
