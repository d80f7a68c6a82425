"""Measure how the cost of each method grows with the batch, the side of the image and the channels.

    python -m benchmarks.growth [--methods im2col,winograd,torch] [--repeats 3] [--out benchmarks/results/growth]

writes OUT.json and OUT.png: median times over each of the three on logarithmic axes, and the slope of the line of
least squares through them. Of one method a slope of 1 means that twice the size takes twice the time; the
definition's operations grow with the batch by 1, with the side by 2, and with the channels (in and out) by 2.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.headings import TITLE
from convlab.bench.convolutions import Case, bench_conv
from convlab.bench.report import CaseResult, Report
from convlab.bench.roofline import colours_of
from convlab.view.figure_style import FAINT, INK, axes_at, page
from convlab.view.saving import save

AXES = {
    "batch": ((1, 2, 4, 8, 16), lambda n: Case((28, 28, 64), 64, batch=n)),
    "side": ((14, 28, 56, 112), lambda n: Case((n, n, 64), 64)),
    "channels": ((16, 32, 64, 128, 256), lambda n: Case((28, 28, n), n)),
}
FIXED = {"batch": "28 × 28, 64 channels", "side": "batch 1, 64 channels", "channels": "batch 1, 28 × 28"}
OPERATIONS = {"batch": 1, "side": 2, "channels": 2}  # slopes of the definition


def slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the exponent of the power of the size that fits the times best."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def lines(axis: str, cases: Sequence[CaseResult]) -> Iterator[tuple[str, list[int], list[float], float]]:
    """Yield for each method that was timed at two sizes or more: its name, the sizes, the medians, the slope."""
    times: dict[str, dict[int, float]] = {}
    for size, case in zip(AXES[axis][0], cases, strict=True):
        for result, run in case.timed:
            times.setdefault(result.method, {})[size] = run.median
    for method, found in times.items():
        if len(found) > 1:
            sizes, seconds = list(found), list(found.values())
            yield method, sizes, seconds, slope(sizes, seconds)


def split(report: Report) -> dict[str, Sequence[CaseResult]]:
    """Return the cases of each axis."""
    cases = iter(report.cases)
    return {axis: [next(cases) for _ in sizes] for axis, (sizes, _) in AXES.items()}


def draw(report: Report, path: Path) -> None:
    figure, colours = page(13.6, 4.9), colours_of(report.cases)
    figure.text(0.05, 0.935, "How the time of a 3 × 3 convolution grows", **TITLE)
    note = f"medians; numbers are the slopes; dotted: the definition's operations\n{report.machine}"
    figure.text(0.05, 0.9, note, fontsize=7.5, color=FAINT, va="top")
    for number, (axis, cases) in enumerate(split(report).items()):
        ax = axes_at(figure, 0.75 + 4.3 * number, 1.15, 2.75, 3.0)
        found = list(lines(axis, cases))
        for method, sizes, seconds, _ in found:
            marker = "D" if method == "torch" else "o"
            ax.loglog(sizes, 1e3 * np.array(seconds), marker=marker, markersize=4.5, color=colours[method])
        dress(ax, axis, found, colours)
    save(figure, path)


def dress(ax: Any, axis: str, found: Sequence[tuple[str, list[int], list[float], float]], colours: Any) -> None:
    """Write what the axes are, and beside each line its method and slope, apart where they would touch."""
    sizes = AXES[axis][0]
    fastest = min(seconds[0] for _, _, seconds, _ in found)
    guide = 1e3 * fastest * (np.array(sizes) / sizes[0]) ** OPERATIONS[axis] / 2
    ax.plot(sizes, guide, ":", color=FAINT, linewidth=1)
    low, high = np.log(ax.get_ylim())
    last = -1.0
    for method, _, seconds, exponent in sorted(found, key=lambda line: line[2][-1]):
        last = max((np.log(1e3 * seconds[-1]) - low) / (high - low), last + 0.06)
        ax.annotate(
            f"{method} {exponent:.2f}", (1, last), (6, 0), xycoords="axes fraction", textcoords="offset points",
            va="center", fontsize=8, color=colours[method],
        )  # fmt: skip
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.grid(color="#e3e7ec", linewidth=0.6)
    ax.tick_params(length=0, labelsize=7.5, labelcolor=FAINT)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(f"{axis}   ({FIXED[axis]})", fontsize=8, color=INK)
    ax.set_ylabel("ms", fontsize=8, color=INK)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__.split("\n")[0])
    parser.add_argument("--methods", help="only these, as im2col,torch (default: all)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "growth", help="%(default)s")
    options = parser.parse_args()
    methods = options.methods.split(",") if options.methods else None
    report = bench_conv([make(n) for sizes, make in AXES.values() for n in sizes], methods, options.repeats)
    slopes = {
        axis: {method: round(exponent, 3) for method, *_, exponent in lines(axis, cases)}
        for axis, cases in split(report).items()
    }
    text = json.dumps({"slopes": slopes, **report.as_dict()}, indent=1)
    options.out.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    draw(report, options.out.with_suffix(".png"))
    print(report.machine)
    for axis, found in slopes.items():
        print(f"{axis:9} {', '.join(f'{method} {exponent:.2f}' for method, exponent in found.items())}")


if __name__ == "__main__":
    main()
