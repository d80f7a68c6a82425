"""The command `convlab`: one file for each of its commands, with `add`, which says what it takes, and `run`."""

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from convlab import __version__
from convlab.cli import bench, compare, convert, demo, explain, fetch, filters, run, stats, summary
from convlab.errors import ConvlabError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0; 1 for an error, or a difference found. Wrong usage exits: 2."""
    arguments = _parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    with warnings.catch_warnings(), _spoken():
        warnings.showwarning = lambda message, *_: print(f"convlab: warning: {message}", file=sys.stderr)
        try:
            status: int = arguments.run(arguments) or 0
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read the output has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (ConvlabError, OSError) as error:
            print(f"convlab: error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("convlab: stopped", file=sys.stderr)
            return 130
    return status


@contextmanager
def _spoken() -> Iterator[None]:
    """Print what the library logs, such as that kernels are being compiled: it explains why one waits."""
    logger, handler = logging.getLogger("convlab"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("convlab: %(message)s"))
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("convlab", description="See inside a convolutional network.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (demo, summary, run, filters, explain, compare, stats, bench, convert, fetch):
        command.add(commands)
    return parser
