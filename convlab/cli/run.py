"""`convlab run`: record what a network computes for pictures, save it and draw it."""

import argparse
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

from convlab.cli.inputs import HELP, Image, read_images, titled
from convlab.cli.layers import add_layers, chosen_channels, chosen_layers, ranges
from convlab.cli.options import (
    add_fit,
    add_json,
    add_labels,
    add_model,
    add_span,
    command,
    load_model,
    print_json,
    table,
)
from convlab.cli.terminal import bar, layers_shown
from convlab.recording.activations import Activations
from convlab.recording.neurons import Neuron
from convlab.storage.file_names import file_names
from convlab.storage.writing import check_folder, inner_folder
from convlab.wording import printable

MOST = 64  # MiB of a recording that is saved unasked


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "run", run, "record what a network computes for pictures, save it and draw it")
    add_model(parser)
    add_labels(parser)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=HELP)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("convlab-run"),
        metavar="DIR",
        help="a folder in it for each image, and index.html (default: convlab-run)",
    )
    add_layers(parser, "record and draw only these")
    parser.add_argument("--channels", type=ranges, metavar="K,...", help="draw only these: 0,5,8:16 (default: all)")
    parser.add_argument("--top", type=_count, metavar="K", help="print the K strongest units of each recorded layer")
    parser.add_argument(
        "--recording", action="store_true", help=f"save activations.h5 also where it takes more than {MOST} MiB"
    )
    add_fit(parser)
    add_span(parser)
    parser.add_argument(
        "--scale",
        choices=("channel", "shared", "standardised"),
        default="channel",
        help="whether each channel has colours of its own, all one scale, or each is standardised first",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run, save and draw each picture."""
    from convlab.view.index_page import Entry, check_index, described, write_index
    from convlab.view.run_folder import write_folder

    check_folder(arguments.out)
    check_index(arguments.out)
    model = load_model(arguments)
    record = chosen_layers(model, arguments.layers) or [node.name for node in model.nodes]
    shapes = {name: model.shapes[name.removesuffix("/pre")] for name in record}
    channels = {} if arguments.channels is None else chosen_channels(shapes, arguments.channels)
    size = 4 * sum(map(prod, shapes.values()))
    recording = arguments.recording or size <= MOST * 2**20
    images = read_images(model, arguments.images, arguments)
    entries, report = [], []
    for image, stem in zip(images, file_names(image.stem for image in images), strict=True):
        with layers_shown("computing", len(model.nodes)):
            acts = model.run(image.inputs, record=record)
        folder = inner_folder(arguments.out, stem)
        written = write_folder(
            acts, folder, scale=arguments.scale, channels=channels, recording=recording, steps=_shown
        )
        lines = [
            *(f"  {line}" for line in image.told),
            *table(acts.predictions(), names_are_guessed=model.labels_assumed),
        ]
        lines += _strongest(acts, arguments.top)
        if not recording:
            lines.append(f"  activations.h5 is left out, {size / 2**20:.0f} MiB: --recording saves it")
        title = titled(model, image.name)
        entries.append(Entry(title, lines, written, described(acts)))
        report.append(_entry(image, acts, written.files, arguments.top))
        if not arguments.json:
            files = f"  {len(written.files)} files in {printable(str(folder))}"
            print("\n".join([printable(title), *lines, files]), flush=True)
    page = write_index(arguments.out, model.title, model.notes, entries)
    if arguments.json:
        print_json({"model": model.name, "notes": list(model.notes), "images": report, "index": str(page)})
    else:
        print(printable(str(page)))


def _shown(names: Iterable[str]) -> Iterator[str]:
    """Yield names of layers, and show on a terminal which one is being drawn."""
    names = list(names)
    with bar(total=len(names), unit="layer", leave=False) as shown:
        for name in names:
            shown.set_description(printable(f"drawing {name}"))
            yield name
            shown.update()
        shown.set_description("drawing network.png")


def _strongest(acts: Activations, count: int | None) -> list[str]:
    """Return lines that name the strongest units of each layer."""
    if count is None:
        return []
    lines = [f"  the strongest units of each layer, {count} at most: value at (row, column, channel), or (unit)"]
    for name in acts:
        units = ", ".join(f"{unit.value:.4g} at {_place(unit)}" for unit in acts.neurons(name, count))
        lines.append(printable(f"    {name}: {units or 'none'}"))
    return lines


def _place(unit: Neuron) -> str:
    return f"({', '.join(map(str, unit.index))})"


def _entry(image: Image, acts: Activations, files: list[Path], count: int | None) -> dict[str, Any]:
    """Return what JSON says of a picture."""
    found = acts.predictions()
    strongest = {layer: [list(unit) for unit in acts.neurons(layer, count)] for layer in acts} if count else {}
    return {
        "image": image.name,
        "prepared": image.told,
        "top": acts.top() if len(found) == 1 and found[0].scores else [],
        "predictions": [prediction.as_dict() for prediction in found],
        "files": [str(path) for path in files],
        **({"strongest": strongest} if count else {}),
    }


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number of at least 1")
    return int(text)
