"""New HDF5 files: there when they are complete, and until then what was there before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from convlab.errors import FileError
from convlab.files.scratch import scratch_folder

__all__ = ["new_file"]


@contextmanager
def new_file(path: Path, what: str, **options: Any) -> Iterator[h5py.File]:
    """Open a file for `what`, "the weights", with options of h5py.File; it gets its name when it is complete.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    try:
        with scratch_folder(path.parent) as folder:
            part = folder / path.name
            with h5py.File(part, "w", **options) as file:
                yield file
            part.replace(path)
    except OSError as error:
        raise FileError(f"{path}: {what} cannot be written ({error.strerror or error})") from error
