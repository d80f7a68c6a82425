"""A benchmark as a picture: each kernel under the roofs of its machine, and how long it takes.

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
from convlab.bench.page_report import Page
from convlab.bench.report import BEST, TORCH, CaseResult, Report, digits, short
from convlab.errors import ShapeError
from convlab.runtime.arrays import Array
from convlab.view.drawing import Look, drawing
from convlab.view.sheet import FAINT, INK, Edges, axes_at, head, page

COLOURS = ("#3b6ea8", "#d1603d", "#4f9d69", "#8e5ea2", "#c99a2e", "#3aa6b9", "#b5476b", "#7d8590", "#5b4a3f")
PEER, WASH, LINES, WHISKER = INK, "#f3f5f8", "#dfe4ea", "#aab3bd"
EDGE, HEAD, FOOT, PLOT, HIGH = 0.75, 1.2, 0.7, 5.4, 3.9  # inches around and of the plot under the roofs
NAMES, BARS, NUMBERS, ROW, GROUP = 1.5, 3.0, 1.1, 0.2, 1.7  # inches beside and of the bars; one; rows between groups
DEEP = 5.6  # inches of bars, about, that one column holds
CLOSE = 0.04  # share of an axis that is between two words, at least
NOTE = "operations are the definition's, 2 for each cell of a window: a method that multiplies less may pass the roof"

MARKERS = {"cuda": "s"}
BESIDE = 1.35  # times a point's place is that of its name
HALO = {"facecolor": WASH, "edgecolor": "none", "pad": 0.5}

Bar = tuple[str, tuple[float, float, float], str, bool]  # method, quartiles in seconds, colour, whether predicted
Group = tuple[str, list[Bar]]  # heading, bars
Side = tuple[str, Report, dict[str, str]]  # device where there are several, what was measured on it, colours


@drawing
def roofline(report: Report | Page, **look: Unpack[Look]) -> Figure:
    """Draw every candidate under its machine's two roofs, and bars of its time; return the Figure.

    Each case is a column of points at its operations a byte, and a group of bars, fastest first, of its own length.
    Convlab's kernels are discs, on a GPU squares, others (PyTorch) black diamonds; what is predicted is hollow. What
    was wrong or skipped has no time and is not drawn.

    Parameters
    ----------
    report : Report or Page
        What `bench_conv` or `bench_page` returned.
    """
    reports = report.reports if isinstance(report, Page) else {"": report}
    sides = [
        (device, one, colours_of(one.cases, 4 * number))
        for number, (device, one) in enumerate(reports.items())
        if one.timed
    ]
    if not sides:
        raise ShapeError("roofline: nothing was timed, so there is nothing to draw")
    columns = _columns([group for side in sides for group in _groups(side)])
    body = max(HIGH, *(ROW * _rows(column) for column in columns))
    size = EDGE + PLOT + (NAMES + BARS + NUMBERS) * len(columns), HEAD + body + FOOT
    figure = page(*size, Edges(EDGE, HEAD, 0.1, 0.1))
    machines = "\n".join(str(one.machine) for _, one, _ in sides)
    head(figure, _title(sides[0][1].cases), f"{machines}\n{NOTE}")
    _draw_roofs(axes_at(figure, EDGE, HEAD, PLOT, min(body, PLOT)), sides)
    for number, column in enumerate(columns):
        left = EDGE + PLOT + NAMES + number * (NAMES + BARS + NUMBERS)
        _draw_bars(axes_at(figure, left, HEAD, BARS, ROW * _rows(column)), column)
    return figure


def _title(cases: Sequence[CaseResult]) -> str:
    if len(cases) == 1:
        return f"Convolution {cases[0].case}"
    return f"{len(cases)} convolutions, batch {cases[0].case.batch}, {cases[0].case.dtype}"


def colours_of(cases: Sequence[CaseResult], first: int = 0) -> dict[str, str]:
    """Return a colour for each method, the same in all cases."""
    methods = dict.fromkeys(result.method for case in cases for result in case.results)
    own = [method for method in methods if not _peer(method)]
    found = {method: COLOURS[(first + i) % len(COLOURS)] for i, method in enumerate(own)}
    return found | {method: PEER for method in methods if _peer(method)} | {BEST: WHISKER}


def _peer(method: str) -> bool:
    return method.startswith(TORCH)


def _groups(side: Side) -> list[Group]:
    """Return a heading and the bars of each case, and of a network's convolutions together."""
    device, report, colours = side
    cases = [case for case in report.cases if case.timed]
    guessed = any(result.bound for case in cases for result in case.results)
    before = f"{device}, predicted: " if guessed else f"{device}: " if device else ""
    if len(report.cases) == 1:
        what = "at least, not measured" if guessed else "median time, and quartiles"
        return [(f"{before}{what}", _bars(cases[0], colours))]
    groups = [(f"{before}{_heading(case, number)}", _bars(case, colours)) for number, case in enumerate(cases, 1)]
    layers, totals = sum(len(case.case.layers) for case in cases), report.totals()
    if layers > 1 and totals:
        sums = sorted((seconds, method) for method, seconds in totals.items())
        bars = [(method, (seconds,) * 3, colours[method], guessed) for seconds, method in sums]
        groups.append((f"{before}all {layers} layers", bars))
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


