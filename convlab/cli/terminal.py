"""Output on the terminal: one line for whatever goes wrong, and nothing that a terminal would obey."""

import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from convlab.errors import ConvlabError, FileError
from convlab.model.execution import LOG
from convlab.wording import printable, printable_lines, shortened

__all__ = [
    "bar",
    "drop_what_cannot_be_written",
    "layers_shown",
    "line",
    "message",
    "progress_shown",
    "spoken",
    "warnings_above",
]


class PrintableStream:
    """A stream on which text arrives printable, line by line, whoever made it: a file, its name, a library."""

    def __init__(self, stream: TextIO) -> None:
        self.raw = stream

    def write(self, text: str) -> int:
        """Write a text of lines."""
        with _told():
            self.raw.write(printable_lines(text))
        return len(text)

    def flush(self) -> None:
        """Write what waits to be."""
        with _told():
            self.raw.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextmanager
def _told() -> Iterator[None]:
    """Say of an error that it is the output's, unless it is that nobody reads it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileError(f"the output cannot be written ({error.strerror})") from None


@contextmanager
def spoken() -> Iterator[None]:
    """Print warnings, and what the library logs: that kernels are being compiled explains why one waits."""
    out, err = (stream or io.StringIO() for stream in (sys.stdout, sys.stderr))  # there is none where it was closed
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    logger = logging.getLogger("convlab")
    with redirect_stdout(PrintableStream(out)), redirect_stderr(PrintableStream(err)), warnings.catch_warnings():
        warnings.showwarning = lambda warning, *_: print(f"convlab: warning: {line(warning)}", file=sys.stderr)
        handler, level = logging.StreamHandler(sys.stderr), logger.level
        handler.format = lambda record: f"convlab: {line(record.getMessage())}"  # type: ignore[method-assign]
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.setLevel(level)
            logger.removeHandler(handler)


def line(text: object) -> str:
    """Return a text as one line that is not too long."""
    return shortened(printable(str(text)))


def message(error: Exception) -> str:
    """Return the line that says what went wrong."""
    if isinstance(error, ConvlabError):
        return line(error)
    if isinstance(error, MemoryError):
        return line(f"there is not enough memory{f' ({error})' if str(error) else ''}")
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return line(f"{where}{error.strerror or error}")
    return line(f"{type(error).__name__} in {_place(error)}, which is a fault of convlab: please report it: {error}")


def _place(error: Exception) -> str:
    """Return the file and line of convlab where an error came up, for whoever mends it."""
    place, trace = "convlab", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "convlab" in Path(code.co_filename).parts[-4:-1]:
            place = f"{Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def drop_what_cannot_be_written() -> None:
    """Send what is left of the output nowhere if nobody takes it: Python would try again at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def layers_shown(what: str, count: int) -> Iterator[None]:
    """Show on a terminal which layer a network is at in the block."""
    with bar(total=count, unit="layer", leave=False) as shown:

        def show(record: logging.LogRecord) -> None:
            shown.set_description(printable(f"{what} {record.getMessage()}"))
            shown.update()

        handler = logging.Handler()
        handler.emit = show  # type: ignore[method-assign]
        LOG.addHandler(handler)
        LOG.setLevel(logging.DEBUG)
        LOG.propagate = False  # what is printed otherwise is for lines
        try:
            yield
        finally:
            LOG.removeHandler(handler)
            LOG.setLevel(logging.NOTSET)
            LOG.propagate = True


@contextmanager
def progress_shown(unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how far a function is that calls what this yields, with how many are done of how many."""
    with bar(unit=unit, leave=False) as shown:

        def progress(done: int, whole: int) -> None:
            shown.total = whole
            shown.update(done - shown.n)

        yield progress


@contextmanager
def warnings_above(shown: Any) -> Iterator[None]:
    """Print warnings of the block on lines of their own, above a bar of progress."""
    with warnings.catch_warnings():
        tell = warnings.showwarning

        def show(*told: Any) -> None:
            shown.clear()
            tell(*told)
            shown.refresh()

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def bar(**options: Any) -> Any:
    """Return a bar of progress, where there is a terminal: it moves the cursor, so the stream itself is its own."""
    from tqdm import tqdm

    return tqdm(file=getattr(sys.stderr, "raw", sys.stderr), disable=None, **options)
