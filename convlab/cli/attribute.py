"""`convlab attribute`: what an answer hangs on, and what a layer looks for, as pictures."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from convlab import attribution
from convlab.attribution.methods import BY_INPUT, BY_LAYER
from convlab.attribution.result import Attribution
from convlab.cli.classes import add_class, asked_class, chosen_class
from convlab.cli.inputs import HELP, SOME_FAILED, Image, read_images, titled
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
from convlab.errors import UnsupportedError
from convlab.model.logits import logits
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.scanning.attributions import folder_attributions
from convlab.storage.file_names import file_names
from convlab.storage.writing import check_folder
from convlab.wording import printable, printable_lines, unknown

SLOW = ("smoothgrad", "integrated_gradients", "occlusion")
PREFERRED = "preferred_input"
MEAN = "the mean over its pictures, of each sub-folder by itself, as of a class"
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
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=f"{HELP}; or a folder: {MEAN}")
    add_class(parser, "its name, or its number (default: the most probable, or the one that a folder is called by)")
    parser.add_argument(
        "--layer", metavar="LAYER", help=f"whose maps are weighted, or whose channels prefer an input: {ONE}"
    )
    parser.add_argument(
        "--channels", type=one_range, metavar="A:B", help=f"of {PREFERRED}: which (default: the first {FEW.stop})"
    )
    parser.add_argument("--steps", type=int, metavar="N", help=f"of {PREFERRED}: how many (default: 30)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("convlab-attribute"),
        metavar="DIR",
        help="a picture in it for each image or folder (default: convlab-attribute)",
    )
    add_fit(parser)
    add_span(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Draw each image's attributions, and the means over folders; or a layer's preferred inputs."""
    check_folder(arguments.out)
    methods = names(arguments.method) or []
    _check(methods, arguments)
    model = load_model(arguments)
    if methods == [PREFERRED]:
        _prefer(model, arguments)
        return 0
    folders = [path for path in arguments.images if Path(path).is_dir()]
    images = read_images(model, [path for path in arguments.images if path not in folders], arguments)
    stems = [f"{image.stem}-{'-'.join(methods)}" for image in images]
    stems += [f"{Path(folder).resolve().name}-{method}" for folder in folders for method in methods]
    paths = (arguments.out / name for name in file_names(stems, ".png"))
    report = [told for image in images for told in _of_image(model, image, methods, next(paths), arguments)]
    means = [_of_folder(model, folder, method, next(paths), arguments) for folder in folders for method in methods]
    if arguments.json:
        print_json(report + means)
    return SOME_FAILED if any(mean["skipped"] for mean in means) else 0


def _of_image(
    model: Model, image: Image, methods: list[str], path: Path, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """Draw and tell what one image's answer hangs on, by each method."""
    acts = model.run(image.inputs)
    target = chosen_class(model, acts, arguments.wanted)
    found = [_by(method, model, acts, target, arguments) for method in methods]
    _draw(found, path)
    if not arguments.json:
        lines = [*(f"  {line}" for line in image.told), *map(_line, found), f"  {path}"]
        print("\n".join(map(printable, [titled(model, image.name), *lines])), flush=True)
    return [{"image": image.name, "picture": str(path), **one.as_dict()} for one in found]


def _of_folder(model: Model, folder: str, method: str, path: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Draw and tell the mean over each class of a folder."""
    from convlab.view import plot

    with progress_shown("picture") as progress:
        found = folder_attributions(
            model,
            folder,
            _function(model, method, arguments),
            asked_class(model, arguments.wanted),
            fit=arguments.fit,
            progress=progress,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    plot.mean_attributions(found.classes, path=path)
    if not arguments.json:
        print(f"{found}\n  {printable(str(path))}", flush=True)
    return {"picture": str(path), **found.as_dict()}


def _check(methods: list[str], arguments: argparse.Namespace) -> None:
    """Refuse what cannot be, before a network is loaded."""
    known = (*BY_LAYER, *BY_INPUT, PREFERRED)
    for method in methods or [""]:
        if method not in known:
            raise UnsupportedError(unknown("method", method, known))
    prefers = PREFERRED in methods
    if prefers and (len(methods) > 1 or arguments.images or not (arguments.layer or arguments.wanted)):
        raise UnsupportedError(f"{PREFERRED} stands alone, and takes --layer or --class, and no images")
    if prefers and arguments.wanted and arguments.channels:
        raise UnsupportedError(f"{PREFERRED}: --class is one of the channels: give it or --channels, not both")
    if not prefers and (not arguments.images or arguments.channels or arguments.steps is not None):
        raise UnsupportedError(
            f"attribute: {', '.join(methods)} needs an image, and takes no --channels and no --steps"
        )
    if arguments.span and any(Path(path).is_dir() for path in arguments.images):
        raise UnsupportedError("attribute: --span is for matrices, and no matrix is read from a folder")
    if arguments.layer and not {PREFERRED, *BY_LAYER}.intersection(methods):
        raise UnsupportedError(f"--layer is for {', '.join((*BY_LAYER, PREFERRED))}: the others are by the input")


def _by(
    method: str, model: Model, acts: Activations, target: int | str, arguments: argparse.Namespace
) -> Attribution:
    function = _function(model, method, arguments)
    if method not in SLOW:
        return function(model, acts, target)
    with progress_shown("step") as progress:
        return function(model, acts, target, progress=progress)


def _function(model: Model, method: str, arguments: argparse.Namespace) -> Callable[..., Attribution]:
    """Return a method, with the layer that is asked for."""
    function: Callable[..., Attribution] = getattr(attribution, method)
    if arguments.layer and method in BY_LAYER:
        return partial(function, layer=chosen_layer(model, arguments.layer))
    return function


def _draw(found: list[Attribution], path: Path) -> None:
    from convlab.view import plot

    path.parent.mkdir(parents=True, exist_ok=True)
    if len(found) == 1:
        plot.attribution(found[0], path=path)
    else:
        plot.attributions(found, path=path)


def _line(found: Attribution) -> str:
    ends = f"{found.values.min():.4g} to {found.values.max():.4g}"
    return f"  {found.method} of {found.target}, by {found.layer}: {ends}; {found.told}"


def _prefer(model: Model, arguments: argparse.Namespace) -> None:
    from convlab.view import plot

    layer = chosen_layer(model, arguments.layer) if arguments.layer else logits(model.graph).removesuffix("/pre")
    wanted = asked_class(model, arguments.wanted)
    channels = range(model.graph.until(layer).output_shape[-1])[arguments.channels or FEW]
    with progress_shown("step") as progress:
        found = attribution.preferred_input(
            model, layer, channels if wanted is None else wanted, steps=arguments.steps, progress=progress
        )
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / file_names([f"{layer}-{PREFERRED}"], ".png")[0]
    plot.preferred_inputs(found, path=path)
    if arguments.json:
        numbers = (found.start.tolist(), found.end.tolist(), found.fired.tolist())
        rows = zip(found.channels, found.names, *numbers, strict=True)
        told = [dict(zip(("channel", "name", "start", "end", "fired"), row, strict=True)) for row in rows]
        print_json({"layer": found.layer, "steps": found.steps, "channels": told, "picture": str(path)})
    else:
        print("\n".join([printable_lines(repr(found)), printable(str(path))]))
