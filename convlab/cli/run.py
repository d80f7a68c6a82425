"""`convlab run`: record what a network computes for pictures, save it and draw it."""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from convlab.cli.options import (
    add_fit,
    add_json,
    add_model,
    add_span,
    command,
    load_model,
    names,
    prepared,
    print_json,
    table,
)
from convlab.cli.terminal import bar
from convlab.markup.scale import Rule
from convlab.model.model import Model
from convlab.model.sources import RANDOM
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.storage.file_names import file_names
from convlab.storage.writing import check_folder, inner_folder
from convlab.wording import printable


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "run", run, "record what a network computes for pictures, save it and draw it")
    add_model(parser)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="picture, or matrix as .npy")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder in it for each image")
    parser.add_argument("--layers", metavar="NAME,...", help="record and draw only these (default: all)")
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
    check_folder(arguments.out)
    model = load_model(arguments)
    record = names(arguments.layers) or "all"
    pictures = _pictures(model, arguments)  # all, so that a bad one stops the rest
    folders = file_names(Path(picture.path).stem for picture in pictures)
    report = []
    for picture, name in zip(pictures, folders, strict=True):
        acts = model.run(picture.x, record=record)
        folder = inner_folder(arguments.out, name)
        written = _write(acts, folder, arguments.scale)
        if arguments.json:
            report.append(_entry(picture, acts, written))
            continue
        random = f" ({RANDOM})" if model.random_layers else ""
        lines = [printable(f"{picture.name}{random}"), *(f"  {line}" for line in picture.told)]
        lines += table(acts.predictions(), names_are_guessed=model.labels_assumed)
        print("\n".join([*lines, f"  {len(written)} files in {printable(str(folder))}"]))
    if arguments.json:
        print_json({"model": model.name, "notes": list(model.notes), "images": report})


class _Picture(NamedTuple):
    """One picture: its file, what to call it, the network's input (1, ...), and what was done to it."""

    path: str
    name: str
    x: Array
    told: list[str]


def _pictures(model: Model, arguments: argparse.Namespace) -> list[_Picture]:
    """Return every picture, prepared: a file of several matrices has as many."""
    pictures = []
    for path in arguments.images:
        batch, told = prepared(model, path, arguments)
        names = [path] if len(batch) == 1 else [f"{path}[{i}]" for i in range(len(batch))]
        pictures += [_Picture(path, name, batch[[i]], told) for i, name in enumerate(names)]
    return pictures


def _entry(picture: _Picture, acts: Activations, written: list[Path]) -> dict[str, Any]:
    """Return what JSON says of a picture."""
    found = acts.predictions()
    return {
        "image": picture.name,
        "prepared": picture.told,
        "top": acts.top() if len(found) == 1 and found[0].scores else [],
        "predictions": [prediction.as_dict() for prediction in found],
        "files": [str(path) for path in written],
    }


def _write(acts: Activations, folder: Path, scale: Rule) -> list[Path]:
    """Save the recording and draw every layer in it; return the files."""
    from convlab.view import plot

    files = [folder / "activations.h5"]
    acts.save(files[0])
    if set(acts.kinds.values()) != {"Flatten"}:
        files.append(folder / "network.png")
        plot.network(acts, path=files[-1])
    drawn = file_names((f"{number:02}_{name}" for number, name in enumerate(acts, 1)), ".png")
    for name, file in zip(bar(iterable=acts, desc="drawing", unit="layer", leave=False), drawn, strict=True):
        files.append(folder / file)
        if acts[name].ndim == 2:
            plot.dense(acts, name, path=files[-1])
        else:
            plot.feature_maps(acts, name, scale=scale, path=files[-1])
    return files
