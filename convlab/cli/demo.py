"""`convlab demo`: the bundled network on a bundled picture."""

import argparse
from importlib import resources
from pathlib import Path
from typing import Any

from convlab import attribution
from convlab.attribution import Attribution
from convlab.cli.options import command, table
from convlab.loading import load
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.storage.writing import check_folder
from convlab.wording import printable

DEMO_IMAGE = "fashion_mnist/shirt.png"
EXPLORE = "To walk through it in a browser, from any number down to the pixels: convlab explore lenet5"


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(commands, "demo", run, "run the bundled LeNet-5 on a bundled picture, figures and all")
    parser.add_argument(
        "--out", type=Path, default=Path("convlab-demo"), metavar="DIR", help="folder for the pictures"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run, draw, save, and print the prediction."""
    from convlab.view import plot

    check_folder(arguments.out)
    model = load("lenet5")
    acts = model.run(model.prepare(str(resources.files("convlab_weights") / DEMO_IMAGE)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    names = ("network.png", "filters_conv1.png", "relu2.png", "why_a_shirt.png", "activations.h5")
    files = [arguments.out / name for name in names]
    plot.network(acts, path=files[0])
    plot.filters(model, "conv1", path=files[1])
    plot.feature_maps(acts, "relu2", path=files[2])
    plot.attributions(_reasons(model, acts), path=files[3])
    acts.save(files[4])
    lines = [f"LeNet-5, trained on Fashion-MNIST, sees {Path(DEMO_IMAGE).name} as:", *table(acts.predictions()), ""]
    print(
        "\n".join(
            [*lines, "What it computed on the way:", *(f"  {printable(str(path))}" for path in files), "", EXPLORE]
        )
    )


def _reasons(model: Model, acts: Activations) -> list[Attribution]:
    """Return where in the picture the answer comes from, as methods of four kinds say."""
    return [
        attribution.gradient(model, acts, "Shirt"),
        attribution.integrated_gradients(model, acts, "Shirt"),
        attribution.grad_cam(model, acts, "Shirt"),
        attribution.occlusion(model, acts, "Shirt"),
    ]
