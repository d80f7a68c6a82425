"""The picture of a network's time: a bar for each layer."""

from collections.abc import Sequence
from typing import Any, Unpack

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.bench.network_page_report import ModelPage
from convlab.bench.network_report import BatchResult, LayerTime, ModelReport
from convlab.bench.report import digits, short
from convlab.errors import ShapeError
from convlab.layers.base import Activated, Layer, Pooling, class_of
from convlab.view.drawing import Look, drawing
from convlab.view.sheet import INK, Edges, axes_at, head, page

MOST = 40  # layers that get a bar of their own
EDGE, HEAD, FOOT, NAMES, BARS, NUMBERS, ROW = 0.4, 1.25, 0.3, 1.35, 2.9, 1.75, 0.2  # inches
CONVOLUTION, DENSE, POOLING, OTHER = "#3b6ea8", "#d1603d", "#4f9d69", "#9aa3ad"
NOTE = "each layer called by itself, in order: blue convolution, red dense, green pooling, grey any other"

PREDICTION = "predicted, not measured: at least"

Bar = tuple[str, str, float, float, str]  # name, colour, seconds, share, what it reaches


@drawing
def layer_times(report: ModelReport | ModelPage, **look: Unpack[Look]) -> Figure:
    """Draw the median time of each layer as a bar, a panel for each batch and device, and return the Figure.

    Of a network of many layers the largest get bars, in order of execution, and the others one together. Bars of what
    is predicted are hollow.

    Parameters
    ----------
    report : ModelReport or ModelPage
        What `bench_model` or `bench_model_page` returned.
    """
    reports = report.reports if isinstance(report, ModelPage) else {"": report}
    batches = {
        f"{device}, batch {batch.batch}" if device else f"batch {batch.batch}": batch
        for several in zip(*(one.batches for one in reports.values()), strict=True)
        for device, batch in zip(reports, several, strict=True)
        if batch.layers
    }
    if not batches:
        raise ShapeError("layer_times: nothing was timed, so there is nothing to draw")
    panels = [_bars(batch) for batch in batches.values()]
    machines = "\n".join(str(one.machine) for one in reports.values())
    panel, rows = NAMES + BARS + NUMBERS, max(map(len, panels))
    figure = page(max(EDGE + panel * len(panels), 8.2), HEAD + ROW * rows + FOOT, Edges(EDGE, HEAD, 0.1, 0.1))
    head(figure, f"{report.model}: where the time goes", f"{machines}\n{NOTE}")
    for number, ((name, batch), bars) in enumerate(zip(batches.items(), panels, strict=True)):
        ax = axes_at(figure, EDGE + number * panel + NAMES, HEAD, BARS, ROW * len(bars))
        guessed = any(layer.bound for layer in batch.layers)
        _draw(ax, bars, guessed)
        ax.set_title(f"{name}: {PREDICTION if guessed else _calls(batch)}", fontsize=8, color=INK, loc="left", pad=4)
    return figure


def _calls(batch: BatchResult) -> str:
    return ", ".join(f"{name} {digits(1e3 * run.median)} ms" for name, run in batch.calls.items())


def _bars(batch: BatchResult) -> list[Bar]:
    shares = batch.shares()
    largest = sorted(shares, key=lambda name: -shares[name])[:MOST]
    bars = [_bar(layer, shares[layer.name]) for layer in batch.layers if layer.name in largest]
    others = [layer for layer in batch.layers if layer.name not in largest]
    if others:
        time, share = (sum(values) for values in zip(*((o.run.median, shares[o.name]) for o in others), strict=True))
        bars.append((f"{len(others)} others", OTHER, time, share, ""))
    return bars


def _bar(layer: LayerTime, share: float) -> Bar:
    rate = f" · {digits(layer.flops / layer.run.median / 1e9)} GFLOP/s" if layer.flops else ""
    return layer.name, _colour(class_of(layer.type)), layer.run.median, share, rate


def _colour(kind: type[Layer]) -> str:
    if issubclass(kind, Activated):
        return CONVOLUTION if kind.layout == "channels_last" else DENSE
    return POOLING if issubclass(kind, Pooling) else OTHER


def _draw(ax: Axes, bars: Sequence[Bar], hollow: bool) -> None:
    colours, more = [bar[1] for bar in bars], "> " if hollow else ""
    look: dict[str, Any] = {"color": "white", "edgecolor": colours} if hollow else {"color": colours}
    ax.barh(range(len(bars)), [bar[2] for bar in bars], height=0.74, **look)
    for y, (_, _, seconds, share, rate) in enumerate(bars):
        ax.annotate(
            f"{more}{short(1e3 * seconds)} ms · {share:.0%}{rate}", (seconds, y), (4, 0), textcoords="offset points",
            va="center", fontsize=6.5, color=INK, annotation_clip=False,
        )  # fmt: skip
    ax.set(xlim=(0, max(bar[2] for bar in bars)), ylim=(len(bars) - 0.5, -0.5), xticks=[])
    ax.set_yticks(range(len(bars)), [bar[0] for bar in bars])
    ax.tick_params(length=0, labelsize=7, labelcolor=INK)
    ax.spines[:].set_visible(False)
