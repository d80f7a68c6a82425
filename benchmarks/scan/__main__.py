"""Time scans beside PyTorch and Keras, in turns, each in a fresh process, and check that the features agree.

    python -m benchmarks.scan PHOTOGRAPHS --turns 3 --out benchmarks/results/scan.json --work /tmp/scan

VGG16 over JPEGs of 500 x 375 (seeded crops of the photographs), LeNet-5 over an array of images of noise, each by one
worker of one thread, by two, and by one of two threads. Each framework is timed with and without workers that decode;
the faster counts. A timing is written when it is there, and one that is written is not taken again: with `--once` a
call takes the next one alone, so that a machine need be quiet no longer than that. `--work DIR` keeps the pictures
from call to call, and the features that others are compared with.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.scan.crops import write_crops
from convlab.bench.host import in_a_line

CLOSE = 2e-3  # of the largest feature: what float32 in another order gives over sixteen layers
OURS, OUR_THREADS = "ours, workers: {}, threads: {}", ((1, 1), (2, 1), (1, 2))
PEERS = (("torch", 0), ("torch", 2), ("keras", 1), ("keras", 2))
WAYS = {OURS.format(*each): ("ours", *each) for each in OUR_THREADS} | {
    f"{way}, workers: {workers}": (way, workers, 0) for way, workers in PEERS
}
"""What each is called, who does it, with how many workers, and threads for each (0: as many as it likes)."""


def time_way(way: tuple[str, int, int], network: str, source: Path, out: Path) -> tuple[float, float]:
    """Return the seconds that a way takes, and those of the whole process, which imports it and loads the network."""
    name, workers, threads = way
    command = [sys.executable, "-m", "benchmarks.scan.ways", name, network, str(source), str(out)]
    environment = {"KERAS_BACKEND": "torch"} | os.environ | ({"CONVLAB_THREADS": str(threads)} if threads else {})
    began = perf_counter()
    told = subprocess.run(
        [*command, "--workers", str(workers)], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return float(json.loads(told.stdout.splitlines()[-1])), perf_counter() - began


def take(report: dict[str, Any], network: str, name: str, source: Path, work: Path) -> None:
    """Take one more timing of a way, after its features were compared with those of the first."""
    out = work / network / name.replace(", ", "-").replace(": ", "")
    seconds, whole = time_way(WAYS[name], network, source, out)
    first, found = (np.load(path / "features.npy") for path in (work / network / "first", out))
    difference = np.abs(first - found).max() / np.abs(first).max()
    assert difference < CLOSE, f"{network} {name}: the features differ by {difference:.2g} of the largest"
    for kind, each in (("seconds", seconds), ("whole process", whole)):
        report[network][kind].setdefault(name, []).append(round(each, 3))
    print(f"{network} {name}: {seconds:.2f} s, {whole:.2f} with its imports", flush=True)


def tell(report: dict[str, Any]) -> None:
    """Print how the ways compare, from the network loaded to the features written, and in whole processes."""
    for network in ("lenet5", "vgg16"):
        for kind in ("seconds", "whole process"):
            median = {name: statistics.median(each) for name, each in report[network][kind].items()}
            best = min(value for name, value in median.items() if not name.startswith("ours"))
            for name, value in median.items():
                print(f"{network} {kind} {name}: {value:.2f} s, {value / best:.2f} of the faster peer's")
            two = median[OURS.format(1, 1)] / median[OURS.format(2, 1)]
            print(f"{network} {kind}: two workers {two:.2f} times as fast as one")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan", description=__doc__.split("\n")[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--arrays", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--once", action="store_true", help="take the next timing alone; exit status 3: more are left"
    )
    options = parser.parse_args()
    report: dict[str, Any] = {"machine": in_a_line(), "pictures": options.pictures, "arrays": options.arrays}
    report |= {network: {"seconds": {}, "whole process": {}} for network in ("lenet5", "vgg16")}
    if options.out.exists():
        report |= json.loads(options.out.read_text())
        assert (report["pictures"], report["arrays"]) == (options.pictures, options.arrays), "another measurement"
    sources = {"lenet5": options.work / "images.npy", "vgg16": options.work / "jpegs"}
    if not options.work.exists():
        write_crops(options.photographs, sources["vgg16"], options.pictures)
        images = np.random.default_rng(0).integers(0, 256, (options.arrays, 28, 28)).astype(np.uint8)
        np.save(sources["lenet5"], images)
    for network, source in sources.items():
        if not (options.work / network).exists():
            time_way(("ours", 2, 1), network, source, options.work / network / "first")  # also compiles what is new
    for turn in range(options.turns):
        for network, source in sources.items():
            for name in WAYS:
                if len(report[network]["seconds"].get(name, [])) == turn:
                    take(report, network, name, source, options.work)
                    options.out.write_text(json.dumps(report, indent=1) + "\n")
                    if options.once:
                        return
    tell(report)


if __name__ == "__main__":
    main()
