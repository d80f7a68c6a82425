"""`convlab stats`: what the layers of a network are like over a folder of pictures: a scan that keeps nothing."""

import argparse
import sys
from pathlib import Path
from typing import Any

from convlab.cli.inputs import SOME_FAILED
from convlab.cli.layers import add_layers, chosen_layers
from convlab.cli.options import add_fit, add_json, add_model, command, load_model, print_json
from convlab.cli.scan import add_batch, add_source, work_on
from convlab.scanning.folder import FolderStatistics
from convlab.scanning.scanner import scanning
from convlab.storage.writing import check_file
from convlab.wording import counted


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "stats", run, "print what each layer is like over a folder of pictures")
    add_model(parser)
    add_source(parser)
    add_layers(parser, "only these")
    add_batch(parser)
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="table of every channel to write")
    add_fit(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run over the folder; print the table, write every channel where asked to: also of what ended too early."""
    if arguments.out:
        check_file(arguments.out)
    model = load_model(arguments)
    layers, options = chosen_layers(model, arguments.layers), {"batch": arguments.batch, "fit": arguments.fit}
    with scanning(model, arguments.folder, layers=layers, **options) as work:
        try:
            work_on(work)
            work.check()
        except BaseException:
            found = work.statistics()
            if found.images:
                print(f"convlab: it ended early: the table is of {counted(found.images, 'picture')}", file=sys.stderr)
                _give(found, arguments)
            raise
        _give(work.statistics(), arguments)
    return SOME_FAILED if work.failed else 0


def _give(found: FolderStatistics, arguments: argparse.Namespace) -> None:
    """Print the table and write it: each, whatever becomes of the other."""
    try:
        if arguments.json:
            print_json(found.as_dict())
        else:
            print(found, flush=True)
    finally:
        if arguments.out:
            found.write_csv(arguments.out)
