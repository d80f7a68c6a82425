"""`convlab stats`: what the layers of a network are like over a folder of pictures."""

import argparse
from pathlib import Path
from typing import Any

from convlab.cli.options import add_json, add_model, command, load_model, print_json
from convlab.folders import folder_statistics


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "stats", run, "print what each layer is like over a folder of pictures")
    add_model(parser)
    parser.add_argument("folder", metavar="FOLDER", help="its pictures are taken, its sub-folders are not followed")
    parser.add_argument("--layers", metavar="NAME,...", help="only these (default: all)")
    parser.add_argument("--batch", type=int, default=8, metavar="N", help="pictures in memory at a time (default: 8)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="table of every channel to write")
    add_json(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run over the folder; print the table, write every channel where asked to."""
    model = load_model(arguments)
    layers = [name.strip() for name in arguments.layers.split(",")] if arguments.layers else None
    found = folder_statistics(model, arguments.folder, layers, batch=arguments.batch)
    if arguments.out:
        found.write_csv(arguments.out)
    if arguments.json:
        print_json(found.as_dict())
    else:
        print(found)
