"""Measure VGG16 with seeded weights on a photograph at 224 x 224, everything recorded, each time in a fresh process.

    python -m benchmarks.vgg16 PHOTO --repeat 5

prints the median, the least and the most of: seconds to import, to load, to prepare, to run for the first and for the
second time, and the peak of the process's memory.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

MEASURES = ("import", "load", "prepare", "first run", "second run", "peak memory")


def measure(photo: Path) -> dict[str, float]:
    """Do everything once: seconds by step, and the peak of memory in GB."""
    seconds, start = [], perf_counter()

    def lap() -> None:
        nonlocal start
        now = perf_counter()
        seconds.append(now - start)
        start = now

    import convlab

    lap()
    model = convlab.load("vgg16", weights=0)
    lap()
    x = model.prepare(photo)
    lap()
    for _ in range(2):
        model.run(x)
        lap()
    units = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * units / 1e9
    return dict(zip(MEASURES, [*seconds, peak], strict=True))


def in_fresh_process(photo: Path) -> dict[str, float]:
    """Run `measure` in an interpreter of its own."""
    command = [sys.executable, "-m", "benchmarks.vgg16", str(photo), "--once"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vgg16", description=__doc__.split("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--repeat", type=int, default=5, help="fresh processes (%(default)s)")
    parser.add_argument("--once", action="store_true", help="measure in this process, print JSON")
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure(options.photo)))
        return
    from convlab.bench.host import in_a_line  # not in the fresh processes, which time the import of convlab

    runs = [in_fresh_process(options.photo) for _ in range(options.repeat)]
    print(f"vgg16, seed 0, {options.photo.name}, {options.repeat} fresh processes; {in_a_line()}")
    print(f"{'':12}{'median':>10}{'least':>10}{'most':>10}")
    for name in MEASURES:
        values = [run[name] for run in runs]
        unit = "GB" if name == "peak memory" else "s"
        numbers = "".join(f"{value:>10.3f}" for value in (statistics.median(values), min(values), max(values)))
        print(f"{name:12}{numbers} {unit}")


if __name__ == "__main__":
    main()
