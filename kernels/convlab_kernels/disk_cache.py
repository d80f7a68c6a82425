"""Compiled code, kept on disk from one process to the next.

A file is named after a hash of everything that its content depends on, and begins with a hash of the rest: whatever
is wrong with it, it is not there. What is read is run: so, as ssh does with its keys, a file is read only where no
other user can have written it.
"""

import hashlib
import os
import stat
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: without locks two processes may compile the same
    fcntl = None  # type: ignore[assignment]

LIMIT = 256 << 20
"""Bytes of a folder; what was used longest ago goes. A network's kernels take about 1 MB, a GPU's as much."""

PATIENCE = 60.0
"""Seconds to wait for another process that compiles the same: as long as the slowest kernel takes, several times."""

_DIGEST = 32  # bytes of a SHA-256
_MINE, _OTHERS = 0o700, stat.S_IWGRP | stat.S_IWOTH
_PAUSE = 0.05  # seconds between two looks whether another process is done


def cache_folder() -> Path:
    """Return where compiled kernels lie: in CONVLAB_CACHE, or in the user's cache (RuntimeError: no home)."""
    if not (folder := os.environ.get("CONVLAB_CACHE")):
        from platformdirs import user_cache_path

        folder = str(user_cache_path("convlab"))
    return Path(folder).expanduser() / "kernels"


def file_for(name: str, key: str) -> Path:
    """Return the file of what is called so and depends on what the key says."""
    return cache_folder() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def read(path: Path) -> bytes:
    """Return what was kept in a file; OSError where it cannot be read, is not what was written, or not to be trusted.

    PermissionError: another user owns the file or its folder, or may write to it.
    """
    _check_trust(path.parent, path.parent.stat())
    with _opened(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path.name} is no file")
        _check_trust(path, status)
        found = file.read()
    if hashlib.sha256(found[_DIGEST:]).digest() != found[:_DIGEST]:
        raise OSError(f"{path.name} is damaged")
    with suppress(OSError):
        os.utime(path)  # it was used
    return found[_DIGEST:]


def write(path: Path, content: bytes) -> None:
    """Keep content in a file that is there whole or not at all, whoever else writes it at the same time.

    OSError where it cannot be kept; PermissionError where the folder is another user's.
    """
    _make_folder(path.parent)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(hashlib.sha256(content).digest() + content)
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)  # Ctrl-C may come when it has its name
            raise
    _prune(path.parent)


def turn(path: Path) -> ExitStack:
    """Wait for other processes that make what is to be kept in a file; until it is closed they wait for this one.

    Nobody waits for ever: not for a process that was stopped, and not where there can be no lock.
    """
    mine = ExitStack()
    with suppress(OSError):
        _make_folder(path.parent)
        file = path.with_name(f"{path.name}.lock")
        lock = mine.enter_context(_opened(file, os.O_RDWR | os.O_CREAT))
        mine.callback(file.unlink, missing_ok=True)  # who waits for it reads what was kept
        _wait_for(lock)
    return mine


def _wait_for(lock: IO[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while fcntl is not None and time.monotonic() < until:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE)


def _opened(path: Path, flags: int = os.O_RDONLY) -> IO[bytes]:
    """Open a file, but no link, and without waiting for another process if it is a pipe."""
    wary = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags | wary, 0o600), "rb")


def _make_folder(folder: Path) -> None:
    """Make the folder for this user alone, but not in another's: `sudo` may keep the HOME of who called it."""
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    _check_owner(nearest, nearest.stat())
    folder.mkdir(mode=_MINE, parents=True, exist_ok=True)
    if folder.stat().st_mode & _OTHERS:
        folder.chmod(_MINE)


def _check_owner(path: Path, status: os.stat_result) -> None:
    """Raise PermissionError where a file or folder is neither this user's nor root's."""
    if hasattr(os, "geteuid") and status.st_uid not in (os.geteuid(), 0):
        raise PermissionError(f"{path} belongs to another user")


def _check_trust(path: Path, status: os.stat_result) -> None:
    """Raise PermissionError also where another user may write to a file or folder."""
    _check_owner(path, status)
    if hasattr(os, "geteuid") and status.st_mode & _OTHERS:
        raise PermissionError(f"{path} may be written to by other users")


def _prune(folder: Path) -> None:
    """Remove what was used longest ago until the rest is within the limit."""
    total = 0
    with suppress(OSError):  # another process was first
        for status, path in sorted(((path.lstat(), path) for path in folder.iterdir()), key=_last_used):
            total += status.st_size
            if total > LIMIT:
                path.unlink()


def _last_used(file: tuple[os.stat_result, Path]) -> float:
    return -file[0].st_mtime
