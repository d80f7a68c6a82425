"""`convlab explain`: how one number came about."""

import argparse
from typing import Any

from convlab.cli.options import add_json, add_model, add_picture, check_drawn, command, load_model, print_json
from convlab.explanation.explanation import explain


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "explain", run, "show how one number came about, step by step")
    add_model(parser)
    parser.add_argument("image", metavar="IMAGE", help="picture, or matrix as .npy")
    parser.add_argument("layer", metavar="LAYER")
    parser.add_argument(
        "--at",
        type=_place,
        default=(0, 0),
        metavar="Y,X",
        help="row and column in the layer's output; of a volume Z,Y,X",
    )
    parser.add_argument("--channel", type=int, default=0, metavar="K", help="channel, or unit of a dense layer")
    add_picture(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run, explain, and draw where asked to."""
    check_drawn(arguments)
    model = load_model(arguments)
    acts = model.run(model.prepare(arguments.image))
    *z, y, x = arguments.at
    why = explain(model, acts, arguments.layer, y, x, arguments.channel, z=z[0] if z else 0)
    if arguments.out:
        from convlab.view import plot

        plot.explanation(why, acts, path=arguments.out)
    if arguments.json:
        print_json(why.as_dict())
    else:
        print(why)


def _place(text: str) -> tuple[int, ...]:
    try:
        place = tuple(map(int, text.split(",")))
    except ValueError:
        place = ()
    if len(place) not in (2, 3):
        raise argparse.ArgumentTypeError(f"{text!r} is no place: give row and column as 10,20")
    return place
