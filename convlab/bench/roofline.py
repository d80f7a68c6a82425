"""A benchmark as a picture: each kernel under the roofs of the machine, and how long it takes.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures"
(Communications of the ACM 52:4, 2009): operations a second over operations for each byte that must be moved.
"""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from convlab.bench.machine import Machine
from convlab.bench.report import BEST, TORCH, CaseResult, Report, digits
from convlab.errors import ShapeError
from convlab.runtime.arrays import Array
from convlab.view.drawing import Look, drawing
from convlab.view.sheet import FAINT, INK, Edges, axes_at, head, page

COLOURS = ("#3b6ea8", "#d1603d", "#4f9d69", "#8e5ea2", "#c99a2e", "#3aa6b9", "#b5476b", "#7d8590", "#5b4a3f")
PEER, WASH, LINES, WHISKER = INK, "#f3f5f8", "#dfe4ea", "#aab3bd"
EDGE, HEAD, FOOT, PLOT, HIGH = 0.75, 1.2, 0.7, 5.4, 3.9  # inches around and of the plot under the roofs
NAMES, BARS, NUMBERS, ROW, GROUP = 1.5, 3.0, 1.1, 0.2, 1.7  # inches beside and of the bars; one; rows between groups
DEEP = 5.6  # inches of bars, about, that one column holds
CLOSE = 0.045  # share of an axis that is between two words, at least
NOTE = "operations are the definition's, 2 for each cell of a window: a method that multiplies less may pass the roof"

Bar = tuple[str, tuple[float, float, float]]  # method, quartiles in seconds
Group = tuple[str, list[Bar]]  # heading, bars


@drawing
def roofline(report: Report, **look: Unpack[Look]) -> Figure:
    """Draw every candidate under the machine's two measured roofs, and bars of its time; return the Figure.

    Each case is a column of points at its operations a byte, and a group of bars, fastest first, of its own length.
    Convlab's kernels are discs, others (PyTorch) black diamonds. What was wrong or skipped has no time and is not
    drawn.

    Parameters
    ----------
    report : Report
        What `bench_conv` returned.
    """
    cases = [case for case in report.cases if case.timed]
    if not cases:
        raise ShapeError("roofline: nothing was timed, so there is nothing to draw")
    colours, groups = colours_of(cases), _groups(cases, report)
    columns = _columns(groups)
    body = max(HIGH, *(ROW * _rows(column) for column in columns))
    figure = page(
        EDGE + PLOT + (NAMES + BARS + NUMBERS) * len(columns), HEAD + body + FOOT, Edges(EDGE, HEAD, 0.1, 0.1)
    )
    head(figure, _title(cases), f"{report.machine}\n{NOTE}")
    _draw_roofs(axes_at(figure, EDGE, HEAD, PLOT, min(body, PLOT)), report.machine, cases, colours)
    for number, column in enumerate(columns):
        left = EDGE + PLOT + NAMES + number * (NAMES + BARS + NUMBERS)
        _draw_bars(axes_at(figure, left, HEAD, BARS, ROW * _rows(column)), column, colours)
    return figure


def _title(cases: Sequence[CaseResult]) -> str:
    if len(cases) == 1:
        return f"Convolution {cases[0].case}"
    return f"{len(cases)} convolutions, batch {cases[0].case.batch}, {cases[0].case.dtype}"


def colours_of(cases: Sequence[CaseResult]) -> dict[str, str]:
    """Return a colour for each method, the same in all cases."""
    methods = dict.fromkeys(result.method for case in cases for result in case.results)
    own = [method for method in methods if method != TORCH]
    return {method: COLOURS[i % len(COLOURS)] for i, method in enumerate(own)} | {TORCH: PEER, BEST: WHISKER}


def _groups(cases: Sequence[CaseResult], report: Report) -> list[Group]:
    """Return a heading and the bars of each case, and of a network's convolutions together."""
    if len(cases) == 1:
        return [("median time, and quartiles", _bars(cases[0]))]
    groups = [(_heading(case, number), _bars(case)) for number, case in enumerate(cases, 1)]
    layers, totals = sum(len(case.case.layers) for case in cases), report.totals()
    if layers > 1 and totals:
        sums = sorted((seconds, method) for method, seconds in totals.items())
        groups.append((f"all {layers} layers", [(method, (seconds,) * 3) for seconds, method in sums]))
    return groups


def _columns(groups: Sequence[Group]) -> list[list[Group]]:
    """Return the groups in columns of about the same height."""
    count = max(1, round(ROW * _rows(groups) / DEEP))
    columns: list[list[Group]] = [[] for _ in range(count)]
    for i, group in enumerate(groups):
        columns[int(_rows(groups[:i]) / _rows(groups) * count)].append(group)
    return [column for column in columns if column]


def _rows(groups: Sequence[Group]) -> float:
    return sum(len(bars) + GROUP for _, bars in groups)


def _bars(case: CaseResult) -> list[Bar]:
    return [(result.method, run.quartiles) for result, run in case.timed]


def _heading(case: CaseResult, number: int) -> str:
    (h, w, c), kernel = case.case.image, " × ".join(map(str, case.case.window.kernel))
    many = f", {len(case.case.layers)} layers" if len(case.case.layers) > 1 else ""
    return f"{number}   {h} × {w} × {c} to {case.case.filters}, {kernel}{many}"


