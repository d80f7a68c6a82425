"""`convlab run`: record what a network computes for pictures, save it and draw it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convlab.activations import Activations
from convlab.cli.options import add_json, add_model, command, load_model, print_json, table
from convlab.view.scale import Rule


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
        "--scale", choices=("channel", "shared", "standardised"), default="channel", help="of the colours"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run, save and draw each picture."""
    model = load_model(arguments)
    names = [name.strip() for name in (arguments.layers or "").split(",")]
    record = [name for name in names if name] or "all"
    options = {"fit": arguments.fit, "span": arguments.span and tuple(arguments.span)}
    inputs = [model.prepare(image, **options) for image in arguments.images]  # all, so that a bad one stops the rest
    pictures = [
        (image if len(batch) == 1 else f"{image}[{i}]", batch[[i]])
        for image, batch in zip(arguments.images, inputs, strict=True)
        for i in range(len(batch))
    ]
    report = []
    for (image, x), folder in zip(pictures, _folders([image for image, _ in pictures], arguments.out), strict=True):
        acts = model.run(x, record=record)
        written = _write(acts, folder, arguments.scale)
        classifies = [output.ndim for output in acts.outputs.values()] == [2]
        top = acts.top() if classifies else []
        report.append({"image": image, "top": top, "files": [str(path) for path in written]})
        if not arguments.json:
            print("\n".join([image, *table(top), f"  {len(written)} files in {folder}"]))
    if arguments.json:
        print_json({"model": model.name, "images": report})


def _folders(images: Sequence[str], out: Path) -> list[Path]:
    """Return a folder for each image, named after it; a name that comes again gets a number."""
    folders: list[Path] = []
    for image in images:
        stem = Path(image).stem
        names = (out / stem, *(out / f"{stem}-{i}" for i in range(2, len(images) + 1)))
        folders.append(next(folder for folder in names if folder not in folders))
    return folders


def _write(acts: Activations, folder: Path, scale: Rule) -> list[Path]:
    """Save the recording and draw every layer in it; return the files."""
    from tqdm import tqdm

    from convlab.view import plot

    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "activations.h5"]
    acts.save(files[0])
    if set(acts.kinds.values()) != {"Flatten"}:
        files.append(folder / "network.png")
        plot.network(acts, path=files[-1])
    for number, name in enumerate(tqdm(acts, desc="drawing", unit="layer", leave=False, disable=None), 1):
        files.append(folder / f"{number:02}_{name.replace('/', '_')}.png")
        if acts[name].ndim == 2:
            plot.dense(acts, name, path=files[-1])
        else:
            plot.feature_maps(acts, name, scale=scale, path=files[-1])
    return files
