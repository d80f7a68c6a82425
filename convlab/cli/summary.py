"""`convlab summary`: the table of a network."""

import argparse
from typing import Any

from convlab.cli.options import add_json, add_model, command, load_model, print_json
from convlab.model.plan import Plan
from convlab.model.summary import Summary


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "summary", run, "print the layers, their shapes, costs and receptive fields")
    add_model(parser)
    add_json(parser)
    parser.add_argument(
        "--plan",
        nargs="?",
        type=int,
        const=1,
        metavar="N",
        help="print instead what predict does with N images (default: 1), step by step",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the table, or the plan: the steps do not hang on the weights, so that random ones will do."""
    if arguments.plan is not None:
        shown: Plan | Summary = load_model(arguments, "0").plan(arguments.plan)
    else:
        shown = load_model(arguments, None).summary()
    if arguments.json:
        print_json(shown.as_dict())
    else:
        print(shown)
