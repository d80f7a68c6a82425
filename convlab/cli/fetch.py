"""`convlab fetch`: download a registered weight file."""

import argparse
from pathlib import Path
from typing import Any

from convlab.cli.options import command


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "fetch", run, "download a registered weight file")
    parser.add_argument("name", metavar="NAME", help="a registered name, such as vgg16 or vgg16_notop")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: the user's cache)")


def run(arguments: argparse.Namespace) -> None:
    """Download, with a bar of progress."""
    from tqdm import tqdm

    from convlab.files.download import fetch

    with tqdm(unit="B", unit_scale=True, unit_divisor=1024, desc=arguments.name, disable=None) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        path = fetch(arguments.name, arguments.out, progress)
    print(path)
