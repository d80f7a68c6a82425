"""`convlab fetch`: download a registered weight file."""

import argparse
from pathlib import Path
from typing import Any

from convlab.cli.options import command
from convlab.cli.terminal import bar, line
from convlab.wording import printable


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "fetch", run, "download a registered weight file")
    parser.add_argument("name", metavar="NAME", help="a registered name, such as vgg16 or vgg16_notop")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: the user's cache)")


def run(arguments: argparse.Namespace) -> None:
    """Download, with a bar of progress."""
    from convlab.files.download import fetch
    from convlab.files.registry import lookup

    with bar(unit="B", unit_scale=True, unit_divisor=1024, desc=line(arguments.name)) as shown:

        def progress(done: int, total: int | None) -> None:
            shown.total = total
            shown.update(done - shown.n)

        path = fetch(arguments.name, arguments.out, progress)
    print(printable(str(path)))
    entry = lookup(arguments.name)
    if entry.md5 is None:
        print("no published hash; its SHA-256 is kept at the first download and compared from then on")
