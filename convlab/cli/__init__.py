"""The command `convlab`: one file for each of its commands, with `add`, which says what it takes, and `run`."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from convlab import __version__
from convlab.cli import bench, compare, convert, demo, explain, fetch, filters, run, size, stats, summary
from convlab.cli.terminal import drop_what_cannot_be_written, line, message, spoken

STOPPED, NO_READER = 130, 141  # what a shell says of a command that SIGINT or SIGPIPE ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0; 1: an error, or a difference; 3: some inputs failed."""
    with spoken():
        try:
            arguments = _parser().parse_args(argv)
            status: int = arguments.run(arguments) or 0
            sys.stdout.flush()
            return status
        except BrokenPipeError:  # whoever read the output has had enough; what it was about, nobody knows
            return NO_READER
        except KeyboardInterrupt:
            print("convlab: stopped", file=sys.stderr)
            return STOPPED
        except Exception as error:  # an error of ours, or one that should have become one
            print(f"convlab: error: {message(error)}", file=sys.stderr)
            return 1
        finally:
            drop_what_cannot_be_written()


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line that a terminal may be given."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.color = False  # Python 3.14 would colour the help, which is escaped like all that is printed

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong with it, and exit."""
        super().error(line(message))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("convlab", description="See inside a convolutional network.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (demo, summary, run, filters, explain, compare, stats, bench, convert, fetch, size):
        command.add(commands)
    return parser
