"""A few kernels on an NVIDIA GPU, right and how fast, in two minutes: the first thing where none has ever run.

    python -m benchmarks.gpu.smoke [--minutes 2]

prints a line of each, and stops with the traceback where nothing of ours can be launched.
"""

import argparse
import sys
from collections.abc import Iterator

from benchmarks.gpu.checkout import run
from benchmarks.gpu.plan import Task

SECONDS = 40.0
"""After which a task is given up."""
LAYERS = {  # of plan.LAYERS: the contestants
    5: ("implicit_gemm", "cuBLAS", "tensor_core", "torch TF32", "tensor_core_3x", "winograd", "torch", "winograd2x2"),
    8: ("implicit_gemm", "cuBLAS", "tensor_core", "torch TF32"),
    0: ("implicit_gemm", "direct", "tiled", "blocked"),
}
NETWORKS = ("convlab predict", "convlab predict TF32")


def main() -> int:
    from benchmarks.gpu.session import Ask, asked, with_gpu  # which need the process that `run` makes

    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.smoke", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=2.0, help="for everything (default: 2)")
    options = parser.parse_args()

    def measure(ask: Ask) -> None:
        asked(list(tasks()), ask, 60 * options.minutes, lambda outcome: None)

    return with_gpu(measure)


def tasks() -> Iterator[Task]:
    """Yield what is measured, the most telling first."""
    yield from (Task("facts"), Task("launch", needed=True))
    for layer, names in LAYERS.items():
        for name in names:
            yield Task("layer", {"layer": layer, "batch": 32, "name": name}, limit=SECONDS)
    for batch in (1, 32):
        for name in NETWORKS:
            yield Task("network", {"network": "vgg16", "batch": batch, "name": name}, limit=SECONDS)


if __name__ == "__main__":
    sys.exit(run("benchmarks.gpu.smoke"))
