"""Which methods of attribution look at what a network has learned: weights randomised from the top, maps compared.

    python -m benchmarks.attribution_sanity [--seeds 5] [--out docs/attribution.json]

Adebayo et al., "Sanity checks for saliency maps" (arXiv 1810.03292), section 3: the layers of LeNet-5 lose their
weights one after the other, from the output down, and after each the rank correlation of a method's map with that of
the trained network is taken, over ten pictures. A method whose maps hardly change shows the picture, not the network.
"""

import argparse
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

import convlab
from convlab import attribution
from convlab.model.initialise import randomise
from convlab.model.model import Model

METHODS: dict[str, Callable[..., attribution.Attribution]] = {
    "gradient": attribution.gradient,
    "input_times_gradient": attribution.input_times_gradient,
    "smoothgrad": attribution.smoothgrad,
    "integrated_gradients": attribution.integrated_gradients,
    "grad_cam": attribution.grad_cam,
    "guided_backprop": attribution.guided_backprop,
    "deconvnet": attribution.deconvnet,
}


def curves(seeds: int, methods: dict[str, Callable[..., attribution.Attribution]] = METHODS) -> dict[str, Any]:
    """Return, by method, the mean rank correlation after each layer that lost its weights, and the layers."""
    trained = convlab.load("lenet5")
    x = trained.prepare(pictures())
    acts = trained.run(x)
    classes = acts.output.argmax(axis=1)
    layers = [layer.name for layer in trained.layers if layer.shapes][::-1]
    whole = {name: _maps(trained, method, x, classes) for name, method in methods.items()}
    found = {name: np.zeros((seeds, len(layers))) for name in methods}
    for seed in range(seeds):
        for number, network in enumerate(_forgetting(layers, seed)):
            for name, method in methods.items():
                found[name][seed, number] = rank_correlation(whole[name], _maps(network, method, x, classes))
    return {
        "layers": layers,
        "curves": {name: values.mean(axis=0).round(3).tolist() for name, values in found.items()},
    }


def pictures() -> list[str]:
    """Return the bundled pictures of clothes."""
    folder = resources.files("convlab_weights") / "fashion_mnist"
    return sorted(str(path) for path in folder.iterdir() if path.name.endswith(".png"))


def _forgetting(layers: list[str], seed: int) -> list[Model]:
    """Return the network without the weights of its last layer, of its last two, ..., of all."""
    drawn = convlab.load("lenet5", weights=None)
    randomise(drawn, seed)
    networks = []
    for number in range(1, len(layers) + 1):
        network = convlab.load("lenet5")
        for name in layers[:number]:
            network[name].set_weights(**drawn[name].weights)
        networks.append(network)
    return networks


def _maps(network: Model, method: Callable[..., attribution.Attribution], x: Any, classes: Any) -> np.ndarray:
    """Return the magnitude of a method's maps, (N, H', W'), each for its class."""
    found = []
    for image, number in zip(x, classes, strict=True):
        found.append(np.abs(method(network, network.run(image[None]), int(number)).maps[0]))
    return np.stack(found)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean over images of Spearman's correlation of two maps; of maps that are the same everywhere, 0."""
    values = [_pearson(_ranks(one.ravel()), _ranks(other.ravel())) for one, other in zip(a, b, strict=True)]
    return float(np.mean(values))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value; equal ones have the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2)[place]


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size else 0.0


def main() -> None:
    """Print the curves, and write them where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = curves(arguments.seeds)
    print("| method |", " | ".join(found["layers"]), "|")
    for name, values in found["curves"].items():
        print(f"| {name} |", " | ".join(f"{value:.2f}" for value in values), "|")
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
