"""The class that a command asks the gradient of."""

import argparse

from convlab.backward.targets import strongest_classes
from convlab.model.model import Model
from convlab.recording.activations import Activations


def add_class(parser: argparse.ArgumentParser, help_line: str) -> None:
    """Let a command take a class."""
    parser.add_argument("--class", dest="wanted", metavar="NAME", help=help_line)


def asked_class(model: Model, wanted: str | None) -> int | str | None:
    """Return the class asked for, by its name or its number, if one is."""
    if wanted is None or not wanted.isdecimal() or wanted in (model.labels or ()):
        return wanted
    return int(wanted)


def chosen_class(model: Model, acts: Activations, wanted: str | None) -> int | str:
    """Return the class asked for, or else the most probable of the first image."""
    asked = asked_class(model, wanted)
    return int(strongest_classes(acts)[0]) if asked is None else asked
