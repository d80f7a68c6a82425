"""Files that are written: whether they can be is known before the work, and they are there when they are complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convlab.errors import FileError
from convlab.storage.scratch import scratch_folder

__all__ = ["check_file", "check_folder", "inner_folder", "new_path"]

WRITTEN = os.W_OK | os.X_OK  # what a folder must allow for a file to be made in it


def check_file(path: Path) -> None:
    """Refuse a path at which no file can be written, before what is to be written in it is computed.

    Raises
    ------
    FileError
        If it is a folder, or lies in none, or in one that may not be written to.
    """
    folder = path.parent
    if path.is_dir():
        raise FileError(f"{path}: this is a folder, expected the name of a file")
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise FileError(f"{path}: cannot be written, for the folder {folder} {what}: make it, or name another")
    if not os.access(folder, WRITTEN) and (path.is_file() or not path.exists()):
        raise FileError(f"{path}: cannot be written, for the folder {folder} may not be written to")


def check_folder(path: Path) -> None:
    """Refuse a path at which there is no folder to write in, nor can one be made; make nothing yet.

    Raises
    ------
    FileError
        If it, or what leads to it, is a file or may not be written to.
    """
    nearest = next(folder for folder in (path, *path.absolute().parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        raise FileError(f"{path}: cannot be a folder, for {nearest} is no folder: name another")
    if not os.access(nearest, WRITTEN):
        raise FileError(f"{path}: cannot be written, for the folder {nearest} may not be written to")


def inner_folder(folder: Path, name: str) -> Path:
    """Make a folder in a folder and return its path.

    Raises
    ------
    FileError
        If it cannot be made, or is there as a link that leads elsewhere.
    """
    path = folder / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{path}: the folder cannot be made ({error.strerror or error})") from None
    if path.resolve().parent != folder.resolve():
        raise FileError(f"{path}: this is a link that leads out of {folder}: remove it, or name another folder")
    return path


@contextmanager
def new_path(path: Path, what: str, *, lasting: bool = False) -> Iterator[Path]:
    """Give a path to write `what` to, "the weights"; the file gets its name when it is complete.

    Until then what was there before is there; a link is replaced, not followed. A device or pipe is written to.
    `lasting`: it gets its name when it is on the disk, and the name is too when the block ends.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            yield path
            return
        with scratch_folder(path.parent) as folder:
            part = folder / path.name
            yield part
            if lasting:
                _flush(part)
            part.replace(path)
        if lasting:
            _flush(path.parent)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: {what} cannot be written ({error.strerror or error})") from error


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
