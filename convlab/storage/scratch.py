"""Folders for files that are not complete yet; what a process that was killed has left in one, the next removes."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

try:
    import fcntl
except ImportError:  # Windows: what was left stays
    fcntl = None  # type: ignore[assignment]

__all__ = ["scratch_folder"]

PREFIX = ".convlab-unfinished-"  # what is called so is removed: no name that anybody would give
FRESH = 60  # seconds that a folder may be there without a lock: who made it is about to lock it


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give a folder inside another, for a block, that only this user can read.

    It is locked while its process lives, which the system sees to; so one that is not locked was left.
    """
    _remove_left(parent)
    with TemporaryDirectory(prefix=PREFIX, dir=parent) as folder, ExitStack() as lock:
        with suppress(OSError):  # of a file system without locks
            lock.enter_context(_locked(Path(folder)))
        yield Path(folder)


def _remove_left(parent: Path) -> None:
    if fcntl is None:
        return
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another process is at work in it, or was first
            status = folder.lstat()
            if status.st_uid == os.geteuid() and time.time() - status.st_mtime > FRESH:
                with _locked(folder):
                    shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder for a block; OSError where it is locked, a link, or no folder."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
