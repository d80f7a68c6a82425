"""The sweep: methods that take turns on a shape, checked first; and what the rule chose by what was fastest."""

import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from benchmarks.choice.report import label
from benchmarks.choice.shapes import case_of, row_of
from benchmarks.choice.worker import LARGEST_ERROR, Method, Paused
from convlab import ops
from convlab.bench import host
from convlab.bench.candidates import UNHURRIED
from convlab.bench.case import Case
from convlab.bench.exact import exact
from convlab.bench.process import Remote
from convlab.bench.turns import MOST_CALLS, PAUSE
from convlab.errors import UnsupportedError
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import METHODS

SLOW = 10
"""How many times the seconds of the fastest make a method slow."""


@dataclass(frozen=True)
class Plan:
    """How long to measure a shape: in so many rounds, for about so many seconds in all."""

    rounds: int
    seconds: float

    def calls(self, once: float, methods: int) -> int:
        """Return how many calls of `once` seconds make the turn of one of so many methods."""
        return max(1, min(MOST_CALLS, round(self.seconds / self.rounds / methods / once)))


def chosen(case: Case) -> str:
    """Return the method that "auto" chooses where compiled kernels are allowed."""
    x, w, _ = case.shapes
    with using_policy(True):
        return ops.choose_conv2d(np.empty(x, case.dtype), w, case.window, case.groups)


def check(case: Case, methods: Mapping[str, Remote]) -> dict[str, float | None]:
    """Make ready the methods that take a case, and return their errors (L2); None for no finite answer."""
    truth, errors = exact(case), {}
    for name, method in methods.items():
        try:
            output = method.call("first", case)
        except UnsupportedError as failure:
            print(f"{label(row_of(case))}: {name}: {failure}", file=sys.stderr)
            errors[name] = None
            continue
        if output is not None:
            error = float(truth.verdict(output)[0])
            errors[name] = error if np.isfinite(error) else None  # JSON has no infinity
    return errors


def time_in_turns(methods: Mapping[str, Remote], plan: Plan) -> dict[str, list[float]]:
    """Return the seconds of the calls of each method; in each turn one more, that comes first, is not counted."""
    times: dict[str, list[float]] = {name: method.call("laps", 2) for name, method in methods.items()}
    fastest = min(map(min, times.values()))
    quick = [name for name, laps in times.items() if min(laps) <= SLOW * fastest]
    for _ in range(plan.rounds):
        for name in quick:
            times[name] += methods[name].call("laps", plan.calls(min(times[name]), len(quick)))
        quick.reverse()
    return times


def measure(case: Case, methods: Mapping[str, Remote], plan: Plan) -> dict[str, Any]:
    """Return the row of a case: what describes it, the median of each method in milliseconds, calls and errors."""
    errors = check(case, methods)
    right = {name: methods[name] for name, error in errors.items() if error is not None and error <= LARGEST_ERROR}
    if not right:
        sys.exit(f"{label(row_of(case))}: no method is right: relative errors {errors}")
    time.sleep(PAUSE)  # the threads of this process's BLAS spin after the check
    times = time_in_turns(right, plan)
    medians = {name: 1e3 * float(np.median(laps)) for name, laps in times.items()}
    counts = {name: len(laps) for name, laps in times.items()}
    return judged({**row_of(case), "milliseconds": medians, "calls": counts, "errors": errors})


def judged(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with what is chosen, what is fastest, and the time of the one by that of the other.

    The cost is None where the method chosen was not measured, or was wrong.
    """
    times, choice = dict(row["milliseconds"]), chosen(case_of(row))
    if "pointwise" in times:
        times.pop("indirect_gemm", None)  # the same code there
    fastest = min(times, key=times.__getitem__)
    cost = times[choice] / times[fastest] if choice in times else None
    return {**row, "chosen": choice, "fastest": fastest, "cost": cost}


def sweep(cases: Iterable[Case], plan: Plan) -> dict[str, Any]:
    """Measure all cases, printing each when it is done."""
    on, start, rows = host.facts(), time.perf_counter(), []
    with ExitStack() as processes:
        names = [name for name in METHODS if name != UNHURRIED]
        methods = {name: processes.enter_context(Paused(Method, name)) for name in names}
        for case in cases:
            rows.append(measure(case, methods, plan))
            print(_line(rows[-1]), flush=True)
    options = {**asdict(plan), "took": round(time.perf_counter() - start)}
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": on, "options": options, "rows": rows}


def _line(row: Mapping[str, Any]) -> str:
    """Return a shape, what is chosen, and the milliseconds of all methods, the fastest first."""
    times = row["milliseconds"]
    laps = ", ".join(f"{name} {times[name]:.3f}" for name in sorted(times, key=times.__getitem__))
    return f"{label(row):46} chosen {row['chosen']:12} ms: {laps}"