def _bars(case: CaseResult, colours: dict[str, str]) -> list[Bar]:
    return [(result.method, run.quartiles, colours[result.method], bool(result.bound)) for result, run in case.timed]


def _heading(case: CaseResult, number: int) -> str:
    (h, w, c), kernel = case.case.image, " × ".join(map(str, case.case.window.kernel))
    many = f", {len(case.case.layers)} layers" if len(case.case.layers) > 1 else ""
    return f"{number}   {h} × {w} × {c} to {case.case.filters}, {kernel}{many}"


def _draw_roofs(ax: Axes, sides: Sequence[Side]) -> None:
    """Draw two roofs for each machine, and a point for each kernel."""
    cases = [case for _, report, _ in sides for case in report.cases if case.timed]
    rates = [case.case.flops / run.median / 1e9 for case in cases for _, run in case.timed]
    intensities = [case.case.intensity for case in cases]
    machines = [report.machine for _, report, _ in sides]
    ridges, products = ([m.product / m.copy for m in machines], [m.product / 1e9 for m in machines])
    left, right = min(*intensities, *ridges) / 2.5, max(*intensities, *ridges) * (3 if len(sides) == 1 else 4)
    bottom, top = min(*rates, *(product / 30 for product in products)) / 2.5, max(*rates, *products) * 1.9
    ax.set(xscale="log", yscale="log", xlim=(left, right), ylim=(bottom, top))
    for (device, _, _), machine, ridge in zip(sides, machines, ridges, strict=True):
        edges = np.array([left, ridge, right])
        roof = np.array([machine.roof(x) / 1e9 for x in edges])
        ax.fill_between(edges, roof, bottom, color=WASH, linewidth=0, zorder=0, alpha=1 / len(sides))
        ax.plot(edges, roof, color=FAINT, linewidth=1.4, zorder=2)
        _name_roofs(ax, machine, edges, roof, f"{device} " if device else "")
    for side in sides:
        _draw_points(ax, side)
    if len(sides[0][1].cases) > 1:
        _number(ax, [case.case.intensity for case in sides[0][1].cases if case.timed])
    else:
        _name(ax, sides)
    _dress(ax)


