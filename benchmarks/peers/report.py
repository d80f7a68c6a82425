"""The tables of `benchmarks.peers`, as Markdown: times, and how they compare with the fastest framework."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.peers.targets import AFTER_A_PAUSE, HEADER, WAYS, ms, overall, ratios, rows, spread, timed, title
from convlab.bench.spread import quartiles

PAGE = """\
# convlab beside other frameworks

`python -m benchmarks.peers` made this page on {date}: float32, {threads} threads each, every contender in a process
of its own, {rounds} rounds in turns, with {pause} s of quiet before each. In a turn a contender is called {single}
times after a pause of {before_each} s each, as a user calls now and then, and then back to back for about {turn} s. A
ratio is our median of a round by the other's median of the same round: the median of these ratios, and their
quartiles in brackets. A framework that took over {too_slow} times as long as the fastest in the first round, called
either way, is timed no further. An answer counts as right where each output's relative L2 error against float64 is at
most 8 times what rounding leads one to expect; a wrong one gets no time. The time of a call includes the release of
what it returned. "compiled" is `model.compiled = True` and `model.plan(batch)` beforehand, which a network as small
as LeNet-5 gets only where it is asked for.

{machine}

{summary}
{loading}{tables}"""
LOADING = """\
## vgg16, loaded from its HDF5 file

Processes that load the file and predict once, {repeat} each; without the imports. The peak is of the whole process.

{table}
"""


def as_markdown(results: dict[str, Any]) -> str:
    """Return the page."""
    machine = "\n".join(f"- {name}: {value}" for name, value in results["machine"].items())
    tables = "\n".join(f"## {title(task)}\n\n{_contenders(task)}" for task in results["tasks"])
    summary, loading = as_table(HEADER, rows(results["tasks"])), _loading(results.get("loading"))
    options = {name: str(value) for name, value in results["options"].items()}
    return PAGE.format(
        date=results["date"], machine=machine, summary=summary, loading=loading, tables=tables, **options
    )


def _contenders(task: dict[str, Any]) -> str:
    present, lines = timed(task), []
    ours = present.get(f"convlab {task['what']}")
    for name in sorted(present, key=lambda name: overall(present[name])[1]):
        each = present[name]
        low, middle, high = overall(each)
        against = [spread(ratios(ours, each, way)) if ours and each is not ours else "" for way in WAYS]
        errors = f"{each['error']:.1e} of {each['allowed']:.1e}"
        versions = ", ".join(f"{package} {version}" for package, version in each["versions"].items())
        paused = ms(overall(each, AFTER_A_PAUSE)[1])
        times = (ms(middle), f"{ms(low)} to {ms(high)}", against[0], paused, against[1], ms(each["first"]))
        lines.append((name, f"{len(each['rounds'])}", *times, errors, versions))
    header = (
        *("contender", "rounds", "median", "quartiles", "convlab / it", "after a pause", "convlab / it"),
        *("first call", "error, allowed", "versions"),
    )
    missing = [f"- {name}: {each['missing']}" for name, each in task["contenders"].items() if "missing" in each]
    return as_table(header, lines) + _quiet(present) + "".join(f"\n{line}\n" for line in missing)


def _quiet(present: dict[str, Any]) -> str:
    """Return a sentence on what else the machine did."""
    busy = [each["busy before"] for contender in present.values() for each in contender["rounds"]]
    median, high = np.quantile(busy or [0], (0.5, 0.9))
    return f"\nOther work took {median:.0%} of the cores' time in the pauses (over {high:.0%} in a tenth of them).\n"


def _loading(found: dict[str, dict[str, list[float]]] | None) -> str:
    """Return the section of what loading takes; nothing where it was not measured."""
    if found is None:
        return ""
    lines = []
    for what, values in found.items():
        of_each = list(values.values())
        cells = (f"{middle:.3f} [{low:.3f}, {high:.3f}]" for low, middle, high in map(quartiles, of_each))
        ours, theirs = of_each
        lines.append((what, *cells, spread([a / b for a, b in zip(ours, theirs, strict=True)])))
    header = ("what", *next(iter(found.values())), "ratio")
    repeat = len(next(iter(next(iter(found.values())).values())))
    return LOADING.format(repeat=repeat, table=as_table(header, lines))


def as_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "".join("| " + " | ".join(line) + " |\n" for line in (header, ("---",) * len(header), *lines))
