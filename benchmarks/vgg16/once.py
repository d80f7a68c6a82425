"""Load VGG16 and predict once with one package, and print the answer and the peak of this process's memory as JSON.

    python -m benchmarks.vgg16.once convlab|PyTorch VGG16.h5 THREADS

Nothing is imported that the package itself would not.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 224


def picture() -> Any:
    """Return the same noise for both, (1, 224, 224, 3)."""
    return np.random.default_rng(0).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)


def convlab_once(path: Path, _: int) -> Any:
    """Load and predict with convlab, which takes all cores."""
    import convlab

    return convlab.load("vgg16", weights=path).predict(picture())


def torch_once(path: Path, threads: int) -> Any:
    """Load and predict with PyTorch."""
    import torch

    from benchmarks.vgg16.torch_network import read_vgg16

    torch.set_num_threads(threads)
    network = read_vgg16(path)
    with torch.inference_mode():
        return network(torch.from_numpy(picture()).permute(0, 3, 1, 2).contiguous()).numpy()


ONCE = {"convlab": convlab_once, "PyTorch": torch_once}


def measure(name: str, path: Path, threads: int) -> dict[str, Any]:
    """Return the answer and the peak of this process's memory in GB."""
    y = ONCE[name](path, threads)
    units = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * units / 1e9, "answer": y.ravel().tolist()}


def main() -> None:
    name, path, threads = sys.argv[1:]
    print(json.dumps(measure(name, Path(path), int(threads))))


if __name__ == "__main__":
    main()
