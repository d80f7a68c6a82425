"""`convlab filters`: draw the kernels of a layer."""

import argparse
from collections.abc import Iterator
from typing import Any

from convlab.cli.layers import add_layer, chosen_layer, one_range
from convlab.cli.options import add_model, add_picture, check_drawn, command, load_model
from convlab.errors import UnsupportedError
from convlab.model.model import Model
from convlab.wording import printable

LONG = 8  # numbers in a row


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "filters", run, "draw the kernels of a convolution layer, or print them")
    add_model(parser)
    add_layer(parser)
    add_picture(parser)
    parser.add_argument("--values", action="store_true", help="print the numbers, of a dense layer too")
    parser.add_argument(
        "--outputs",
        type=one_range,
        metavar="A:B",
        help="which output channels, as in Python: 0:16, 5, =-8: (the last 8); drawn by default: all of a layer on an"
        " image, the first 24 of a deeper one",
    )
    parser.add_argument(
        "--inputs",
        type=one_range,
        metavar="A:B",
        help="which input channels; drawn by default: the first 32",
    )
    parser.add_argument(
        "--scale",
        choices=("channel", "shared"),
        default="channel",
        help="whether each channel has colours of its own, or all one scale",
    )


def run(arguments: argparse.Namespace) -> None:
    """Draw and print what is asked for."""
    if not (arguments.out or arguments.values):
        raise UnsupportedError("filters: give --out FILE to draw the kernels, --values to print them, or both")
    check_drawn(arguments)
    model = load_model(arguments)
    layer = chosen_layer(model, arguments.layer)
    if arguments.values:
        for line in _values(model, layer, arguments):
            print(line)
    if arguments.out:
        _draw(model, layer, arguments)


def _draw(model: Model, layer: str, arguments: argparse.Namespace) -> None:
    from convlab.view import plot

    plot.filters(
        model,
        layer,
        outputs=arguments.outputs,
        inputs=arguments.inputs,
        scale=arguments.scale,
        path=arguments.out,
    )
    print(printable(str(arguments.out)))


def _values(model: Model, layer: str, arguments: argparse.Namespace) -> Iterator[str]:
    """Yield lines with the numbers of each kernel, one input channel after the other, and its bias."""
    from convlab.view.channels import chosen
    from convlab.view.filters import kernels_of

    weights = model[layer].weights
    kernel = weights.get("kernel")
    dense = kernel is not None and kernel.ndim == 2
    values = weights["kernel"][None, :, None] if dense else kernels_of(model, layer).values  # (..., KH, KW, C, O)
    *_, c, o = values.shape
    columns = chosen(c, None if dense else arguments.inputs, "input channels")
    for output in chosen(o, arguments.outputs, "output channels"):
        bias = f", bias {weights['bias'][output]:.6g}" if "bias" in weights and len(weights["bias"]) == o else ""
        yield f"{printable(layer)}, output {output}{bias}"
        for column in columns:
            yield from [] if dense else [f"  input channel {column}"]
            yield from _rows(values[..., column, output])


def _rows(values: Any) -> list[str]:
    """Return numbers as rows under each other; of a volume slice after slice, of one long row as many as it takes."""
    if values.ndim == 3:
        return [line for part in values for line in [*_rows(part), ""]][:-1]
    rows = values if len(values) > 1 else [values[0, i : i + LONG] for i in range(0, values.shape[1], LONG)]
    return ["    " + " ".join(f"{value:11.6g}" for value in row) for row in rows]
