"""`convlab size`: how a window walks over an input, and what size that makes."""

import argparse
from typing import Any

from convlab.cli.options import add_json, add_picture, check_drawn, command, print_json
from convlab.wording import printable
from convlab_kernels.window import Window


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "size", run, "explain the output size of a convolution or pooling")
    parser.add_argument("size", metavar="SIZE", type=_ints, help="of the input: 224, or H,W")
    parser.add_argument("--kernel", type=_ints, required=True, metavar="K", help="of the window: 3, or KH,KW")
    parser.add_argument("--stride", type=_ints, default=1, metavar="S", help="1, or down,across (default: 1)")
    parser.add_argument(
        "--padding", type=_padding, default=0, metavar="P", help="1, or vertical,horizontal, or same (default: 0)"
    )
    parser.add_argument("--dilation", type=_ints, default=1, metavar="D", help="1, or down,across (default: 1)")
    add_picture(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> None:
    """Explain."""
    check_drawn(arguments)
    window = Window.parse(arguments.kernel, arguments.stride, arguments.padding, arguments.dilation)
    walk = window.explain(arguments.size)
    if arguments.json:
        print_json(walk.as_dict())
    else:
        print(walk)
    if arguments.out:
        from convlab.view import plot

        plot.window(window, arguments.size, path=arguments.out)
        print(printable(str(arguments.out)))


def _ints(text: str) -> int | tuple[int, ...]:
    try:
        numbers = tuple(map(int, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, or two as 3,5") from None
    return numbers[0] if len(numbers) == 1 else numbers


def _padding(text: str) -> str | int | tuple[int, ...]:
    return text if text.isalpha() else _ints(text)
