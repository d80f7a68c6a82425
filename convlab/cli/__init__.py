"""The command `convlab`: one file for each of its commands, with `add`, which says what it takes, and `run`."""

import argparse
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NoReturn

from convlab import __version__
from convlab.cli import (
    attribute,
    bench,
    compare,
    convert,
    demo,
    explain,
    explore,
    fetch,
    filters,
    judge,
    run,
    scan,
    size,
    stats,
    summary,
)
from convlab.cli.terminal import drop_what_cannot_be_written, line, message, spoken
from convlab.wording import asked_by_command, unknown

STOPPED, NO_READER = 130, 141  # what a shell says of a command that SIGINT or SIGPIPE ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0; 1: an error, or a difference; 3: some inputs failed."""
    with spoken(), asked_by_command():
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
    """A parser that says what is wrong in one line that a terminal may be given.

    Options are to be written out: an abbreviation would be taken for whatever begins so in this version.

    Attributes
    ----------
    intermixed : bool
        Whether options may stand between what need not be given: argparse alone takes that for left out there.
    """

    intermixed = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})
        self.color = False  # Python 3.14 would colour the help, which is escaped like all that is printed

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, but refuse options that are none first: argparse would first complain of what is missing."""
        if self._subparsers is None and args is not None:
            known = self._option_string_actions
            for given in takewhile(lambda part: part != "--", args):
                if (name := given.split("=")[0]).startswith("--") and name not in known:
                    self.error(unknown("option", name, [option for option in known if option.startswith("--")]))
        if self.intermixed:
            self.intermixed = False  # what follows comes back here
            try:
                return self.parse_known_intermixed_args(args, namespace)
            finally:
                self.intermixed = True
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the usage, and exit."""
        self.exit(2, f"{self.prog}: error: {line(message)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "convlab",
        description="See inside a convolutional network.",
        epilog="`python -m convlab` is the same command. convlab COMMAND --help says more.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (
        demo,
        summary,
        run,
        filters,
        explain,
        attribute,
        explore,
        compare,
        scan,
        stats,
        bench,
        judge,
        convert,
        fetch,
        size,
    ):
        command.add(commands)
    return parser