def _draw_roofs(ax: Axes, machine: Machine, cases: Sequence[CaseResult], colours: dict[str, str]) -> None:
    """Draw the two roofs and a point for each kernel."""
    rates = [case.case.flops / run.median / 1e9 for case in cases for _, run in case.timed]
    intensities = [case.case.intensity for case in cases]
    ridge, product = machine.product / machine.copy, machine.product / 1e9
    edges = np.array([min(*intensities, ridge) / 2.5, ridge, max(*intensities, ridge) * 2.5])
    roof = np.array([machine.roof(x) / 1e9 for x in edges])
    bottom, top = min(*rates, product / 30) / 2.5, max(*rates, product) * 1.9
    ax.fill_between(edges, roof, bottom, color=WASH, linewidth=0, zorder=0)
    ax.plot(edges, roof, color=FAINT, linewidth=1.4, zorder=2)
    ax.set(xscale="log", yscale="log", xlim=edges[[0, 2]], ylim=(bottom, top))
    for case in cases:
        _draw_points(ax, case, colours)
    if len(cases) > 1:
        _number(ax, intensities)
    else:
        _name(ax, cases[0])
    _name_roofs(ax, machine, edges, roof)
    _dress(ax)


def _draw_points(ax: Axes, case: CaseResult, colours: dict[str, str]) -> None:
    for result, run in case.timed:
        peer = result.method == TORCH
        ax.plot(
            case.case.intensity, case.case.flops / run.median / 1e9, "D" if peer else "o",
            color=colours[result.method], markersize=6 if peer else 7.5, markeredgecolor="white", markeredgewidth=0.8,
            zorder=3,
        )  # fmt: skip


def _name(ax: Axes, case: CaseResult) -> None:
    """Write their names beside the points of the only case, from the fastest down, apart where they would touch."""
    low, high = np.log(ax.get_ylim())
    last = np.inf
    for result, run in case.timed:
        last = min((np.log(case.case.flops / run.median / 1e9) - low) / (high - low), last - CLOSE)
        ax.annotate(
            result.method, (case.case.intensity, last), (8, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", va="center", fontsize=8, color=INK,
        )  # fmt: skip


def _number(ax: Axes, intensities: Sequence[float]) -> None:
    """Write the cases' numbers at the foot, one above the other where they would touch."""
    low, high = np.log(ax.get_xlim())
    last: list[float] = []  # where each line of numbers ends so far
    for number, x in sorted(enumerate(intensities, 1), key=lambda pair: pair[1]):
        at = (np.log(x) - low) / (high - low)
        line = next((i for i, end in enumerate(last) if at - end > CLOSE), len(last))
        last[line : line + 1] = [at]
        ax.annotate(
            str(number), (x, 0), (0, 4 + 9 * line), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", fontsize=7, color=FAINT,
        )  # fmt: skip


def _name_roofs(ax: Axes, machine: Machine, edges: Array, roof: Array) -> None:
    """Write the two limits along the lines that they are."""
    (left, bottom), (ridge, top), _ = ax.transData.transform(np.column_stack([edges, roof]))
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "color": FAINT}
    product = f"matrix product {machine.product / 1e9:.0f} GFLOP/s"
    ax.annotate(product, (edges[1], roof[1]), (4, 4), **style)
    slope = np.degrees(np.arctan2(top - bottom, ridge - left))
    at = edges[0] * 1.12, machine.roof(edges[0] * 1.12) / 1e9
    copy = f"copy {machine.copy / 1e9:.1f} GB/s"
    ax.annotate(copy, at, (-3, 5), rotation=slope, rotation_mode="anchor", **style)


def _dress(ax: Axes) -> None:
    ax.set_xlabel("operations for each byte that must be moved", fontsize=8, color=INK)
    ax.set_ylabel("GFLOP/s", fontsize=8, color=INK)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    ax.grid(color=LINES, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelsize=7.5, labelcolor=FAINT)
    ax.spines[:].set_visible(False)


def _draw_bars(ax: Axes, groups: Sequence[Group], colours: dict[str, str]) -> None:
    """Draw times as bars, their quartiles as a thin line; the slowest of each group is as long as the axes."""
    y, names = 0.0, {}
    for heading, bars in groups:
        ax.annotate(
            heading, (0, y), (-2, 0), textcoords="offset points", va="center", fontsize=7.5, fontweight="bold",
            color=INK,
        )  # fmt: skip
        slowest = max(high for _, (*_, high) in bars)
        for name, quartiles in bars:
            y += 1
            names[y] = name
            low, median, high = (seconds / slowest for seconds in quartiles)
            ax.barh(y, median, color=colours[name], height=0.74)
            ax.plot([low, high], [y, y], color=WHISKER, linewidth=1.2, solid_capstyle="butt")
            ax.annotate(
                f"{digits(1e3 * quartiles[1])} ms", (high, y), (4, 0), textcoords="offset points", va="center",
                fontsize=7.5, color=INK, annotation_clip=False,
            )  # fmt: skip
        y += GROUP
    ax.set(xlim=(0, 1), ylim=(y - GROUP / 2, -GROUP / 2), xticks=[])
    ax.set_yticks(list(names), list(names.values()))
    ax.tick_params(length=0, labelsize=8, labelcolor=INK)
    ax.spines[:].set_visible(False)
