"""All convolutions that were measured on a GPU under its roofs: what it copies and what cuBLAS multiplies.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures"
(Communications of the ACM 52:4, 2009): operations a second over operations for each byte that must be moved.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from benchmarks.gpu.layers import case_of
from benchmarks.gpu.plan import BATCHES, LAYERS
from benchmarks.gpu.report import found
from benchmarks.headings import TITLE
from convlab.bench.roofline import COLOURS, LINES
from convlab.view.figure_style import FAINT, INK, axes_at, page
from convlab.view.saving import save

LADDER = (
    *("direct_strided", "direct", "tiled", "blocked", "implicit_gemm", "im2col", "winograd2x2", "winograd"),
    *("tensor_core_3x", "tensor_core"),
)
POINTS = (*COLOURS, "#9ab83c")
OTHERS = {"torch": "s", "torch TF32": "D"}
"""PyTorch's, and the shape of their points: black squares and diamonds."""
ROOFS = {"CuPy": "cuBLAS, float32", "torch TF32": "cuBLAS, TF32"}


def draw_roofline(times: Sequence[dict[str, dict[str, Any]]], outcomes: Sequence[dict[str, Any]], path: Path) -> bool:
    """Draw them; return False without doing so where the machine's limits were not measured."""
    copy = found(outcomes, "peak", of="copy").get("a_second")
    peaks = {ROOFS[of]: found(outcomes, "peak", of=of).get("a_second") for of in ROOFS}
    peaks = {name: peak for name, peak in peaks.items() if peak}
    if not copy or not peaks:
        return False
    figure = page(9.6, 6.2)
    figure.text(0.03, 0.945, "VGG16's convolutions under the roofs of the GPU", **TITLE)
    note = f"{found(outcomes, 'facts').get('name')}, batch {BATCHES[0]}; operations are the definition's"
    figure.text(0.03, 0.915, note, fontsize=7.5, color=FAINT)
    ax = axes_at(figure, 0.8, 0.85, 6.6, 4.6)
    _draw_roofs(ax, copy, peaks)
    names = [name for name in (*LADDER, *OTHERS) if any(name in layer for layer in times)]
    for name in names:
        _draw_points(ax, name, times)
    _number(ax)
    ax.set(xscale="log", yscale="log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("operations for each byte that must be moved", fontsize=8, color=INK)
    ax.set_ylabel("TFLOP/s", fontsize=8, color=INK)
    ax.grid(color=LINES, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(which="both", length=0, labelsize=7.5, labelcolor=FAINT)
    ax.spines[:].set_visible(False)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, frameon=False, labelcolor=INK)
    save(figure, path)
    return True


def _intensities() -> list[float]:
    return [case_of(layer, BATCHES[0]).intensity for layer in range(len(LAYERS))]


def _draw_roofs(ax: Any, copy: float, peaks: dict[str, float]) -> None:
    """Draw what the GPU copies as a slope, and each peak as a roof from there on, with their names."""
    ridges = sorted(peak / copy for peak in peaks.values())
    edges = np.array([min(_intensities()) / 4, *ridges, 6 * max(_intensities())])
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "color": FAINT}
    for name, peak in peaks.items():
        ax.plot(edges, np.minimum(edges * copy, peak) / 1e12, color=FAINT, linewidth=1.3)
        ax.annotate(f"{name} {peak / 1e12:.0f}", (edges[-1], peak / 1e12), (-2, 3), ha="right", **style)
    ax.annotate(f"copy {copy / 1e12:.2f} TB/s", (edges[0], edges[0] * copy / 1e12), (6, -6), **style)


def _draw_points(ax: Any, name: str, times: Sequence[dict[str, dict[str, Any]]]) -> None:
    pairs = zip(_intensities(), times, strict=True)
    points = [(x, layer[name]["flops_a_second"] / 1e12) for x, layer in pairs if name in layer]
    own = {"marker": "o", "color": POINTS[LADDER.index(name)]} if name in LADDER else {}
    look = own or {"marker": OTHERS[name], "color": INK, "markerfacecolor": "none"}
    ax.plot(*zip(*points, strict=True), linestyle="none", markersize=5.5, label=name, **look)


def _number(ax: Any) -> None:
    """Write at the foot which layers stand there, one above the other where they would touch."""
    last: list[float] = []  # where each line of names ends so far
    for x, (*_, names) in sorted(zip(_intensities(), LAYERS, strict=True)):
        row = next((i for i, end in enumerate(last) if x > 1.25 * end), len(last))
        last[row : row + 1] = [x]
        label = names[0].removeprefix("block").replace("_conv", "-")
        style: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": 6.5, "color": FAINT}
        ax.annotate(label, (x, 0), (0, 4 + 9 * row), xycoords=("data", "axes fraction"), **style)
