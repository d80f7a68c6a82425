"""Load VGG16 and predict once with one package; print the answer, the times and the peak of memory as JSON.

    python -m benchmarks.vgg16.once convlab|PyTorch VGG16.h5 THREADS

Nothing is imported that the package itself would not.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

SIDE = 224
UNITS = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
LOAD, LOAD_AND_PREDICT, PEAK = MEASURED = ("seconds to load", "seconds to load and predict", "GB")

Predicting = Callable[[Any], Any]
Loading = Callable[[], Predicting]


def picture() -> Any:
    """Return the same noise for both, (1, 224, 224, 3)."""
    return np.random.default_rng(0).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)


def convlab_ready(path: Path, _: int) -> Loading:
    """Import convlab, which takes all cores."""
    import convlab

    def load() -> Predicting:
        return convlab.load("vgg16", weights=path).predict

    return load


def torch_ready(path: Path, threads: int) -> Loading:
    """Import PyTorch."""
    import torch

    from benchmarks.vgg16.torch_network import read_vgg16

    torch.set_num_threads(threads)

    def load() -> Predicting:
        network = read_vgg16(path)

        def predict(x: Any) -> Any:
            with torch.inference_mode():
                return network(torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()).numpy()

        return predict

    return load


READY: dict[str, Callable[[Path, int], Loading]] = {"convlab": convlab_ready, "PyTorch": torch_ready}


def measure(name: str, path: Path, threads: int) -> dict[str, Any]:
    """Return the answer, the seconds of loading alone and with the first prediction, and the peak of memory in GB."""
    load, x = READY[name](path, threads), picture()
    start = perf_counter()
    predict = load()
    loaded = perf_counter()
    y = predict(x)
    return {
        "answer": y.ravel().tolist(),
        LOAD: loaded - start,
        LOAD_AND_PREDICT: perf_counter() - start,
        PEAK: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNITS / 1e9,
    }


def main() -> None:
    name, path, threads = sys.argv[1:]
    print(json.dumps(measure(name, Path(path), int(threads))))


if __name__ == "__main__":
    main()
