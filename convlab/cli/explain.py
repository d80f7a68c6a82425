"""`convlab explain`: how one number came about."""

import argparse
import re
from typing import Any

from convlab.backward.gradients import gradients
from convlab.cli.classes import add_class, chosen_class
from convlab.cli.inputs import HELP, prepared
from convlab.cli.layers import add_layer, chosen_layer
from convlab.cli.options import (
    add_fit,
    add_json,
    add_labels,
    add_model,
    add_picture,
    add_span,
    check_drawn,
    command,
    load_model,
    print_json,
)
from convlab.errors import UnsupportedError
from convlab.explanation.explanation import explain
from convlab.recording.activations import Activations
from convlab.wording import printable


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "explain", run, "show how one number came about, step by step")
    add_model(parser)
    add_labels(parser)
    parser.add_argument("image", metavar="IMAGE", help=HELP)
    add_layer(parser)
    parser.add_argument(
        "--at",
        type=_place,
        metavar="Y,X",
        help="row and column in the layer's output; of a volume Z,Y,X (default: where the largest number is)",
    )
    parser.add_argument(
        "--channel",
        type=_channel,
        metavar="K",
        help="channel, or unit of a dense layer; of the output also a label (default: the same)",
    )
    parser.add_argument(
        "--backward",
        action="store_true",
        help="explain a number of a class' gradient instead; LAYER may be the input's name, too",
    )
    add_class(parser, "which class --backward takes, by its name or number (default: the most probable)")
    add_fit(parser)
    add_span(parser)
    add_picture(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run, explain, and draw where asked to."""
    check_drawn(arguments)
    if arguments.wanted and not arguments.backward:
        raise UnsupportedError("--class is for --backward: give both")
    model = load_model(arguments)
    is_input = arguments.backward and arguments.layer in model.inputs
    layer = arguments.layer if is_input else chosen_layer(model, arguments.layer)
    x, told = prepared(model, arguments.image, arguments)
    acts: Activations = model.run(x)
    if arguments.backward:
        acts = gradients(model, acts, chosen_class(model, acts, arguments.wanted))
    z, y, x = (None, *(arguments.at or (None, None)))[-3:]
    why = explain(model, acts, layer, y, x, arguments.channel, z=z, backward=arguments.backward)
    if arguments.out:
        from convlab.view import plot

        plot.explanation(why, acts, path=arguments.out)
    if arguments.json:
        print_json(why.as_dict())
        return
    print("\n".join([*(f"{line}\n" for line in told), str(why)]))
    if arguments.out:
        print(printable(str(arguments.out)))


def _channel(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _place(text: str) -> tuple[int, ...]:
    try:
        place = tuple(map(int, text.split(",")))
    except ValueError:
        place = ()
    if len(place) not in (2, 3):
        raise argparse.ArgumentTypeError(f"{text!r} is no place: give row and column as 10,20")
    return place
