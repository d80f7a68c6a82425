"""`convlab compare`: the first layer in which two runs differ, and a guess why."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convlab.cli.inputs import HELP, prepared
from convlab.cli.options import add_json, add_model_options, command, load_model, print_json, read_names
from convlab.comparison.comparison import compare
from convlab.comparison.pairs import recorded_input
from convlab.comparison.sources import holds_activations, read_side
from convlab.errors import UnsupportedError, WeightsError
from convlab.model.model import INPUT, Model
from convlab.recording.activations import Activations
from convlab.zoo import zoo_name

WHAT = "name the first layer in which two runs of a network differ, and guess why; exit status 1 if one does"


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "compare", run, WHAT)
    for side in ("a", "b"):
        other = "the reference" if side == "b" else "what is compared"
        parser.add_argument(side, metavar=side.upper(), help=f"{other}: a recording, an .npz file, or a network")
    parser.add_argument("--names", type=Path, metavar="FILE", help='JSON {"name in A": "name in B"}')
    parser.add_argument("--tolerance", type=float, metavar="X", help="relative error allowed (default: by rounding)")
    parser.add_argument("--channels-first", action="store_true", default=None, help="images in B are (N, C, H, W)")
    parser.add_argument("--image", metavar="IMAGE", help=f"{HELP} (default: the other side's input)")
    add_model_options(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; return 1 if a layer differs."""
    names = read_names(arguments.names) or {}
    a, b = (_open(source, arguments) for source in (arguments.a, arguments.b))
    report = compare(
        _record(a, b, arguments, names) if isinstance(a, Model) else a,
        _record(b, a, arguments, {other: name for name, other in names.items()}) if isinstance(b, Model) else b,
        names=names,
        tolerance=arguments.tolerance,
        channels_first=arguments.channels_first,
    )
    if arguments.json:
        print_json(report.as_dict())
    else:
        print(report)
    return 0 if report.agrees else 1


def _open(source: str, arguments: argparse.Namespace) -> Model | Path:
    """Return a network, or the path of what was recorded."""
    if zoo_name(source) is None and holds_activations(Path(source)):
        return Path(source)
    return load_model(arguments, name=source)


def _record(
    model: Model, other: Model | Path, arguments: argparse.Namespace, called: Mapping[str, str]
) -> Activations:
    """Run a network on the picture, or on what the other side was run on, where some names are `called` otherwise."""
    if isinstance(other, Model):
        if not arguments.image:
            raise UnsupportedError("compare: A and B are both networks: give --image to run them on")
        return model.run(prepared(model, arguments.image, arguments)[0])
    inputs = [INPUT, *model.inputs, *(called[name] for name in model.inputs if name in called)]
    side = read_side(other, "the other side", inputs)
    pre = any(name.endswith("/pre") for name in (*side.layers, *called))
    if arguments.image:
        return model.run(prepared(model, arguments.image, arguments)[0], pre=pre)
    found = {name: recorded_input(side, model, name, bool(arguments.channels_first)) for name in model.inputs}
    if missing := [name for name, array in found.items() if array is None]:
        shapes = ", ".join(f"{name} {(None, *model.inputs[name])}" for name in missing).replace("None", "N")
        raise WeightsError(
            f"{side.label}: holds no input to run {model.name!r} on (expected {shapes}):"
            " record it as 'input', or give --image"
        )
    return model.run(found, pre=pre)
