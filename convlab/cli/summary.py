"""`convlab summary`: the table of a network."""

import argparse
from typing import Any

from convlab.cli.options import add_json, add_model, command, load_model, print_json


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "summary", run, "print the layers, their shapes, costs and receptive fields")
    add_model(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the table."""
    summary = load_model(arguments, None).summary()
    if arguments.json:
        print_json(summary.as_dict())
    else:
        print(summary)
