"""Time convlab beside PyTorch, ONNX Runtime, OpenVINO and TensorFlow on whole networks, in turns within one run.

    python benchmarks/peers.py --data FOLDER --python tensorflow=OTHER/bin/python --out benchmarks/results/peers

Each contender lives in a process of its own that holds the network and sleeps until it is its turn; between turns all
is quiet for a while, because idle thread pools spin. What a contender computes is compared with float64 first, and a
wrong answer gets no time. FOLDER gets the networks' files (3 GB), made by Keras and exported by PyTorch, and
keeps them for the next run. This interpreter needs convlab, Keras, PyTorch and onnx; a contender that is missing is
named.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.peers.files import LAYER, Task
from benchmarks.peers.quiet import pause
from benchmarks.peers.report import as_markdown
from benchmarks.peers.worker import CONTENDERS, framework
from convlab.bench.host import cores, machine

HERE = Path(__file__).parent
PREDICTING = tuple(name for name in CONTENDERS if name != "convlab run" and "bound" not in name)
OF_LAYERS = tuple(name for name in PREDICTING if name.startswith(("convlab", "PyTorch")))
RECORDING = tuple(name for name in CONTENDERS if "optimized" not in name)
VGG_LAYERS = (  # 3 x 3 convolutions: image side, channels in and out
    *("224-64-64", "112-64-128", "112-128-128", "56-128-256", "56-256-256", "28-256-512", "28-512-512", "14-512-512"),
)
TASKS = {
    "vgg16": ("vgg16", 1, False),
    "vgg16-8": ("vgg16", 8, False),
    "vgg16-run": ("vgg16", 1, True),
    "lenet5": ("lenet5", 1, False),
    "lenet5-1000": ("lenet5", 1000, False),
    "resnet50": ("resnet50", 1, False),
    "mobilenet": ("mobilenet", 1, False),
    **{f"layer-{sizes}": (f"layer-{sizes}", 1, False) for sizes in VGG_LAYERS},
}
PATIENCE = 900  # seconds for one reply; a contender that takes longer is given up
BUSY = 0.1  # of the cores' time: with more of it used by others before a turn, the turn waits
CALLS = (3, 1000)  # least and most in one turn


class MissingError(Exception):
    """A contender that cannot take part, and why."""


class Worker:
    """A contender in its process."""

    def __init__(self, contender: str, task: Task, python: str, threads: int) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        arguments = (contender, task.folder, task.network, task.batch, task.what, threads)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        self.process = subprocess.Popen(
            [python, HERE / "peers_worker.py", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=os.environ | dict.fromkeys(names, str(threads)),
        )
        try:
            self.about = self._reply()
        except MissingError:
            self.close()
            raise

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the reply to a request; MissingError where none comes."""
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise MissingError(self._last_words()) from None
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        if not ready:
            raise MissingError(f"no answer within {PATIENCE} s")
        line = self.process.stdout.readline()
        if not line:
            raise MissingError(self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with {self.process.returncode}"

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            stream.close()


def relative_errors(task: Task, answer: Path) -> dict[str, float]:
    """Return name -> relative L2 error of an answer against float64; infinite for another shape."""
    with np.load(task.own_folder / "answers.npz") as exact, np.load(answer) as given:
        return {name: _relative_error(given[name], exact[name]) for name in given.files}


def _relative_error(y: Any, exact: Any) -> float:
    if y.shape != exact.shape or y.dtype != np.float32 or not np.isfinite(y).all():
        return float("inf")
    return float(np.linalg.norm((y - exact).ravel()) / np.linalg.norm(exact.ravel()))


def check(worker: Worker, task: Task) -> dict[str, Any]:
    """Return how wrong a contender is at worst, in shares of what is allowed; MissingError if by more than that."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.npz"
        first = worker.ask(check=str(answer))["first"]
        errors = relative_errors(task, answer)
    worst = max(errors, key=lambda name: errors[name] / task.allowed[name])
    found = f"relative error {errors[worst]:.1e} in {worst}, allowed {task.allowed[worst]:.1e}"
    if errors[worst] > task.allowed[worst]:
        raise MissingError(f"wrong: {found}")
    return {"first": first, "error": errors[worst], "allowed": task.allowed[worst], "in": worst}


def start(task: Task, contenders: Sequence[str], options: argparse.Namespace, stack: ExitStack) -> dict[str, Any]:
    """Start and check the contenders of a task; return name -> what is known, with "worker" or else "missing"."""
    results: dict[str, Any] = {}
    for name in contenders:
        try:
            worker = Worker(name, task, options.python.get(framework(name), sys.executable), options.threads)
            stack.callback(worker.close)
            results[name] = {**worker.about, **check(worker, task), "worker": worker, "rounds": []}
        except (MissingError, OSError) as error:
            results[name] = {"missing": str(error)}
        print(f"  {name}: {results[name].get('missing', 'right')}", flush=True)
    return results


def take_turns(present: dict[str, Any], options: argparse.Namespace) -> None:
    """Time the contenders, each for about `options.turn` seconds a round; who begins changes from round to round."""
    counts: dict[str, int] = {}
    names = list(present)
    for i in range(options.rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            busy = pause(options.pause, BUSY, options.wait)
            if name not in counts:
                once = median(present[name]["worker"].ask(time=CALLS[0])["seconds"])
                counts[name] = int(np.clip(options.turn / once, *CALLS))
            seconds = present[name]["worker"].ask(time=counts[name])["seconds"]
            present[name]["rounds"].append(summary(seconds) | {"busy before": busy})


def measure(task: Task, contenders: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """Return what came of a task."""
    print(task.name, flush=True)
    arguments = (task.folder, task.network, task.batch, task.what)
    subprocess.run([sys.executable, HERE / "peers_files.py", *map(str, arguments)], check=True)
    with ExitStack() as stack:
        results = start(task, contenders, options, stack)
        present = {name: result for name, result in results.items() if "worker" in result}
        take_turns(present, options)
    for result in present.values():
        del result["worker"]
    return {"network": task.network, "batch": task.batch, "what": task.what, "contenders": results}


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """Return how many durations there were in a turn, the least, and the quartiles."""
    quartiles = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
    return {"calls": len(seconds), "least": min(seconds), "quartiles": quartiles}


def save(results: dict[str, Any], out: Path) -> None:
    """Write OUT.json and OUT.md."""
    out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(as_markdown(results), encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("tasks", nargs="*", default=list(TASKS), metavar="TASK", help=f"of {', '.join(TASKS)} (all)")
    add("--data", type=Path, default=Path(tempfile.gettempdir()) / "convlab-peers", help="folder of the networks")
    add("--out", type=Path, help="write OUT.json and OUT.md (else the tables are printed)")
    add("--python", action="append", default=[], metavar="FRAMEWORK=PATH", help="an interpreter that has it")
    add("--only", help="contenders whose names hold this, and convlab")
    add("--threads", type=int, default=cores(), help="(%(default)s)")
    add("--rounds", type=int, default=9, help="(%(default)s)")
    add("--turn", type=float, default=1.5, help="seconds that a contender is timed in a round (%(default)s)")
    add("--pause", type=float, default=0.7, help="seconds of quiet before each turn (%(default)s)")
    add("--wait", type=float, default=0, help="seconds to wait at most for other work to end (%(default)s)")
    add("--quick", action="store_true", help="two short rounds, to see that all works")
    options = parser.parse_args()
    if unknown := [name for name in options.tasks if name not in TASKS]:
        parser.error(f"unknown task {', '.join(unknown)}: use {', '.join(TASKS)}")
    known = {framework(name) for name in CONTENDERS}
    if bad := [entry for entry in options.python if entry.partition("=")[0] not in known or "=" not in entry]:
        parser.error(f"--python {bad[0]}: expected FRAMEWORK=PATH with one of {', '.join(sorted(known))}")
    options.python = dict(entry.split("=", 1) for entry in options.python)
    if options.quick:
        options.rounds, options.turn, options.pause = 2, 0.2, 0.2
    return options


def main() -> None:
    options = parse()
    results: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "tasks": []}
    results["options"] = {name: getattr(options, name) for name in ("threads", "rounds", "turn", "pause", "wait")}
    for name in options.tasks:
        network, batch, record = TASKS[name]
        contenders = RECORDING if record else OF_LAYERS if network.startswith(LAYER) else PREDICTING
        chosen = [each for each in contenders if not options.only or "convlab" in each or options.only in each]
        results["tasks"].append(measure(Task(options.data, network, batch, record), chosen, options))
        if options.out:
            save(results, options.out)
    print(as_markdown(results))


if __name__ == "__main__":
    main()
