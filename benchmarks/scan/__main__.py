"""Time scans beside PyTorch and Keras, in turns, each in a fresh process, and check that the features agree.

    python -m benchmarks.scan PHOTOGRAPHS --pictures 400 --arrays 10000 --turns 3 --out benchmarks/results/scan.json

VGG16 over JPEGs of 500 x 375 (seeded crops of the photographs), LeNet-5 over an array of images of noise, each by one
worker and by two. Each framework is timed with and without workers that decode; the faster counts. Run it on a
machine that does nothing else.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.scan.crops import write_crops
from convlab.bench.host import in_a_line

CLOSE = 2e-3  # of the largest feature: what float32 in another order gives over sixteen layers


def time_way(way: str, network: str, source: Path, out: Path, workers: int) -> float:
    """Return the seconds that a way takes, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scan.ways", way, network, str(source), str(out)]
    environment = os.environ | {"KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "torch")}
    told = subprocess.run(
        [*command, "--workers", str(workers)], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return float(json.loads(told.stdout.splitlines()[-1]))


def compare(network: str, source: Path, ways: list[tuple[str, int]], turns: int, folder: Path) -> dict[str, Any]:
    """Return the seconds of each way in each turn, after the features were compared."""
    seconds: dict[str, list[float]] = {}
    for turn in range(turns):
        for way, workers in ways:
            name, out = f"{way}, workers: {workers}", folder / f"{network}-{way}-{workers}-{turn}"
            seconds.setdefault(name, []).append(time_way(way, network, source, out, workers))
            print(f"{network} {name}: {seconds[name][-1]:.2f} s", flush=True)
            first, found = (
                np.load(path / "features.npy") for path in (folder / f"{network}-ours-{ways[0][1]}-0", out)
            )
            difference = np.abs(first - found).max() / np.abs(first).max()
            assert difference < CLOSE, f"{network} {name}: the features differ by {difference:.2g} of the largest"
    return {"seconds": seconds, "median": {name: statistics.median(each) for name, each in seconds.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan", description=__doc__.split("\n")[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--arrays", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    peers = [("torch", 0), ("torch", 2), ("keras", 1), ("keras", 2)]
    report: dict[str, Any] = {"machine": in_a_line(), "pictures": options.pictures, "arrays": options.arrays}
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_crops(options.photographs, folder / "jpegs", options.pictures)
        images = np.random.default_rng(0).integers(0, 256, (options.arrays, 28, 28)).astype(np.uint8)
        np.save(folder / "images.npy", images)
        report["lenet5"] = compare(
            "lenet5", folder / "images.npy", [("ours", 1), ("ours", 2), *peers], options.turns, folder
        )
        report["vgg16"] = compare(
            "vgg16", folder / "jpegs", [("ours", 2), ("ours", 1), *peers], options.turns, folder
        )
    for network in ("lenet5", "vgg16"):
        median = report[network]["median"]
        best = min(value for name, value in median.items() if not name.startswith("ours"))
        mine = min(value for name, value in median.items() if name.startswith("ours"))
        two = median["ours, workers: 1"] / median["ours, workers: 2"]
        print(f"{network}: {mine / best:.2f} of the faster peer's time; two workers {two:.2f} times as fast as one")
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
