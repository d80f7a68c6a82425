"""What several commands take: a network, and a place or range in it."""

import argparse
from typing import Any

from convlab.model import Model
from convlab.zoo import ZOO, load


def command(commands: Any, name: str, run: Any, help_line: str) -> argparse.ArgumentParser:
    """Add a command with its function and a line of help; return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_line, description=help_line)
    parser.set_defaults(run=run)
    return parser


def add_model(parser: argparse.ArgumentParser) -> None:
    """Let a command take a network."""
    parser.add_argument("model", metavar="MODEL", help=", ".join(ZOO))
    parser.add_argument("--no-top", action="store_true", help="leave out the dense layers")
    parser.add_argument("--weights", metavar="FILE", help="Keras weight file, or a number: seed of random weights")


def load_model(arguments: argparse.Namespace, default: str | None) -> Model:
    """Return the network that was asked for; `default` are its weights where none are."""
    weights = arguments.weights or default
    source = int(weights) if weights and weights.isdecimal() else weights
    return load(arguments.model, source, include_top=not arguments.no_top)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command print JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def table(top: list[tuple[str, float]]) -> list[str]:
    """Return the lines that show a prediction."""
    return [f"  {probability:6.1%}  {label}" for label, probability in top]
