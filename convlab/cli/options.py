"""Options that several commands take: a network, and a place or range in it."""

import argparse
import json
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, get_args

from convlab.errors import WeightsError
from convlab.images.preprocessing import MODES
from convlab.images.resizing import Fit
from convlab.loading import load
from convlab.model.model import Model
from convlab.recording.prediction import PROBABILITIES, VALUES, Prediction
from convlab.runtime.device import DEVICES, check_device
from convlab.storage.writing import check_file, new_path
from convlab.wording import printable, unknown
from convlab.zoo import ZOO


def command(commands: Any, name: str, run: Any, help_line: str) -> argparse.ArgumentParser:
    """Add a command with its function and a line of help; return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_line, description=help_line)
    parser.set_defaults(run=run)
    return parser


def add_device(parser: argparse.ArgumentParser) -> None:
    """Let a command take the device that computes."""
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="where it is computed (default: cpu)")


def add_model(
    parser: argparse.ArgumentParser, device: Callable[[argparse.ArgumentParser], None] = add_device
) -> None:
    """Let a command take a network, and by `device` what computes it."""
    parser.add_argument("model", metavar="MODEL", help=f"{', '.join(ZOO)}, or a model Keras saved")
    add_model_options(parser, device)
    add_weight_names(parser)


def add_model_options(
    parser: argparse.ArgumentParser, device: Callable[[argparse.ArgumentParser], None] = add_device
) -> None:
    """Let a command take what says how a network is loaded."""
    parser.add_argument("--no-top", action="store_true", help="leave out the dense layers")
    parser.add_argument("--weights", metavar="FILE", help="weight file of Keras or PyTorch, or a number: seed")
    parser.add_argument("--topology", metavar="FILE", help="JSON of Keras' to_json, for a MODEL of weights alone")
    parser.add_argument(
        "--preprocessing", choices=MODES, help="how pictures become inputs, where MODEL is a file (default: assumed)"
    )
    add_layout(parser)
    add_lenient(parser)
    device(parser)
    parser.add_argument("--input-shape", type=_shape, metavar="H,W,C", help="where a file leaves the size open")


def add_devices(parser: argparse.ArgumentParser) -> None:
    """Let a command take a device, or several to be compared."""
    line = "cpu, cuda, or cpu,cuda: both in one table, the GPU predicted where there is none (default: cpu)"
    parser.add_argument("--device", type=_devices, default=("cpu",), metavar="D,...", help=line)


def _devices(text: str) -> tuple[str, ...]:
    """Return devices, each once, the CPU first."""
    asked = names(text) or [text]
    if strange := [name for name in asked if name not in DEVICES]:
        raise argparse.ArgumentTypeError(unknown("device", strange[0], DEVICES))
    return tuple(device for device in DEVICES if device in asked)


def add_labels(parser: argparse.ArgumentParser) -> None:
    """Let a command that shows classes take their names."""
    parser.add_argument(
        "--labels", metavar="FILE", help="names of the classes: a line each, or JSON (default: the zoo's, ImageNet's)"
    )


def load_model(arguments: argparse.Namespace, default: str | None = "pretrained", name: str | None = None) -> Model:
    """Return the network of that name, by default `arguments.model`, with the weights asked for or `default`."""
    weights = default if arguments.weights is None else arguments.weights
    source = int(weights) if weights and weights.isdecimal() else weights
    check_device(arguments.device)  # before much is read
    return load(
        arguments.model if name is None else name,
        source,
        strict=not arguments.no_strict,
        names=read_names(arguments.names) if name is None else None,
        include_top=not arguments.no_top,
        topology=arguments.topology,
        preprocessing=arguments.preprocessing,
        input_shape=arguments.input_shape,
        layout=arguments.layout,
        labels=getattr(arguments, "labels", None),
    ).to(arguments.device)


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no shape: give whole numbers as 224,224,3") from None


def add_layout(parser: argparse.ArgumentParser) -> None:
    """Let a command take files of Keras 1 with channels first."""
    parser.add_argument("--layout", default="HWIO", metavar="OIHW", help="of the kernels in a file of Keras 1")


def add_lenient(parser: argparse.ArgumentParser) -> None:
    """Let a command read a file of weights of which a part has no partner."""
    parser.add_argument(
        "--no-strict", action="store_true", help="read weights though layers are missing, or in the file too many"
    )


def add_weight_names(parser: argparse.ArgumentParser) -> None:
    """Let a command take names of modules for layers."""
    what = "of weights of PyTorch, where names and shapes leave it open"
    parser.add_argument("--names", type=Path, metavar="FILE", help=f'JSON {{"layer": "module"}}, {what}')


def read_names(path: Path | None) -> dict[str, str] | None:
    """Return the names in a file; None where there is no file."""
    if path is None:
        return None
    try:
        names = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: the names cannot be read ({error})") from None
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise WeightsError(f'{path}: expected names as {{"one name": "another", ...}}')
    return names


def add_picture(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Let a command draw."""
    parser.add_argument("--out", type=Path, required=required, metavar="FILE", help="picture to write")


