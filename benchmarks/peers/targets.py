"""What our time may be at most of the fastest framework's, and how it is."""

from collections.abc import Sequence
from math import exp, fsum, log
from typing import Any, NamedTuple

import numpy as np

from convlab.bench.spread import quartiles

Way = str
BACK_TO_BACK, AFTER_A_PAUSE = WAYS = ("back to back", "after a pause")
COMPILED = "convlab predict, compiled"


class Target(NamedTuple):
    """A ratio that is to be reached, one beyond it, and the start of the names of the frameworks meant."""

    most: float | None = None
    beyond: float | None = None
    start: str = ""

    @property
    def cells(self) -> list[str]:
        """As a table has them."""
        return ["" if ratio is None else f"{ratio:.2f}" for ratio in (self.most, self.beyond)]


SIX = ("efficientnetb0", "mobilenetv3small", "densenet121", "inceptionv3", "xception", "unet")
TARGETS = {
    ("vgg16", 1, "predict"): Target(0.50, 0.40),
    ("vgg16", 8, "predict"): Target(0.40, 0.33),
    ("resnet50", 1, "predict"): Target(1.00, 0.85),
    ("resnet50", 8, "predict"): Target(0.85, 0.70),
    **{(name, 1, "predict"): Target(1.00, 0.85) for name in ("mobilenet", "mobilenetv2")},
    **{(name, 8, "predict"): Target(0.95, 0.80) for name in ("mobilenet", "mobilenetv2")},
    **{(name, 1, "predict"): Target(1.15) for name in SIX},
    ("lenet5", 1, "predict"): Target(1.50, 0.90, "ONNX Runtime"),
    ("lenet5", 1000, "predict"): Target(1.00, 0.80),
    ("vgg16", 1, "run"): Target(0.60),
    ("vgg16", 1, "gradient"): Target(0.70),
    ("resnet50", 1, "gradient"): Target(1.20),
}
LAYERS = {14: 0.80, 28: 0.50, 56: 0.50, 112: 0.50, 224: 0.50}  # image side of a single layer, against PyTorch
MEANS = {1: Target(1.00, 0.85), 8: Target()}  # of SIX, by the batch
RUN_TO_PREDICT = Target(1.25, 1.10)
HEADER = ("what", "against", *(f"{way}: {cell}" for way in WAYS for cell in ("times", "ratio")), "at most", "beyond")


def timed(task: dict[str, Any]) -> dict[str, Any]:
    """Return the contenders of a task that have times."""
    return {name: each for name, each in task["contenders"].items() if each.get("rounds")}


def overall(contender: dict[str, Any], way: Way = BACK_TO_BACK) -> list[float]:
    """Return quartiles of a contender's rounds: the lower ones' median, the medians' and the upper ones'."""
    return np.median([_in_round(each, way)["quartiles"] for each in contender["rounds"]], axis=0).tolist()


def ratios(ours: dict[str, Any], other: dict[str, Any], way: Way = BACK_TO_BACK) -> list[float]:
    """Return our median by the other's, round by round, as far as the other has been timed."""
    rounds = zip(ours["rounds"], other["rounds"], strict=False)
    return [_in_round(a, way)["quartiles"][1] / _in_round(b, way)["quartiles"][1] for a, b in rounds]


def _in_round(round_: dict[str, Any], way: Way) -> dict[str, Any]:
    return round_ if way == BACK_TO_BACK else round_[way]


def spread(values: Sequence[float]) -> str:
    """Return the median, and the quartiles in brackets."""
    low, middle, high = quartiles(values)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def ms(seconds: float) -> str:
    """Return milliseconds."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def title(task: dict[str, Any]) -> str:
    """Return what was asked."""
    return f"{task['network']}, batch {task['batch']}, `{task['what']}`"


def rows(tasks: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the rows of our times by the fastest framework's, and of `run` by `predict`, beside the targets."""
    return [*(row for task in tasks for row in _rows(task)), *_means(tasks)]


def _rows(task: dict[str, Any]) -> list[tuple[str, ...]]:
    present, found, target = timed(task), [], _target(task)
    for name in (f"convlab {task['what']}", COMPILED):
        peers = fastest(present, target.start)
        if name in present and peers:
            what = title(task) + (", compiled" if name == COMPILED else "")
            found.append((what, *_cells(present, name, peers), *target.cells))
    if task["what"] == "run" and {"convlab run", "convlab predict"} <= present.keys():
        own = dict.fromkeys(WAYS, "convlab predict")
        found.append((title(task), *_cells(present, "convlab run", own), *RUN_TO_PREDICT.cells))
    return found


def _cells(present: dict[str, Any], ours: str, others: dict[Way, str]) -> tuple[str, ...]:
    cells = [" / ".join(dict.fromkeys(others.values()))]
    for way, other in others.items():
        cells.append(f"{ms(overall(present[ours], way)[1])} / {ms(overall(present[other], way)[1])}")
        cells.append(spread(ratios(present[ours], present[other], way)))
    return tuple(cells)


def _target(task: dict[str, Any]) -> Target:
    network = task["network"]
    if network.startswith("layer-"):
        return Target(LAYERS[int(network.split("-")[1])], start="PyTorch")
    return TARGETS.get((network, task["batch"], task["what"]), Target())


def fastest(present: dict[str, Any], start: str = "") -> dict[Way, str]:
    """Return the fastest framework in each way of calling; none where none is there."""
    peers = [name for name in present if name.startswith(start) and not name.startswith("convlab")]
    return {way: min(peers, key=lambda name: overall(present[name], way)[1]) for way in WAYS} if peers else {}


def _means(tasks: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the rows of the geometric mean over SIX, round by round, where all of them have been timed."""
    found = []
    for batch, target in MEANS.items():
        asked = [task for task in tasks if (task["batch"], task["what"]) == (batch, "predict")]
        by_network = {task["network"]: timed(task) for task in asked}
        six = [by_network.get(name, {}) for name in SIX]
        if all("convlab predict" in present and fastest(present) for present in six):
            cells = [cell for way in WAYS for cell in ("", spread(_mean(six, way)))]
            found.append((f"geometric mean of {', '.join(SIX)}, batch {batch}", "the fastest", *cells, *target.cells))
    return found


def _mean(six: Sequence[dict[str, Any]], way: Way) -> list[float]:
    each = [ratios(present["convlab predict"], present[fastest(present)[way]], way) for present in six]
    return [exp(fsum(map(log, round_)) / len(round_)) for round_ in zip(*each, strict=False)]
