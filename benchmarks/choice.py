"""Measure whether `method="auto"` chooses the fastest method, over the shapes of real networks in shapes.json.

    python benchmarks/choice.py              measure all, write results/choice.json and results/choice.md
    python benchmarks/choice.py --fit        measure nothing: let the rule of now choose again among the times of then

Each method that takes a shape is first checked against float64. Then all are called in turns, one call each, so that
whatever else the machine does hits all alike; the medians are compared. What is ten times slower than the fastest is
called only twice. `--only` and `--limit` measure some shapes, and write nothing unless --out names a folder.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from choice_report import as_markdown, fit, label, summary
from machine import machine
from shapes import case_of, read_cases, row_of

from convlab import ops
from convlab.check.bench_case import Case
from convlab.check.bench_exact import exact
from convlab.check.bench_turns import seconds
from convlab.computing import computing
from convlab.errors import UnsupportedError
from convlab_kernels.cpu import METHODS

RESULTS = Path(__file__).with_name("results")
UNHURRIED = "direct"
"""The method that is there to be read: it is not measured."""
BLAS = "im2col"
"""The method of NumPy's matrix product, whose threads spin for tens of milliseconds after a call."""
PAUSE = 0.05
"""Seconds after such a call."""
SLOW = 10
"""How many times the seconds of the fastest make a method slow."""
MOST_PASSES = 50
"""Calls of each method in a turn, at most."""
LARGEST_ERROR = 1e-5
"""Relative L2 error from which a method counts as wrong."""

Calls = Mapping[str, Callable[[], Any]]


@dataclass(frozen=True)
class Plan:
    """How long to measure a shape: in so many rounds, for about so many seconds in all."""

    rounds: int
    seconds: float

    def passes(self, once: float, teams: int) -> int:
        """Return how often a team is called in a round, where one call of each of its methods takes `once`."""
        return max(1, min(MOST_PASSES, round(self.seconds / self.rounds / teams / once)))


def chosen(case: Case) -> str:
    """Return the method that "auto" chooses where compiled kernels are allowed."""
    x, w, _ = case.shapes
    with computing(True):
        return ops.choose_conv2d(x, w, case.window, case.groups, np.dtype(case.dtype))


def methods() -> dict[str, Any]:
    """Return the methods to measure, name -> class; what cannot be imported is said and left out."""
    found = {}
    for name in sorted(METHODS, key=BLAS.__eq__):  # BLAS last: a pause follows
        try:
            found[name] = METHODS[name]
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    found.pop(UNHURRIED, None)
    return found


def ready(case: Case, classes: Mapping[str, Any]) -> tuple[Calls, dict[str, float | None]]:
    """Return the methods that take a case and are right, each ready to be called, and the errors of all (L2).

    An answer that is not finite has the error None.
    """
    x, w, b = case.arrays()
    truth = exact(case)
    calls: dict[str, Callable[[], Any]] = {}
    errors: dict[str, float | None] = {}
    for name, kernel in classes.items():
        out = np.full(case.output, np.nan, case.dtype)
        try:
            call = partial(kernel(w, case.window, case.groups), x, out, b)
        except UnsupportedError:
            continue
        call()
        error = float(truth.verdict(out)[0])
        errors[name] = error if np.isfinite(error) else None  # JSON has no infinity
        if error <= LARGEST_ERROR:
            calls[name] = call
    if not calls:
        sys.exit(f"{label(row_of(case))}: no method is right: relative errors {errors}")
    time.sleep(PAUSE)
    return calls, errors


def time_in_turns(calls: Calls, plan: Plan) -> dict[str, list[float]]:
    """Return the seconds of the calls of each method."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(2):
        for name, call in calls.items():
            times[name].append(seconds(call))
        time.sleep(PAUSE)
    once = {name: min(laps) for name, laps in times.items()}
    quick = [name for name in calls if once[name] <= SLOW * min(once.values())]
    teams = [team for team in ([n for n in quick if n != BLAS], [n for n in quick if n == BLAS]) if team]
    for _ in range(plan.rounds):
        for team in teams:
            calls[team[0]]()  # wakes the threads
            for _ in range(plan.passes(sum(once[name] for name in team), len(teams))):
                for name in team:
                    times[name].append(seconds(calls[name]))
            time.sleep(PAUSE if team == [BLAS] else 0)
    return times


def measure(case: Case, classes: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Return the row of a case: what describes it, the median of each method in milliseconds, calls and errors."""
    calls, errors = ready(case, classes)
    times = time_in_turns(calls, plan)
    medians = {name: 1e3 * float(np.median(laps)) for name, laps in times.items()}
    counts = {name: len(laps) for name, laps in times.items()}
    return judged({**row_of(case), "milliseconds": medians, "calls": counts, "errors": errors})


def judged(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with what is chosen, what is fastest, and the time of the one by that of the other.

    The cost is None where the method chosen was not measured, or was wrong.
    """
    times, choice = row["milliseconds"], chosen(case_of(row))
    fastest = min(times, key=times.__getitem__)
    cost = times[choice] / times[fastest] if choice in times else None
    return {**row, "chosen": choice, "fastest": fastest, "cost": cost}


def sweep(cases: Iterable[Case], plan: Plan) -> dict[str, Any]:
    """Measure all cases, printing each when it is done."""
    on, start, rows = machine(), time.perf_counter(), []
    classes = methods()
    for case in cases:
        rows.append(measure(case, classes, plan))
        times = ", ".join(f"{name} {ms:.3f}" for name, ms in sorted(rows[-1]["milliseconds"].items(), key=_second))
        print(f"{label(rows[-1]):46} chosen {rows[-1]['chosen']:12} ms: {times}", flush=True)
    options = {**asdict(plan), "took": round(time.perf_counter() - start)}
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": on, "options": options, "rows": rows}


def _second(pair: tuple[str, float]) -> float:
    return pair[1]


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write choice.json, a row on each line, and choice.md."""
    rows = ",\n".join(json.dumps(row) for row in results["rows"])
    head = json.dumps({key: value for key, value in results.items() if key != "rows"}, indent=1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "choice.json").write_text(f'{head[:-2]},\n "rows": [\n{rows}\n]}}\n', encoding="utf-8")
    (folder / "choice.md").write_text(as_markdown(results), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each shape (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.6, help="of calls for each shape (%(default)s)")
    parser.add_argument("--only", metavar="REGEX", help="the shapes whose text or layers it is found in")
    parser.add_argument("--limit", type=int, help="so many shapes at most, evenly through the list")
    parser.add_argument("--fit", action="store_true", help="choose again among the times measured, and compare")
    parser.add_argument("--out", type=Path, help="folder of choice.json and choice.md (benchmarks/results)")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds is at least 1, --seconds more than 0")
    folder = options.out or RESULTS
    if options.fit:
        results = json.loads((folder / "choice.json").read_text(encoding="utf-8"))
        results["rows"] = [judged(row) for row in results["rows"]]
        print(fit(results["rows"]))
    else:
        cases = _some(read_cases(), options.only, options.limit)
        results = sweep(cases, Plan(options.rounds, options.seconds))
    print(summary(results["rows"]))
    if options.out or not (options.only or options.limit):
        write(results, folder)


def _some(cases: list[Case], only: str | None, limit: int | None) -> list[Case]:
    """Return the cases asked for."""
    if only:
        cases = [case for case in cases if re.search(only, f"{label(row_of(case))} {' '.join(case.layers)}")]
    return cases[:: -(-len(cases) // limit)] if limit and cases else cases


if __name__ == "__main__":
    main()