def _draw_points(ax: Axes, side: Side) -> None:
    device, report, colours = side
    for found, (result, run) in ((case, one) for case in report.cases for one in case.timed):
        case, peer, colour, edge = found.case, _peer(result.method), colours[result.method], "white"
        inside = colour
        if result.bound:
            edge, inside = colour, "white"
        ax.plot(
            case.intensity, case.flops / run.median / 1e9, "D" if peer else MARKERS.get(device, "o"),
            color=inside, markersize=6 if peer else 7.5, markeredgecolor=edge,
            markeredgewidth=1.2 if result.bound else 0.8, zorder=3,
        )  # fmt: skip


def _name(ax: Axes, sides: Sequence[Side]) -> None:
    """Write their names beside the points of the only case, from the fastest down, apart where they would touch.

    A line leads from each point to its name.
    """
    low, high = np.log(ax.get_ylim())
    last = np.inf
    points = [
        (case.case.flops / run.median / 1e9, case.case.intensity, result.method, colours[result.method])
        for _, report, colours in sides
        for case in report.cases
        for result, run in case.timed
    ]
    for rate, intensity, method, colour in sorted(points, reverse=True):
        last = min((np.log(rate) - low) / (high - low), last - CLOSE)
        ax.annotate(
            method, (intensity, rate), (BESIDE * intensity, last), textcoords=("data", "axes fraction"), va="center",
            fontsize=8, color=INK, bbox=HALO,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "relpos": (0, 0.5), "shrinkB": 4},
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


def _name_roofs(ax: Axes, machine: Machine, edges: Array, roof: Array, device: str) -> None:
    """Write the two limits along the lines that they are."""
    (left, bottom), (ridge, top), _ = ax.transData.transform(np.column_stack([edges, roof]))
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "color": FAINT}
    product = f"{device}{machine.limits[0]} {machine.product / 1e9:,.0f} GFLOP/s"
    ax.annotate(product, (edges[1], roof[1]), (30 if device else 4, 4), **style)
    slope = np.degrees(np.arctan2(top - bottom, ridge - left))
    at = edges[0] * 1.12, machine.roof(edges[0] * 1.12) / 1e9
    copy = f"{device}{machine.limits[1]} {digits(machine.copy / 1e9)} GB/s"
    ax.annotate(copy, at, (-3, 5), rotation=slope, rotation_mode="anchor", **style)


def _dress(ax: Axes) -> None:
    ax.set_xlabel("operations for each byte that must be moved", fontsize=8, color=INK)
    ax.set_ylabel("GFLOP/s", fontsize=8, color=INK)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_locator(NullLocator())
    ax.grid(color=LINES, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelsize=7.5, labelcolor=FAINT)
    ax.spines[:].set_visible(False)


def _draw_bars(ax: Axes, groups: Sequence[Group]) -> None:
    """Draw times as bars, their quartiles as a thin line; the slowest of each group is as long as the axes."""
    y, names = 0.0, {}
    for heading, bars in groups:
        ax.annotate(
            heading, (0, y), (-2, 0), textcoords="offset points", va="center", fontsize=7.5, fontweight="bold",
            color=INK,
        )  # fmt: skip
        slowest = max(high for _, (*_, high), *_ in bars)
        for name, quartiles, colour, guessed in bars:
            y += 1
            names[y] = name
            low, median, high = (seconds / slowest for seconds in quartiles)
            ax.barh(y, median, facecolor="white" if guessed else colour, edgecolor=colour, height=0.74)
            ax.plot([low, high], [y, y], color=WHISKER, linewidth=1.2, solid_capstyle="butt")
            ax.annotate(
                f"{'> ' if guessed else ''}{short(1e3 * quartiles[1])} ms", (high, y), (4, 0),
                textcoords="offset points", va="center", fontsize=7.5, color=INK, annotation_clip=False,
            )  # fmt: skip
        y += GROUP
    ax.set(xlim=(0, 1), ylim=(y - GROUP / 2, -GROUP / 2), xticks=[])
    ax.set_yticks(list(names), list(names.values()))
    ax.tick_params(length=0, labelsize=8, labelcolor=INK)
    ax.spines[:].set_visible(False)
