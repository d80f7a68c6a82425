"""Count how often the bundled LeNet-5 is right on Fashion-MNIST's 10,000 test images, run by convlab.

    python -m benchmarks.lenet5_accuracy --data FOLDER --torch

With --torch the same weights also run in PyTorch, and predictions that differ are counted (there are none).
"""

import argparse
import sys
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

import convlab
from convlab_weights.fashion_data import DEBIAN, read_split

BATCH = 500


def convlab_probabilities(x: np.ndarray) -> np.ndarray:
    """Return what convlab computes, (N, 10), for images (N, 28, 28, 1) in 0-1."""
    model = convlab.load("lenet5")
    return np.concatenate([model.predict(x[at : at + BATCH]) for at in range(0, len(x), BATCH)])


def torch_probabilities(x: np.ndarray) -> np.ndarray:
    """Return what PyTorch computes, (N, 10), from the same file for the same images (N, 28, 28, 1)."""
    import torch

    from convlab_weights.train_lenet5 import from_keras

    with as_file(files("convlab_weights") / "lenet5_fashion_mnist.h5") as path, torch.no_grad():
        return from_keras(path)(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lenet5_accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DEBIAN, help="folder of the idx .gz files (%(default)s)")
    parser.add_argument("--torch", action="store_true", help="compare every prediction with PyTorch's")
    options = parser.parse_args()
    try:
        images, labels = read_split(options.data, "t10k")
    except (OSError, ValueError) as error:
        sys.exit(f"lenet5_accuracy: {error}")
    x = (images / 255).astype(np.float32)[..., None]
    ours = convlab_probabilities(x)
    right = np.count_nonzero(ours.argmax(1) == labels)
    print(f"convlab: {right:,} of {len(x):,} right ({right / len(x):.2%})")
    if options.torch:
        theirs = torch_probabilities(x)
        differ = np.count_nonzero(ours.argmax(1) != theirs.argmax(1))
        print(f"PyTorch: {differ} of {len(x):,} predictions differ; ", end="")
        print(f"probabilities by at most {np.abs(ours - theirs).max():.1e}")


if __name__ == "__main__":
    main()
