"""The command `convlab`."""

import argparse
import io
import json
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from convlab import __version__
from convlab.activations import Activations
from convlab.errors import ConvlabError
from convlab.explanation import explain
from convlab.model import Model
from convlab.view.scale import Rule
from convlab.zoo import ZOO, load

DEMO_IMAGE = "fashion_mnist/shirt.png"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 1 for an error. Wrong usage exits with 2."""
    arguments = _parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: print(f"convlab: warning: {message}", file=sys.stderr)
        try:
            arguments.run(arguments)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read the output has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (ConvlabError, OSError) as error:
            print(f"convlab: error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("convlab: stopped", file=sys.stderr)
            return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("convlab", description="See inside a convolutional network.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = _command(commands, "demo", run_demo, "run the bundled LeNet-5 on a bundled picture, figures and all")
    demo.add_argument("--out", type=Path, default=Path("convlab-demo"), metavar="DIR", help="folder for the pictures")

    summary = _command(commands, "summary", run_summary, "print the layers, their shapes, costs and receptive fields")
    _add_model(summary)
    summary.add_argument("--json", action="store_true", help="print JSON")

    run = _command(commands, "run", run_run, "record what a network computes for pictures, save it and draw it")
    _add_model(run)
    run.add_argument("images", nargs="+", metavar="IMAGE", help="picture, or matrix as .npy")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder in it for each image")
    run.add_argument("--layers", metavar="NAME,...", help="record and draw only these (default: all)")
    run.add_argument(
        "--fit", choices=("crop", "stretch"), default="crop", help="how a picture gets the input's shape"
    )
    run.add_argument(
        "--span", nargs=2, type=float, metavar=("LOW", "HIGH"), help="values of a matrix that mean black and white"
    )
    run.add_argument(
        "--scale", choices=("channel", "shared", "standardised"), default="channel", help="of the colours"
    )
    run.add_argument("--json", action="store_true", help="print JSON")

    filters = _command(commands, "filters", run_filters, "draw the kernels of a convolution layer")
    _add_model(filters)
    filters.add_argument("layer", metavar="LAYER")
    filters.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write")
    filters.add_argument(
        "--outputs",
        type=_slice,
        metavar="A:B",
        help="which output channels, as in Python: 0:16, 5, =-8: (the last 8)",
    )
    filters.add_argument("--inputs", type=_slice, metavar="A:B", help="which input channels")
    filters.add_argument("--scale", choices=("channel", "shared"), default="channel", help="of the colours")

    why = _command(commands, "explain", run_explain, "show how one number came about, step by step")
    _add_model(why)
    why.add_argument("image", metavar="IMAGE", help="picture, or matrix as .npy")
    why.add_argument("layer", metavar="LAYER")
    why.add_argument("--at", type=_place, default=(0, 0), metavar="Y,X", help="row and column in the layer's output")
    why.add_argument("--channel", type=int, default=0, metavar="K", help="channel, or unit of a dense layer")
    why.add_argument("--out", type=Path, metavar="FILE", help="picture to write")
    why.add_argument("--json", action="store_true", help="print JSON")

    fetch = _command(commands, "fetch", run_fetch, "download a registered weight file")
    fetch.add_argument("name", metavar="NAME", help="a registered name, such as vgg16 or vgg16_notop")
    fetch.add_argument("--out", type=Path, metavar="DIR", help="folder (default: the user's cache)")
    return parser


def _command(commands: Any, name: str, run: Any, help_line: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_line, description=help_line)
    parser.set_defaults(run=run)
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=", ".join(ZOO))
    parser.add_argument("--no-top", action="store_true", help="leave out the dense layers")
    parser.add_argument("--weights", metavar="FILE", help="Keras weight file, or a number: seed of random weights")


def _slice(text: str) -> slice:
    try:
        return slice(*(int(part) if part else None for part in text.split(":"))) if ":" in text else _one(int(text))
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError(f"{text!r} is no range: 0:16, -8: or 5") from None


def _place(text: str) -> tuple[int, int]:
    try:
        y, x = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no place: give row and column as 10,20") from None
    return y, x


def _one(index: int) -> slice:
    return slice(index, index + 1 or None)


def _load(arguments: argparse.Namespace, default: str | None) -> Model:
    weights = arguments.weights or default
    source = int(weights) if weights and weights.isdecimal() else weights
    return load(arguments.model, source, include_top=not arguments.no_top)


def run_summary(arguments: argparse.Namespace) -> None:
    """`convlab summary`."""
    model = _load(arguments, None)
    summary = model.summary()
    print(json.dumps(summary.as_dict()) if arguments.json else summary)


def run_fetch(arguments: argparse.Namespace) -> None:
    """`convlab fetch`."""
    from tqdm import tqdm

    from convlab.files.download import fetch

    with tqdm(unit="B", unit_scale=True, unit_divisor=1024, desc=arguments.name, disable=None) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        path = fetch(arguments.name, arguments.out, progress)
    print(path)


def run_filters(arguments: argparse.Namespace) -> None:
    """`convlab filters`."""
    from convlab.view import plot

    model = _load(arguments, "pretrained")
    plot.filters(
        model,
        arguments.layer,
        outputs=arguments.outputs,
        inputs=arguments.inputs,
        scale=arguments.scale,
        path=arguments.out,
    )
    print(arguments.out)


def run_explain(arguments: argparse.Namespace) -> None:
    """`convlab explain`."""
    model = _load(arguments, "pretrained")
    acts = model.run(model.prepare(arguments.image))
    y, x = arguments.at
    why = explain(model, acts, arguments.layer, y, x, arguments.channel)
    if arguments.out:
        from convlab.view import plot

        plot.explanation(why, acts, path=arguments.out)
    print(json.dumps(why.as_dict()) if arguments.json else why)


def run_demo(arguments: argparse.Namespace) -> None:
    """`convlab demo`."""
    from convlab.view import plot

    model = load("lenet5")
    acts = model.run(model.prepare(str(resources.files("convlab_weights") / DEMO_IMAGE)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    names = ("network.png", "filters_conv1.png", "relu2.png", "activations.h5")
    files = [arguments.out / name for name in names]
    plot.network(acts, path=files[0])
    plot.filters(model, "conv1", path=files[1])
    plot.feature_maps(acts, "relu2", path=files[2])
    acts.save(files[3])
    lines = [f"LeNet-5, trained on Fashion-MNIST, sees {Path(DEMO_IMAGE).name} as:", *_table(acts.top()), ""]
    print("\n".join([*lines, "What it computed on the way:", *(f"  {path}" for path in files)]))


def run_run(arguments: argparse.Namespace) -> None:
    """`convlab run`."""
    model = _load(arguments, "pretrained")
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
        top = acts.top() if acts.output.ndim == 2 else []
        report.append({"image": image, "top": top, "files": [str(path) for path in written]})
        if not arguments.json:
            print("\n".join([image, *_table(top), f"  {len(written)} files in {folder}"]))
    if arguments.json:
        print(json.dumps({"model": model.name, "images": report}))


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
        if acts[name].ndim == 4:
            plot.feature_maps(acts, name, scale=scale, path=files[-1])
        else:
            plot.dense(acts, name, path=files[-1])
    return files


def _table(top: list[tuple[str, float]]) -> list[str]:
    return [f"  {probability:6.1%}  {label}" for label, probability in top]


if __name__ == "__main__":
    sys.exit(main())
