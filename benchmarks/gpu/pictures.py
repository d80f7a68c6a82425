"""What was measured on a GPU, as pictures: the ladder as bars, and all convolutions under the machine's roofs."""

from pathlib import Path
from typing import Any

from benchmarks.gpu.layers import case_of
from benchmarks.gpu.plan import BATCHES
from benchmarks.gpu.ratios import found_by_layer
from benchmarks.gpu.report import found
from benchmarks.gpu.roofline import LADDER, draw_roofline
from benchmarks.headings import TITLE
from convlab.bench.report import digits
from convlab.bench.roofline import COLOURS
from convlab.view.figure_style import FAINT, INK, axes_at, page
from convlab.view.saving import save

SHOWN = 5
"""The layer of the ladder: 256 channels at 56 x 56, which fills a GPU."""
LINES = {
    "cuBLAS": "cuBLAS, float32, same size",
    "torch": "cuDNN, float32",
    "torch TF32": "cuDNN, TF32",
    "torch channels_last TF32": "cuDNN, TF32, channels last",
}
BAR = 0.34  # inches


def draw(results: dict[str, Any], folder: Path) -> list[str]:
    """Write the pictures that there is something for; return their names."""
    outcomes = results["outcomes"]
    times = found_by_layer(outcomes, BATCHES[0])
    drawn = []
    if any(name in times[SHOWN] for name in LADDER):
        draw_ladder(times[SHOWN], str(found(outcomes, "facts").get("name")), folder / "ladder.png")
        drawn.append("ladder.png")
    if any(times) and draw_roofline(times, outcomes, folder / "roofline.png"):
        drawn.append("roofline.png")
    return drawn


def draw_ladder(times: dict[str, dict[str, Any]], machine: str, path: Path) -> None:
    """Draw what each rung computes a second, and lines for cuBLAS and cuDNN."""
    rungs = [name for name in LADDER if name in times]
    figure = page(9.2, 1.9 + BAR * len(rungs))
    figure.text(0.03, 1 - 0.32 / figure.get_figheight(), "The ladder", **TITLE)
    case = case_of(SHOWN, BATCHES[0])
    figure.text(0.03, 1 - 0.52 / figure.get_figheight(), f"{case}; {machine}", fontsize=7.5, color=FAINT)
    ax = axes_at(figure, 1.5, 1.15, 6.9, BAR * len(rungs))
    rates = [times[name]["flops_a_second"] / 1e12 for name in rungs]
    ax.barh(range(len(rungs)), rates, color=COLOURS[0], height=0.72)
    style = {"textcoords": "offset points", "va": "center", "fontsize": 8, "color": INK, "zorder": 4}
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    for y, rate in enumerate(rates):
        ax.annotate(digits(rate), (rate, y), (4, 0), bbox=behind, **style)
    ax.set(ylim=(len(rungs) - 0.4, -0.6), xlim=(0, 1.1 * max([*rates, *_lines(times).values()])))
    _draw_lines(ax, times)
    ax.set_yticks(range(len(rungs)), rungs)
    ax.set_xlabel("TFLOP/s", fontsize=8, color=INK)
    ax.tick_params(length=0, labelsize=8, labelcolor=INK)
    ax.spines[:].set_visible(False)
    save(figure, path)


def _lines(times: dict[str, dict[str, Any]]) -> dict[str, float]:
    return {name: times[name]["flops_a_second"] / 1e12 for name in LINES if name in times}


def _draw_lines(ax: Any, times: dict[str, dict[str, Any]]) -> None:
    """Draw lines to compare with; their names stand above the bars, each in a row of its own, on the wider side."""
    lines = sorted(_lines(times).items(), key=lambda line: line[1])
    style = {"textcoords": "offset points", "fontsize": 7, "color": COLOURS[1], "annotation_clip": False}
    for row, (name, rate) in enumerate(reversed(lines)):
        ax.axvline(rate, color=COLOURS[1], linewidth=1.1, zorder=3)
        side, shift = ("right", -3) if rate > 0.6 * ax.get_xlim()[1] else ("left", 3)
        text, place = f"{LINES[name]}: {digits(rate)}", (shift, 3 + 9 * row)
        ax.annotate(text, (rate, 1), place, xycoords=("data", "axes fraction"), ha=side, **style)
