"""`convlab run`: record what a network computes for pictures, save it and draw it."""

import argparse
from pathlib import Path
from typing import Any

from convlab.cli.options import add_json, add_model, command, load_model, names, print_json, table
from convlab.cli.terminal import bar
from convlab.markup.scale import Rule
from convlab.recording.activations import Activations
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
    parser.add_argument(
        "--fit", choices=("crop", "stretch"), default="crop", help="how a picture gets the input's shape"
    )
    parser.add_argument(
        "--span", nargs=2, type=float, metavar=("LOW", "HIGH"), help="values of a matrix that mean black and white"
    )
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
    options = {"fit": arguments.fit, "span": arguments.span and tuple(arguments.span)}
    inputs = [model.prepare(image, **options) for image in arguments.images]  # all, so that a bad one stops the rest
    pictures = [
        (image if len(batch) == 1 else f"{image}[{i}]", Path(image).stem, batch[[i]])
        for image, batch in zip(arguments.images, inputs, strict=True)
        for i in range(len(batch))
    ]
    folders = file_names(stem for _, stem, _ in pictures)
    report = []
    for (image, _, x), name in zip(pictures, folders, strict=True):
        acts = model.run(x, record=record)
        folder = inner_folder(arguments.out, name)
        written = _write(acts, folder, arguments.scale)
        classifies = [output.ndim for output in acts.outputs.values()] == [2]
        top = acts.top() if classifies else []
        report.append({"image": image, "top": top, "files": [str(path) for path in written]})
        if not arguments.json:
            print("\n".join([printable(image), *table(top), f"  {len(written)} files in {printable(str(folder))}"]))
    if arguments.json:
        print_json({"model": model.name, "images": report})


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
