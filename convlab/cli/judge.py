"""`convlab judge`: somebody's own convolution, right or not, and which mistake."""

import argparse
import sys
from typing import Any

from convlab.cli.options import add_json, command, print_json
from convlab.cli.terminal import message
from convlab.errors import ConvlabError

WHAT = (
    "say whether a convolution of your own is right, and which mistake it makes, and time it beside convlab's; runs"
    " FILE, with all that you may do;"
    " exit status 1 if it is wrong, 2 if it could not be judged"
)


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "judge", run, WHAT)
    parser.add_argument(
        "file",
        metavar="FILE",
        help="Python with conv(x, w, bias, *, stride, padding, dilation, groups); pairs, and for padding four sides"
        " where opposite ones differ, or 'same'",
    )
    parser.add_argument("--function", default="conv", metavar="NAME", help="its name in the file (default: conv)")
    parser.add_argument("--quick", action="store_true", help="right or wrong alone: time nothing")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; return 0 if it is right, 1 if it is wrong, 2 where that is not known."""
    from convlab.judging.judgement import judge

    try:
        report = judge(arguments.file, arguments.function, quick=arguments.quick)
    except ConvlabError as error:
        print(f"convlab: error: {message(error)}", file=sys.stderr)
        return 2
    if arguments.json:
        print_json(report.as_dict())
    else:
        print(report)
    return 2 if report.right is None else int(not report.right)
