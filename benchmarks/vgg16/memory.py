"""Measure a process that loads VGG16 from Keras' HDF5 file and predicts once, and the time to import.

    python -m benchmarks.vgg16.memory VGG16.h5 --repeat 5

prints what loading takes in a process with convlab and in one with PyTorch, both reading the same file
(`benchmarks.peers` leaves one in its folder), and the peak of memory; and how long `import convlab` and
`import numpy` take in processes that do nothing else.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.vgg16.once import MEASURED, PEAK
from convlab.bench import host
from convlab_kernels.cpu.runtime.threads import CORES

PACKAGES = ("convlab", "PyTorch")
IMPORT = "from time import perf_counter; start = perf_counter(); import {}; print(perf_counter() - start)"


def in_fresh_process(*arguments: str) -> Any:
    """Return what an interpreter of its own prints, read as JSON."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def loading(path: Path, repeat: int) -> dict[str, dict[str, list[float]]]:
    """Return for each of MEASURED name -> values; both must give the same answer."""
    found: dict[str, dict[str, list[float]]] = {what: {name: [] for name in PACKAGES} for what in MEASURED}
    answers = {}
    for _ in range(repeat):
        for name in PACKAGES:
            result = in_fresh_process("-m", "benchmarks.vgg16.once", name, str(path), str(CORES))
            for what, values in found.items():
                values[name].append(result[what])
            answers[name] = np.array(result["answer"])
    ours, theirs = answers.values()
    if not np.allclose(ours, theirs, rtol=1e-4, atol=1e-7):  # a thousand probabilities
        sys.exit(f"benchmarks.vgg16.memory: convlab and PyTorch differ by {np.abs(ours - theirs).max():.1e}")
    return found


def imports(repeat: int) -> dict[str, list[float]]:
    """Return package -> seconds to import it, in turns."""
    found: dict[str, list[float]] = {"numpy": [], "convlab": []}
    for _ in range(repeat):
        for name, values in found.items():
            values.append(in_fresh_process("-c", IMPORT.format(name)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vgg16.memory", description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path, help="VGG16 or its weights, saved by Keras (HDF5)")
    parser.add_argument("--repeat", type=int, default=5, help="processes each (%(default)s); thrice for imports")
    parser.add_argument("--out", type=Path, help="write JSON here")
    options = parser.parse_args()
    results = loading(options.file, options.repeat) | {"seconds to import": imports(3 * options.repeat)}
    for unit, found in results.items():
        for name, values in found.items():
            print(f"{name:10}{median(values):>8.3f}{min(values):>8.3f}{max(values):>8.3f}  {unit}")
    ours, theirs = (median(values) for values in results[PEAK].values())
    print(f"convlab / PyTorch, memory: {ours / theirs:.2f}")
    if options.out:
        options.out.write_text(json.dumps({"machine": host.facts(), **results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
