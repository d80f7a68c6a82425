"""The tables of `benchmarks.peers`, as Markdown: times, and how they compare with the fastest peer."""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from convlab.bench.spread import quartiles

TARGETS = {  # the most that our time may be of the fastest peer's, and the start of the names of the peers meant
    ("vgg16", 1, "predict"): (0.75, ""),
    ("vgg16", 8, "predict"): (0.50, ""),
    ("vgg16", 1, "run"): (0.60, ""),
    ("lenet5", 1, "predict"): (1.0, "PyTorch"),
    ("lenet5", 1000, "predict"): (1.0, "ONNX Runtime"),
    ("resnet50", 1, "predict"): (1.2, ""),
    ("mobilenet", 1, "predict"): (1.2, ""),
    ("vgg16", 1, "gradient"): (0.7, ""),
    ("resnet50", 1, "gradient"): (1.2, ""),
}
LAYERS = {14: 0.80, 28: 0.50, 56: 0.50, 112: 0.50, 224: 0.50}  # image side of a single layer, against PyTorch
RUN_TO_PREDICT = 1.20
PAGE = """\
# convlab beside other frameworks

`python -m benchmarks.peers` made this page on {date}: float32, {threads} threads each, every contender in a process
of its own, {rounds} rounds in turns of about {turn} s with {pause} s of quiet before each. A ratio is our median of a
round by the other's median of the same round: the median of these ratios, and their quartiles in brackets. An answer
counts as right where each output's relative L2 error against float64 is at most 8 times what rounding leads one to
expect; a wrong one gets no time. The time of a call includes the release of what it returned.

{machine}

{summary}
{tables}"""


def as_markdown(results: dict[str, Any]) -> str:
    """Return the page."""
    machine = "\n".join(f"- {name}: {value}" for name, value in results["machine"].items())
    tables = "\n".join(f"## {_title(task)}\n\n{_contenders(task)}" for task in results["tasks"])
    summary = _summary(results["tasks"])
    return PAGE.format(date=results["date"], **results["options"], machine=machine, summary=summary, tables=tables)


def ratios(ours: dict[str, Any], other: dict[str, Any]) -> list[float]:
    """Return our median by the other's, round by round."""
    return [_middle(a) / _middle(b) for a, b in zip(ours["rounds"], other["rounds"], strict=True)]


def overall(contender: dict[str, Any]) -> list[float]:
    """Return quartiles of a contender's rounds: the lower ones' median, the medians' and the upper ones'."""
    return np.median([each["quartiles"] for each in contender["rounds"]], axis=0).tolist()


def _middle(round_: dict[str, Any]) -> float:
    return round_["quartiles"][1]


def _title(task: dict[str, Any]) -> str:
    return f"{task['network']}, batch {task['batch']}, `{task['what']}`"


def _timed(task: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in task["contenders"].items() if each.get("rounds")}


def _target(task: dict[str, Any]) -> tuple[float, str]:
    """Return the most that our time may be of a peer's, if that is said, and the start of the peers' names meant."""
    network = task["network"]
    if network.startswith("layer-"):
        return LAYERS[int(network.split("-")[1])], "PyTorch"
    return TARGETS.get((network, task["batch"], task["what"]), (inf, ""))


def _fastest_peer(timed: dict[str, Any], start: str) -> str | None:
    peers = [name for name in timed if name.startswith(start) and not name.startswith("convlab")]
    return min(peers, key=lambda name: overall(timed[name])[1], default=None)


def _spread(values: Sequence[float]) -> str:
    low, middle, high = quartiles(values)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def _summary(tasks: Sequence[dict[str, Any]]) -> str:
    """Return the table of our times by the fastest peer's, beside the targets."""
    rows = []
    for task in tasks:
        timed = _timed(task)
        target, meant = _target(task)
        ours, peer = timed.get(f"convlab {task['what']}"), _fastest_peer(timed, meant)
        if ours and peer:
            row = (_ms(overall(ours)[1]), peer, _ms(overall(timed[peer])[1]), _spread(ratios(ours, timed[peer])))
            rows.append((_title(task), *row, f"{target:.2f}" if target < inf else ""))
        if ours and task["what"] == "run" and "convlab predict" in timed:
            own = timed["convlab predict"]
            row = (_ms(overall(ours)[1]), "convlab `predict`", _ms(overall(own)[1]), _spread(ratios(ours, own)))
            rows.append((_title(task), *row, f"{RUN_TO_PREDICT:.2f}"))
    return _table(("what", "convlab", "against", "its time", "ratio", "at most"), rows)


def _contenders(task: dict[str, Any]) -> str:
    timed, rows = _timed(task), []
    ours = timed.get(f"convlab {task['what']}")
    for name in sorted(timed, key=lambda name: overall(timed[name])[1]):
        each = timed[name]
        low, middle, high = overall(each)
        errors = f"{each['error']:.1e} of {each['allowed']:.1e}"
        versions = ", ".join(f"{package} {version}" for package, version in each["versions"].items())
        ratio = _spread(ratios(ours, each)) if ours and each is not ours else ""
        rows.append((name, _ms(middle), f"{_ms(low)} to {_ms(high)}", ratio, _ms(each["first"]), errors, versions))
    header = ("contender", "median", "quartiles", "convlab / it", "first call", "error, allowed", "versions")
    missing = [f"- {name}: {each['missing']}" for name, each in task["contenders"].items() if "missing" in each]
    return _table(header, rows) + _quiet(timed) + "".join(f"\n{line}\n" for line in missing)


def _quiet(timed: dict[str, Any]) -> str:
    """Return a sentence on what else the machine did."""
    busy = [each["busy before"] for contender in timed.values() for each in contender["rounds"]]
    median, high = np.quantile(busy or [0], (0.5, 0.9))
    return f"\nOther work took {median:.0%} of the cores' time in the pauses (over {high:.0%} in a tenth of them).\n"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (header, ("---",) * len(header), *rows)
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
