"""What the sweep measured: as a page, in a few lines, and laid out so that a rule can be found."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import ceil, exp, inf, log, prod
from typing import Any

import numpy as np

from benchmarks.choice.shapes import case_of
from convlab.bench.case import Case
from convlab_kernels.window import Window

WITHIN = (1.10, 1.20)
"""Costs (time of the method chosen by that of the fastest) of which the shares are stated."""
TARGET = 0.95
"""The share of shapes that is wanted to cost no more than the first of them."""
WORST = 15
"""Shapes that are listed as the worst."""

Row = Mapping[str, Any]

PAGE = """\
# What `method="auto"` chooses, and what is fastest

`python -m benchmarks.choice` made this page on {date}: {count} convolutions of {networks} networks, float32. Each
method has a process of its own, which stands still unless it is its turn. Those that take a shape were checked
against float64 and then took turns, in {rounds} rounds of about {each:.2f} s, every other one from the last to the
first; what is over ten times slower than the fastest had two calls. In each turn one call more came first, and does
not count. Times are medians. The cost is the time of the method chosen by the time of the fastest. Where `pointwise`
takes a shape, `indirect_gemm` is the same code: the two times show how much is noise, and the second does not count.
`direct` is there to be read and is not measured.

{machine}

{summary}

## All shapes

"3x3/2" is a kernel and its stride, "dw" depthwise; padding is "same" where nothing is said. Times are milliseconds.

{table}
"""


def as_markdown(results: Mapping[str, Any]) -> str:
    """Return the page."""
    rows, options = results["rows"], results["options"]
    return PAGE.format(
        date=results["date"],
        count=len(rows),
        networks=len({layer.partition("/")[0] for row in rows for layer in row["layers"]}),
        rounds=options["rounds"],
        each=options["seconds"] / options["rounds"],
        machine="\n".join(f"- {name}: {value}" for name, value in results["machine"].items()),
        summary=summary(rows),
        table=_table(rows),
    )


def label(row: Row) -> str:
    """Return a shape as text, as in "56x56x128 -> 256 3x3/2 valid batch 8"."""
    case = case_of(row)
    (h, w, c), window = case.image, case.window
    stride = "" if window.stride == (1, 1) else f"/{window.stride[0]}"
    dilation = "" if window.dilation == (1, 1) else f" dilation {window.dilation[0]}"
    groups = "" if case.groups == 1 else " dw" if case.groups == c else f" {case.groups} groups"
    batch = "" if case.batch == 1 else f" batch {case.batch}"
    kernel = "x".join(map(str, window.kernel))
    return f"{h}x{w}x{c} -> {case.filters} {kernel}{stride}{groups}{dilation}{_padding(case)}{batch}"


def _padding(case: Case) -> str:
    window, size = case.window, (case.image[0], case.image[1])
    if window.padding == Window(window.kernel, window.stride, "same", window.dilation).pads(size):
        return ""
    (top, bottom), (left, right) = window.pads(size)
    return " valid" if not (top or bottom or left or right) else f" padding {top},{bottom},{left},{right}"


def summary(rows: Sequence[Row]) -> str:
    """Return the shares of shapes whose cost is small, the mean cost, and the worst, as Markdown."""
    costs = [_cost(row) for row in rows]
    if not costs:
        return "No shapes."
    lines = []
    for most in WITHIN:
        share = sum(cost <= most for cost in costs) / len(costs)
        lines.append(f"- within {most - 1:.0%} of the fastest: {share:.1%}")
    met = sum(cost <= WITHIN[0] for cost in costs) >= TARGET * len(costs)
    lines[0] += f" (wanted {TARGET:.0%}: {'met' if met else 'missed'})"
    measured = [log(cost) for cost in costs if cost < inf]
    lines += [f"- cost, geometric mean: {exp(np.mean(measured)):.3f}"] if measured else []
    lines += [f"- {what}: {_counts(row[what] for row in rows)}" for what in ("chosen", "fastest")]
    lines += [f"- not measured, though chosen: {label(row)} ({row['chosen']})" for row in rows if _cost(row) == inf]
    lines += [f"- wrong, and left out: {text}" for row in rows for text in _wrong(row)]
    worst = sorted((row for row in rows if WITHIN[0] < _cost(row) < inf), key=_cost, reverse=True)
    return "\n".join([*lines, *([f"\n{_table(worst[:WORST])}"] if worst else [])])


def _wrong(row: Row) -> Iterator[str]:
    """Yield the methods of a row whose answers were wrong."""
    for name, error in row["errors"].items():
        if name not in row["milliseconds"]:
            answer = "no finite answer" if error is None else f"relative error {error:.1e}"
            yield f"{name} on {label(row)}, {answer}"


def _cost(row: Row) -> float:
    return inf if row["cost"] is None else row["cost"]


def _counts(names: Iterator[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in Counter(names).most_common())


def _table(rows: Sequence[Row]) -> str:
    """Return shape, chosen, fastest, cost, the time of each method, and whose layer it is."""
    methods = sorted({name for row in rows for name in row["milliseconds"]})
    head = ["shape", "chosen", "fastest", "cost", *methods, "layer"]
    lines = [head, ["---"] * 3 + ["--:"] * (1 + len(methods)) + ["---"]]
    for row in rows:
        cost = "?" if row["cost"] is None else f"{row['cost']:.2f}"
        times = [f"{row['milliseconds'][name]:.3g}" if name in row["milliseconds"] else "" for name in methods]
        lines.append([label(row), row["chosen"], row["fastest"], cost, *times, row["layers"][0]])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fit(rows: Sequence[Row]) -> str:
    """Return, for two methods at a time of which each is somewhere the fastest, the shapes where one of them is.

    Sorted by the time of the first by that of the second, with what a rule may look at: places P (N * OH * OW), tiles
    of 4 x 4 and of 2 x 2 outputs, terms K of a sum (KH * KW * C / groups), kernels O, millions of multiply-adds, the
    weights' size.
    """
    names = sorted({name for row in rows for name in row["milliseconds"]})
    return "\n".join(part for pair in combinations(names, 2) for part in _switches(rows, *pair))


def _switches(rows: Sequence[Row], one: str, other: str) -> Iterator[str]:
    both = [row for row in rows if {one, other} <= row["milliseconds"].keys() and row["fastest"] in (one, other)]
    if len({row["fastest"] for row in both}) < 2:
        return
    head = f"{'ratio':>7}{'P':>8}{'tiles4':>8}{'tiles2':>8}{'K':>7}{'O':>6}{'MMAC':>9}{'w KiB':>8}"
    yield f"{one} / {other}\n{head}  {'chosen':12}  shape"
    for row in sorted(both, key=lambda row: _ratio(row, one, other)):
        case = case_of(row)
        n, oh, ow, o = case.output
        tiles = [n * ceil(oh / m) * ceil(ow / m) for m in (4, 2)]
        numbers = f"{n * oh * ow:>8}{tiles[0]:>8}{tiles[1]:>8}{case.terms - 1:>7}{o:>6}"
        work = f"{case.flops / 2e6:>9.1f}{prod(case.shapes[1]) * 4 / 1024:>8.0f}"
        yield f"{_ratio(row, one, other):>7.3f}{numbers}{work}  {row['chosen']:12}  {label(row)}"
    yield ""


def _ratio(row: Row, one: str, other: str) -> float:
    return row["milliseconds"][one] / row["milliseconds"][other]