def check_drawn(arguments: argparse.Namespace) -> None:
    """Refuse a picture, or a file of JSON, that cannot be written, before the work that it is to show."""
    if isinstance(getattr(arguments, "json", None), Path):
        check_file(arguments.json)
    if arguments.out:
        from convlab.view.saving import check_picture

        check_picture(arguments.out)


def names(text: str | None) -> list[str] | None:
    """Return the names between commas; None where there are none."""
    return [name.strip() for name in (text or "").split(",") if name.strip()] or None


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command print JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def print_json(report: Any) -> None:
    """Print JSON. It has no NaN and no infinities: they become text."""
    print(_json(report))


def add_json_file(parser: argparse.ArgumentParser) -> None:
    """Let a command print JSON, or write it beside what it prints: what was measured is not measured again."""
    line = "print JSON, or write it to a file beside what is printed"
    parser.add_argument("--json", nargs="?", const=True, type=_json_file, metavar="FILE", help=line)


def _json_file(text: str) -> Path:
    if not text.endswith(".json"):  # else `--json MODEL` would lose the MODEL
        raise argparse.ArgumentTypeError(f"{text!r}: expected a name that ends in .json; a MODEL goes before --json")
    return Path(text)


def write_json(path: Path, report: Any) -> None:
    """Write JSON; a file appears only when it is complete."""
    with new_path(path, "the JSON") as part:
        part.write_text(_json(report) + "\n", encoding="utf-8")


def _json(report: Any) -> str:
    return json.dumps(_strict(report), allow_nan=False)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _strict(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(part) for part in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def add_fit(parser: argparse.ArgumentParser) -> None:
    """Let a command say how pictures get the input's shape."""
    parser.add_argument(
        "--fit",
        choices=get_args(Fit),
        default="stretch",
        help="how a picture gets the input's shape (default: stretch)",
    )


def add_span(parser: argparse.ArgumentParser) -> None:
    """Let a command say which values of a matrix are black and white."""
    parser.add_argument(
        "--span", nargs=2, type=float, metavar=("LOW", "HIGH"), help="values of a matrix that mean black and white"
    )


def table(predictions: Sequence[Prediction], names_are_guessed: bool = False) -> list[str]:
    """Return the lines that show what the outputs of a network say."""
    lines = ["  with the names of ImageNet's classes, a guess from their number"] if names_are_guessed else []
    for found in predictions:
        shape = " x ".join(map(str, found.shape))
        title = found.meaning if found.scores else f"{shape} numbers"
        if len(predictions) > 1 or found.meaning != PROBABILITIES:
            lines.append(f"  {printable(found.output)}: {title}")
        share = found.meaning != VALUES
        lines += [
            f"  {f'{value:.1%}' if share else f'{value:.6g}':>6}  {printable(label)}" for label, value in found.scores
        ]
    return lines
