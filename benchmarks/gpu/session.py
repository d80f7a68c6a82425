"""The ten minutes on the GPU: tasks are done in order, every result is saved at once, then come page and pictures."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.gpu.pictures import draw
from benchmarks.gpu.plan import carry_out, plan, title
from benchmarks.gpu.process import Worker
from benchmarks.gpu.ratios import all_ratios
from benchmarks.gpu.report import as_markdown
from benchmarks.gpu.work import serve
from convlab.errors import UnsupportedError
from convlab.runtime.device import check_device

REPORTING = 25.0
"""Seconds that are kept for the page and the pictures."""
Ask = Callable[[Any, float], dict[str, Any]]
"""Takes (kind, arguments) and the seconds after which to give it up, and returns what came of it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="Measure convlab on an NVIDIA GPU.")
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything (default: 9)")
    options = parser.parse_args()
    begun = time.monotonic()
    return with_gpu(lambda ask: measure(options.out, 60 * options.minutes - (time.monotonic() - begun), ask))


def with_gpu(work: Callable[[Ask], None]) -> int:
    """Do work with a process on the GPU to ask; return this program's status, 1 where there is no GPU."""
    try:
        check_device("cuda")
    except UnsupportedError as error:
        print(f"benchmarks.gpu: {error}", file=sys.stderr)
        return 1
    worker = Worker(serve)
    try:
        work(worker.ask)
    finally:
        worker.close()
    return 0


def measure(out: Path, seconds: float, ask: Ask) -> None:
    """Do everything in so many seconds, and write it to a folder."""
    out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "outcomes": []}

    def done(outcome: dict[str, Any]) -> None:
        results["outcomes"].append(outcome)
        save(results, out)  # whatever ends this process, what was measured is there

    asked(plan(str(out / "gpu_tests.log")), ask, seconds - REPORTING, done)
    report(results, out)


def asked(tasks: Sequence[Any], ask: Ask, seconds: float, done: Callable[[dict[str, Any]], None]) -> None:
    """Have tasks done in so many seconds, and print a line of each; why all has stopped, in full."""

    def told(outcome: dict[str, Any]) -> None:
        print(line(outcome), flush=True)
        if outcome["task"] == "launch" and "traceback" in outcome:
            print(outcome["traceback"], flush=True)
        done(outcome)

    carry_out(tasks, lambda task, limit: ask((task.kind, task.arguments), limit), seconds, told)


def line(outcome: dict[str, Any]) -> str:
    """Return what became of a task in a line."""
    came = {key: outcome[key] for key in ("error", "skipped") if key in outcome} or outcome["found"]
    if "median" in came:
        doubt = {key: came[key] for key in ("doubt",) if key in came}
        came = {key: f"{came[key]:.4g}" for key in ("median", "flops_a_second", "a_second", "error") if key in came}
        came |= doubt
    return f"{outcome['seconds']:6.1f} s  {title(outcome)}: " + ", ".join(f"{k} {v}" for k, v in came.items())


def save(results: dict[str, Any], out: Path) -> None:
    """Write the data, a measurement a line, and the ratios before them."""
    date, outcomes = json.dumps(results["date"]), results["outcomes"]
    ratios, rows = (",\n".join(map(json.dumps, each)) for each in (all_ratios(outcomes), outcomes))
    text = f'{{"date": {date},\n"ratios": [\n{ratios}\n],\n"outcomes": [\n{rows}\n]}}\n'
    (out / "results.json").write_text(text, encoding="utf-8")


def report(results: dict[str, Any], out: Path) -> None:
    """Write the page, then the pictures."""
    page = out / "report.md"
    page.write_text(as_markdown(results), encoding="utf-8")
    names = draw(results, out)
    with page.open("a", encoding="utf-8") as file:
        file.writelines(f"\n![{name}]({name})\n" for name in names)
