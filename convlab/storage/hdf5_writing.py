"""New HDF5 files: there when they are complete, and until then what was there before."""

import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from convlab.errors import FileError
from convlab.storage.writing import new_path
from convlab_kernels.interrupts import interrupts_wait

__all__ = ["new_file"]


class PatientFile(io.FileIO):
    """A file that keeps its first error for later, as that the disk is full; after it, or Ctrl-C, it takes nothing.

    libhdf5, told of it, would try again whenever it lets go of something, and print each time that it failed; told of
    KeyboardInterrupt, it would leave holes and say nothing, or end the process.
    """

    error: OSError | None = None

    def __init__(self, path: Path, interrupts: list[int]) -> None:
        super().__init__(path, "w+")
        self.interrupts = interrupts

    def write(self, data: Any) -> int:
        """Write all of it: the file of the system may take less at a time."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left and self.error is None and not self.interrupts:
            try:
                left = left[super().write(left) :]
            except OSError as error:
                self.error = error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Give the file its size."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


WHOLE = (
    h5py.File.__init__,
    h5py.File.__exit__,
    PatientFile.write,
    PatientFile.truncate,
)  # libhdf5 calls the last two


@contextmanager
def new_file(path: Path, what: str, *, lasting: bool = False, **options: Any) -> Iterator[h5py.File]:
    """Open a file for `what`, "the weights", with options of h5py.File; it gets its name when it is complete.

    `lasting` is as for `new_path`.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    ends = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # another may return, and want it whole
    with (
        new_path(path, what, lasting=lasting) as part,
        interrupts_wait(*WHOLE) as came,
        PatientFile(part, came if ends else []) as disk,
    ):
        with h5py.File(disk, "w", **options) as file:
            yield file
        if disk.error is not None:
            raise FileError(f"{path}: {what} cannot be written ({disk.error.strerror})") from disk.error
