"""Time convlab beside PyTorch, ONNX Runtime, OpenVINO and TensorFlow on whole networks, in turns within one run.

    python -m benchmarks.peers --data FOLDER --python tensorflow=OTHER/bin/python --out benchmarks/results/peers

Each contender lives in a process of its own that holds the network and sleeps until it is its turn; between turns all
is quiet for a while, because idle thread pools spin. What a contender computes is compared with float64 first, and a
wrong answer gets no time. In a turn it is called a few times after a pause each, as a user calls now and then, and
then back to back. FOLDER gets the networks' files, made by Keras and exported by PyTorch, and keeps them for the next
run. This interpreter needs convlab, Keras, PyTorch and onnx; a contender that is missing is named.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peers.files import KERAS_NETWORKS, LAYER, Task
from benchmarks.peers.report import as_markdown
from benchmarks.peers.turns import BEFORE_EACH, SINGLE_CALLS, TOO_SLOW, make_apart, measure
from benchmarks.peers.worker import CONTENDERS, framework
from benchmarks.vgg16.memory import loading
from convlab.bench import host
from convlab_kernels.cpu.runtime.threads import CORES

OTHERS = tuple(name for name in CONTENDERS if not name.startswith("convlab"))
PREDICTING = ("convlab predict", *(name for name in OTHERS if "bound" not in name))
OF_LAYERS = tuple(name for name in PREDICTING if name.startswith(("convlab", "PyTorch")))
OWN = ("convlab predict", "convlab run")
RECORDING = (*OWN, *(name for name in OTHERS if "optimized" not in name))
DIFFERENTIATING = ("convlab gradient", *(name for name in RECORDING if name.startswith("PyTorch")))
VGG_LAYERS = (  # 3 x 3 convolutions: image side, channels in and out
    *("224-64-64", "112-64-128", "112-128-128", "56-128-256", "56-256-256", "28-256-512", "28-512-512", "14-512-512"),
)
NETWORKS = (*KERAS_NETWORKS, "unet")
GROUPS = {
    "predict": {
        **{name: (name, 1, "predict") for name in (*NETWORKS, "lenet5")},
        **{f"{name}-8": (name, 8, "predict") for name in NETWORKS},
        "lenet5-1000": ("lenet5", 1000, "predict"),
    },
    "run": {f"{name}-run": (name, 1, "run") for name in (*NETWORKS, "lenet5")},
    "gradient": {f"{name}-gradient": (name, 1, "gradient") for name in ("vgg16", "resnet50", "mobilenet", "lenet5")},
    "layer": {f"layer-{sizes}": (f"layer-{sizes}", 1, "predict") for sizes in VGG_LAYERS},
}
TASKS = {name: task for group in GROUPS.values() for name, task in group.items()}
LOADING = "loading"  # VGG16 from its file, which is no task of several frameworks
NAMES = (*GROUPS, LOADING, *TASKS)


def contenders(network: str, what: str) -> tuple[str, ...]:
    """Return who takes part in a task."""
    if what == "gradient":
        return DIFFERENTIATING
    if what == "run":
        return RECORDING if network == "vgg16" else OWN
    if network.startswith(LAYER):
        return OF_LAYERS
    return (*PREDICTING, "convlab predict, compiled") if network == "lenet5" else PREDICTING


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("tasks", nargs="*", default=[*GROUPS, LOADING], metavar="TASK", help=f"of {', '.join(NAMES)} (all)")
    add("--data", type=Path, default=Path(tempfile.gettempdir()) / "convlab-peers", help="folder of the networks")
    add("--out", type=Path, help="write OUT.json and OUT.md (else the tables are printed)")
    add("--python", action="append", default=[], metavar="FRAMEWORK=PATH", help="an interpreter that has it")
    add("--only", help="contenders whose names hold this, and convlab")
    add("--threads", type=int, default=CORES, help="(%(default)s)")
    add("--rounds", type=int, default=5, help="(%(default)s)")
    add("--turn", type=float, default=0.4, help="seconds that a contender is timed in a round (%(default)s)")
    add("--pause", type=float, default=0.4, help="seconds of quiet before each turn (%(default)s)")
    add("--wait", type=float, default=0, help="seconds to wait at most for other work to end (%(default)s)")
    add("--quick", action="store_true", help="two short rounds, to see that all works")
    options = parser.parse_args()
    options.tasks = [name for given in options.tasks for name in GROUPS.get(given, [given])]
    if unknown := [name for name in options.tasks if name not in NAMES]:
        parser.error(f"unknown task {', '.join(unknown)}: use {', '.join(NAMES)}")
    known = {framework(name) for name in CONTENDERS}
    if bad := [entry for entry in options.python if entry.partition("=")[0] not in known or "=" not in entry]:
        parser.error(f"--python {bad[0]}: expected FRAMEWORK=PATH with one of {', '.join(sorted(known))}")
    options.python = dict(entry.split("=", 1) for entry in options.python)
    if options.quick:
        options.rounds, options.turn, options.pause = 2, 0.1, 0.05
    return options


def main() -> None:
    options = parse()
    results: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": host.facts(), "tasks": []}
    results["options"] = {name: getattr(options, name) for name in ("threads", "rounds", "turn", "pause", "wait")}
    results["options"] |= {"single": SINGLE_CALLS, "before_each": BEFORE_EACH, "too_slow": TOO_SLOW}
    for name in options.tasks:
        if name == LOADING:
            results["loading"] = loading(vgg16_file(options.data), options.rounds)
        else:
            results["tasks"].append(timed(Task(options.data, *TASKS[name]), options))
        if options.out:
            save(results, options.out)
    print(as_markdown(results))


def timed(task: Task, options: argparse.Namespace) -> dict[str, Any]:
    """Return what came of a task, with those who were asked for."""
    taking_part = contenders(task.network, task.what)
    chosen = [each for each in taking_part if not options.only or "convlab" in each or options.only in each]
    return measure(task, chosen, options)


def vgg16_file(data: Path) -> Path:
    """Return the file that Keras saved, made now where it is not there."""
    task = Task(data, *TASKS["vgg16"])
    make_apart(task)
    return task.network_file


def save(results: dict[str, Any], out: Path) -> None:
    """Write OUT.json and OUT.md."""
    out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(as_markdown(results), encoding="utf-8")


if __name__ == "__main__":
    main()
