"""What is to be measured, the most important first, and what becomes of it when time runs out."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

TWICE = 2
BATCHES = (32, 8, 1)
NETWORKS = ("vgg16", "resnet50", "lenet5")
LAYERS = (  # VGG16's distinct 3 x 3 convolutions: side, channels in and out, and the names of those that are like it
    (224, 3, 64, ("block1_conv1",)),
    (224, 64, 64, ("block1_conv2",)),
    (112, 64, 128, ("block2_conv1",)),
    (112, 128, 128, ("block2_conv2",)),
    (56, 128, 256, ("block3_conv1",)),
    (56, 256, 256, ("block3_conv2", "block3_conv3")),
    (28, 256, 512, ("block4_conv1",)),
    (28, 512, 512, ("block4_conv2", "block4_conv3")),
    (14, 512, 512, ("block5_conv1", "block5_conv2", "block5_conv3")),
)
RUNGS = (
    *("implicit_gemm", "winograd", "winograd2x2", "tensor_core", "tensor_core_3x", "im2col"),
    *("blocked", "tiled", "direct", "direct_strided"),
)
PRODUCTS = ("cuBLAS", "cuBLAS TF32")
TORCH = ("torch", "torch channels_last", "torch TF32", "torch channels_last TF32")
OURS = ("convlab predict", "convlab predict TF32", "convlab run", "convlab run TF32")
GRAPHS = tuple(f"{name} graph" for name in TORCH)


@dataclass(frozen=True)
class Task:
    """One measurement.

    Attributes
    ----------
    kind : str
        Which function does it, in `work.DO`.
    arguments : dict
        What that function takes.
    limit : float
        Seconds after which it is given up.
    least : float
        Seconds that must be left for it to be begun.
    needed : bool
        Whether what comes after it is of no use where it fails.
    """

    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)
    limit: float = 60.0
    least: float = 5.0
    needed: bool = False


def plan(log: str) -> list[Task]:
    """Return all tasks in their order; the tests write to the file `log`."""
    return [
        Task("facts"),
        Task("launch", needed=True),
        *(Task("peak", {"of": of}) for of in ("copy", "CuPy", "torch", "CuPy TF32", "torch TF32")),
        Task("tests", {"log": log, "seconds": 170.0}, limit=200.0, least=210.0),
        *layers(32),
        *(task for batch in (32, 1, 8) for task in networks("vgg16", batch)),
        Task("transfer"),
        *layers(1),
        *(task for batch in (32, 8, 1) for task in networks("resnet50", batch)),
        *layers(8),
        *(task for batch in (32, 8, 1) for task in networks("lenet5", batch)),
        Task("cpu", {"batch": 32, "seconds": 90.0}, limit=150.0, least=60.0),  # meanwhile the GPU is idle
    ]


def layers(batch: int) -> Iterator[Task]:
    """Yield all ways to compute each layer."""
    for layer in range(len(LAYERS)):
        for name in (*PRODUCTS, *TORCH, *RUNGS):
            yield Task("layer", {"layer": layer, "batch": batch, "name": name}, limit=40.0, least=10.0)


def networks(network: str, batch: int) -> Iterator[Task]:
    """Yield all ways to compute a network."""
    for name in (*OURS, *TORCH, *(GRAPHS if batch == 1 else ())):
        yield Task("network", {"network": network, "batch": batch, "name": name}, limit=90.0, least=20.0)


def title(outcome: dict[str, Any]) -> str:
    """Return what a task is called."""
    return " ".join([outcome["task"], *map(str, outcome["arguments"].values())])


def carry_out(
    tasks: Sequence[Task],
    ask: Callable[[Task, float], dict[str, Any]],
    seconds: float,
    done: Callable[[dict[str, Any]], None],
    clock: Callable[[], float] = time.monotonic,
) -> list[dict[str, Any]]:
    """Do tasks one after the other in so many seconds, and return what became of each.

    Parameters
    ----------
    ask : function
        Takes a task and the seconds after which to give it up; returns {"found": ...}, or {"error": ...}, with
        {"broken": True} where it ended its process. What did that twice is not tried again: another takes seconds.
    done : function
        Told of what became of each.

    Returns
    -------
    list of dict
        {"task": kind, "arguments": ..., "seconds": ...} with "found", "error" or "skipped".
    """
    end, outcomes = clock() + seconds, []
    broke: Counter[Any] = Counter()
    failed = ""  # of what the rest needs
    for task in tasks:
        begun, contestant = clock(), (task.kind, task.arguments.get("name"))
        if (left := end - begun) < task.least:
            became = {"skipped": f"{max(0.0, left):.0f} s were left, it may need {task.least:.0f}"}
        elif failed:
            became = {"skipped": f"{failed} failed, without which it is of no use"}
        elif broke[contestant] == TWICE:
            became = {"skipped": "it ended its process twice"}
        else:
            became = ask(task, min(task.limit, left))
            broke[contestant] += bool(became.get("broken"))
            failed = task.kind if task.needed and "error" in became else failed
        took = clock() - begun
        outcomes.append({"task": task.kind, "arguments": task.arguments, "seconds": took, **became})
        done(outcomes[-1])
    return outcomes
