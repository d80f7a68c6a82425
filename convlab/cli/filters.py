"""`convlab filters`: draw the kernels of a layer."""

import argparse
from typing import Any

from convlab.cli.layers import one_range
from convlab.cli.options import add_model, add_picture, check_drawn, command, load_model
from convlab.wording import printable


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "filters", run, "draw the kernels of a convolution layer")
    add_model(parser)
    parser.add_argument("layer", metavar="LAYER")
    add_picture(parser, required=True)
    parser.add_argument(
        "--outputs",
        type=one_range,
        metavar="A:B",
        help="which output channels, as in Python: 0:16, 5, =-8: (the last 8)",
    )
    parser.add_argument("--inputs", type=one_range, metavar="A:B", help="which input channels")
    parser.add_argument(
        "--scale",
        choices=("channel", "shared"),
        default="channel",
        help="whether each channel has colours of its own, or all one scale",
    )


def run(arguments: argparse.Namespace) -> None:
    """Draw."""
    from convlab.view import plot

    check_drawn(arguments)
    model = load_model(arguments)
    plot.filters(
        model,
        arguments.layer,
        outputs=arguments.outputs,
        inputs=arguments.inputs,
        scale=arguments.scale,
        path=arguments.out,
    )
    print(printable(str(arguments.out)))
