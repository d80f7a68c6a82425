"""Contenders of one task: each is started and checked, then they take turns."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.peers.files import Task
from benchmarks.peers.process import MissingError, Worker, environment
from benchmarks.peers.quiet import pause
from benchmarks.peers.worker import framework
from convlab.bench.spread import quartiles

BUSY = 0.1  # of the cores' time: with more of it used by others before a turn, the turn waits
CALLS = (2, 1000)  # least and most in one turn, back to back
SINGLE_CALLS, BEFORE_EACH = 2, 0.3  # in one turn, each after so many seconds in which nothing is asked
TOO_SLOW = 1.5  # times the fastest framework: what took longer in the first round is timed no further


def relative_errors(task: Task, answer: Path) -> dict[str, float]:
    """Return name -> relative L2 error of an answer against float64; infinite for another shape."""
    with np.load(task.own_folder / "answers.npz") as exact, np.load(answer) as given:
        return {name: _relative_error(given[name], exact[name]) for name in given.files}


def _relative_error(y: Any, exact: Any) -> float:
    if y.shape != exact.shape or y.dtype != np.float32 or not np.isfinite(y).all():
        return float("inf")
    return float(np.linalg.norm((y - exact).ravel()) / np.linalg.norm(exact.ravel()))


def check(task: Task, worker: Worker) -> dict[str, Any]:
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


def start(
    task: Task, contenders: Sequence[str], options: argparse.Namespace, own: dict[str, str], stack: ExitStack
) -> dict[str, Any]:
    """Start the contenders of a task together, and check each.

    Returns
    -------
    dict
        Name -> what is known, with "worker" or else "missing".
    """
    results: dict[str, Any] = {}
    for name in contenders:
        try:
            worker = Worker(name, task, options.python.get(framework(name), sys.executable), options.threads, own)
        except OSError as error:
            results[name] = {"missing": str(error)}
        else:
            stack.callback(worker.close)
            results[name] = {"worker": worker, "rounds": []}
    for stage in (Worker.ready, partial(check, task)):
        for name, result in results.items():
            if "worker" in result:
                try:
                    result.update(stage(result["worker"]))
                except MissingError as error:
                    results[name] = {"missing": str(error)}
    for name, result in results.items():
        print(f"  {name}: {result.get('missing', 'right')}", flush=True)
    return results


def take_turns(present: dict[str, Any], options: argparse.Namespace) -> None:
    """Time the contenders, each for about `options.turn` seconds a round; who begins changes from round to round."""
    counts = {name: calls_in_a_turn(each["worker"], options.turn) for name, each in present.items()}
    names = list(present)
    for i in range(options.rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            ask, busy = present[name]["worker"].ask, pause(options.pause, BUSY, options.wait)
            paused = summary(ask(time=SINGLE_CALLS, pause=BEFORE_EACH)["seconds"])
            row = summary(ask(time=counts[name], pause=0)["seconds"])
            present[name]["rounds"].append({**row, "after a pause": paused, "busy before": busy})
        if i == 0:
            names = in_the_race(present)


def calls_in_a_turn(worker: Worker, seconds: float) -> int:
    """Return how many calls take about so long, once what makes the first ones slow is over."""
    return int(np.clip(seconds / min(worker.ask(time=CALLS[0], pause=0)["seconds"]), *CALLS))


def in_the_race(present: dict[str, Any]) -> list[str]:
    """Return convlab's contenders, and of the frameworks' those that may be the fastest, after the first round."""
    ours = [name for name in present if name.startswith("convlab")]
    others = [name for name in present if name not in ours]
    fast: set[str] = set()
    for least in (
        {name: present[name]["rounds"][0]["least"] for name in others},
        {name: present[name]["rounds"][0]["after a pause"]["least"] for name in others},
    ):
        fast.update(name for name in others if least[name] <= TOO_SLOW * min(least.values()))
    return [name for name in present if name in fast or name in ours]


def make_apart(task: Task) -> None:
    """Make the files of a task that are not there yet, in a process that has ended when anything is timed."""
    arguments = (task.folder, task.network, task.batch, task.what)
    with environment() as own:
        subprocess.run([sys.executable, "-m", "benchmarks.peers.files", *map(str, arguments)], env=own, check=True)


def measure(task: Task, contenders: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """Return what came of a task."""
    print(task.name, flush=True)
    make_apart(task)
    began = perf_counter()
    with environment() as own, ExitStack() as stack:
        results = start(task, contenders, options, own, stack)
        present = {name: result for name, result in results.items() if "worker" in result}
        take_turns(present, options)
    for result in present.values():
        del result["worker"]
    print(f"  {perf_counter() - began:.0f} s", flush=True)
    return {"network": task.network, "batch": task.batch, "what": task.what, "contenders": results}


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """Return how many durations there were in a turn, the least, and the quartiles."""
    return {"calls": len(seconds), "least": min(seconds), "quartiles": quartiles(seconds)}
