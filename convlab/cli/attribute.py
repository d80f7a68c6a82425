"""`convlab attribute`: what an answer hangs on, and what a layer looks for, as pictures."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from convlab import attribution
from convlab.attribution.result import Attribution
from convlab.cli.inputs import HELP, read_images, titled
from convlab.cli.layers import ONE, chosen_layer, one_range
from convlab.cli.options import (
    add_fit,
    add_json,
    add_labels,
    add_model,
    add_span,
    command,
    load_model,
    names,
    print_json,
)
from convlab.cli.terminal import progress_shown
from convlab.errors import ShapeError, UnsupportedError
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.storage.file_names import file_names
from convlab.storage.writing import check_folder
from convlab.wording import printable, printable_lines, unknown

BY_LAYER = ("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam", "ablation_cam")
BY_INPUT = (
    "gradient",
    "input_times_gradient",
    "smoothgrad",
    "integrated_gradients",
    "occlusion",
    "guided_backprop",
    "deconvnet",
)
SLOW = ("smoothgrad", "integrated_gradients", "occlusion")
PREFERRED = "preferred_input"
FEW = slice(16)  # channels, unless asked otherwise


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "attribute", run, "draw what an answer hangs on, or what inputs a layer prefers")
    methods = ", ".join([*BY_LAYER, *BY_INPUT])
    parser.add_argument(
        "method", metavar="METHOD", help=f"{methods}; several with commas for one picture; or {PREFERRED}, of a layer"
    )
    add_model(parser)
    add_labels(parser)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=HELP)
    parser.add_argument("--class", dest="wanted", metavar="NAME", help="or its number (default: the most probable)")
    parser.add_argument(
        "--layer", metavar="LAYER", help=f"whose maps are weighted, or whose channels prefer an input: {ONE}"
    )
    parser.add_argument(
        "--channels", type=one_range, metavar="A:B", help=f"of {PREFERRED}: which (default: the first {FEW.stop})"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("convlab-attribute"),
        metavar="DIR",
        help="a picture in it for each image (default: convlab-attribute)",
    )
    add_fit(parser)
    add_span(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> None:
    """Draw each image's attributions, or a layer's preferred inputs."""
    check_folder(arguments.out)
    methods = names(arguments.method) or []
    _check(methods, arguments)
    model = load_model(arguments)
    if methods == [PREFERRED]:
        _prefer(model, chosen_layer(model, arguments.layer), arguments)
        return
    images = read_images(model, arguments.images, arguments)
    stems = [f"{image.stem}-{'-'.join(methods)}" for image in images]
    report = []
    for image, file in zip(images, file_names(stems, ".png"), strict=True):
        found = _attributed(model, model.run(image.inputs), methods, arguments)
        path = _drawn(found, arguments.out / file)
        report += [{"image": image.name, "picture": str(path), **one.as_dict()} for one in found]
        if not arguments.json:
            lines = [*(f"  {line}" for line in image.told), *map(_line, found), f"  {path}"]
            print("\n".join(map(printable, [titled(model, image.name), *lines])), flush=True)
    if arguments.json:
        print_json(report)


def _check(methods: list[str], arguments: argparse.Namespace) -> None:
    """Refuse what cannot be, before a network is loaded."""
    known = (*BY_LAYER, *BY_INPUT, PREFERRED)
    for method in methods or [""]:
        if method not in known:
            raise UnsupportedError(unknown("method", method, known))
    prefers = PREFERRED in methods
    if prefers and (len(methods) > 1 or arguments.images or arguments.wanted or not arguments.layer):
        raise UnsupportedError(f"{PREFERRED} stands alone, and takes --layer, and no images and no --class")
    if not prefers and (not arguments.images or arguments.channels):
        raise UnsupportedError(f"attribute: {', '.join(methods)} needs an image, and takes no --channels")
    if arguments.layer and not {PREFERRED, *BY_LAYER}.intersection(methods):
        raise UnsupportedError(f"--layer is for {', '.join((*BY_LAYER, PREFERRED))}: the others are by the input")


def _attributed(
    model: Model, acts: Activations, methods: list[str], arguments: argparse.Namespace
) -> list[Attribution]:
    layer = arguments.layer and chosen_layer(model, arguments.layer)
    target = _target(model, acts, arguments.wanted)
    return [_by(method, model, acts, target, layer) for method in methods]


def _by(method: str, model: Model, acts: Activations, target: int | str, layer: str | None) -> Attribution:
    function: Callable[..., Attribution] = getattr(attribution, method)
    if method in SLOW:
        with progress_shown("step") as progress:
            return function(model, acts, target, progress=progress)
    return function(model, acts, target, **({"layer": layer} if method in BY_LAYER else {}))


def _target(model: Model, acts: Activations, wanted: str | None) -> int | str:
    """Return the class asked for, by its name or its number; by default the strongest."""
    if wanted is not None:
        return int(wanted) if wanted.isdecimal() and wanted not in (model.labels or ()) else wanted
    if acts.output.ndim != 2:
        raise ShapeError(f"attribute: the output is {acts.output.shape[1:]}, no scores of classes: give --class")
    return int(np.argmax(acts.output[0]))


def _drawn(found: list[Attribution], path: Path) -> Path:
    from convlab.view import plot

    path.parent.mkdir(parents=True, exist_ok=True)
    if len(found) == 1:
        plot.attribution(found[0], path=path)
    else:
        plot.attributions(found, path=path)
    return path


def _line(found: Attribution) -> str:
    ends = f"{found.values.min():.4g} to {found.values.max():.4g}"
    return f"  {found.method} of {found.target}, by {found.layer}: {ends}; {found.told}"


def _prefer(model: Model, layer: str, arguments: argparse.Namespace) -> None:
    from convlab.view import plot

    channels = range(model.graph.until(layer).output_shape[-1])[arguments.channels or FEW]
    with progress_shown("step") as progress:
        found = attribution.preferred_input(model, layer, list(channels), progress=progress)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / file_names([f"{layer}-{PREFERRED}"], ".png")[0]
    plot.preferred_inputs(found, path=path)
    if arguments.json:
        pairs = zip(found.channels, found.start.tolist(), found.end.tolist(), found.fired.tolist(), strict=True)
        told = [
            {"channel": channel, "start": start, "end": end, "fired": fired} for channel, start, end, fired in pairs
        ]
        print_json({"layer": found.layer, "steps": found.steps, "channels": told, "picture": str(path)})
    else:
        print("\n".join([printable_lines(repr(found)), printable(str(path))]))
