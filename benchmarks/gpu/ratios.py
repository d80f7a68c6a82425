"""How our times compare with those of PyTorch and cuBLAS in the same run, and whether that is what was aimed at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu.plan import BATCHES, LAYERS, PRODUCTS, RUNGS, TORCH

ACCURATE = 1e-4
"""The error, in standard deviations of the output, up to which a result has float32's accuracy."""
CPU_FLOOR = 100.0
"""How many times as fast as our own code on the processor a GPU is to be, on VGG16."""

Times = Mapping[str, dict[str, Any]]
"""By name of a contestant: what was found of it."""


@dataclass(frozen=True)
class Goal:
    """A ratio that is aimed at: the others' fastest time by our fastest.

    Attributes
    ----------
    what : str
    ours, theirs : tuple of str
        Contestants.
    floor, ambition : float
        The least that will do, and what is hoped for.
    """

    what: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    floor: float
    ambition: float


FLOAT32 = tuple(name for name in TORCH if "TF32" not in name)
GOALS = (
    Goal("implicit_gemm against cuBLAS' product of the same size", ("implicit_gemm",), PRODUCTS[:1], 0.80, 0.93),
    Goal("implicit_gemm against cuDNN without TF32, its faster layout", ("implicit_gemm",), FLOAT32, 0.80, 1.0),
    Goal("the fastest of float32's accuracy against the same", RUNGS, FLOAT32, 1.0, 1.5),
    Goal("tensor_core against cuDNN with TF32, channels first", ("tensor_core",), ("torch TF32",), 1.2, 2.0),
)


def found_by_layer(outcomes: Sequence[dict[str, Any]], batch: int) -> list[dict[str, dict[str, Any]]]:
    """Return for each of LAYERS what was found of each contestant."""
    found: list[dict[str, dict[str, Any]]] = [{} for _ in LAYERS]
    for outcome in outcomes:
        given = outcome["arguments"]
        if outcome["task"] == "layer" and given["batch"] == batch and "found" in outcome:
            found[given["layer"]][given["name"]] = outcome["found"]
    return found


def found_of_network(outcomes: Sequence[dict[str, Any]], network: str, batch: int) -> dict[str, dict[str, Any]]:
    """Return what was found of each contestant on a network."""
    wanted = {"network": network, "batch": batch}
    return {
        outcome["arguments"]["name"]: outcome["found"]
        for outcome in outcomes
        if outcome["task"] == "network" and "found" in outcome and outcome["arguments"].items() >= wanted.items()
    }


def fastest(times: Times, names: Sequence[str], fit: Callable[[dict[str, Any]], bool] = bool) -> float | None:
    """Return the least median of these contestants; None where none that is fit was timed."""
    return min((times[name]["median"] for name in names if name in times and fit(times[name])), default=None)


def accurate(found: dict[str, Any]) -> bool:
    """Return whether a result has float32's accuracy."""
    return bool(found["error"] < ACCURATE)


def layer_ratios(outcomes: Sequence[dict[str, Any]], batch: int) -> list[dict[str, Any]]:
    """Return the ratio of each goal, layer by layer and for all of VGG16's layers that have both times."""
    found = found_by_layer(outcomes, batch)
    return [_ratios(goal, found, batch) for goal in GOALS]


def _ratios(goal: Goal, found: Sequence[Times], batch: int) -> dict[str, Any]:
    exact = accurate if goal.ours == RUNGS else bool
    pairs = [(fastest(times, goal.theirs), fastest(times, goal.ours, exact)) for times in found]
    each = [theirs / ours if theirs and ours else None for theirs, ours in pairs]
    both = [
        (theirs, ours, len(layer[3])) for (theirs, ours), layer in zip(pairs, LAYERS, strict=True) if theirs and ours
    ]
    sums = [sum(pair[side] * pair[2] for pair in both) for side in (0, 1)]
    ratio = sums[0] / sums[1] if both else None
    aims = {"floor": goal.floor, "ambition": goal.ambition, "verdict": verdict(ratio, goal.floor, goal.ambition)}
    covered = sum(pair[2] for pair in both)
    return {"what": goal.what, "batch": batch, "ratio": ratio, "layers": each, "convolutions": covered, **aims}


def verdict(ratio: float | None, floor: float, ambition: float) -> str:
    """Return what a ratio comes to."""
    if ratio is None:
        return "not measured"
    return "ambition met" if ratio >= ambition else "floor met" if ratio >= floor else "below the floor"


def cpu_ratio(outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how many times as fast VGG16 is on the GPU as on the processor, in float32, at the largest batch."""
    batch = BATCHES[0]
    cpu = next(
        (outcome["found"]["median"] for outcome in outcomes if outcome["task"] == "cpu" and "found" in outcome), None
    )
    gpu = fastest(found_of_network(outcomes, "vgg16", batch), ("convlab predict",))
    ratio = cpu / gpu if cpu and gpu else None
    aims = {"floor": CPU_FLOOR, "ambition": CPU_FLOOR, "verdict": verdict(ratio, CPU_FLOOR, CPU_FLOOR)}
    return {"what": "VGG16 on the GPU against our own code on the processor", "batch": batch, "ratio": ratio, **aims}


def all_ratios(outcomes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all goals at the batch that they are for, then the same at the others."""
    largest, *others = BATCHES
    more = [ratio for batch in others for ratio in layer_ratios(outcomes, batch)]
    return [*layer_ratios(outcomes, largest), cpu_ratio(outcomes), *more]
