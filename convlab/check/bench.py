"""Time convolutions side by side: equal first, then fast.

>>> from convlab.check.bench import Case, bench_conv
>>> report = bench_conv([Case((56, 56, 128), 256)])
>>> print(report)                                             # doctest: +SKIP
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from convlab.check.bench_case import Case, cases_of
from convlab.check.bench_contenders import First, contender
from convlab.check.bench_exact import Exact, exact
from convlab.check.bench_machine import Machine, Measurer
from convlab.check.bench_process import Remote
from convlab.check.bench_report import TORCH, CaseResult, Report, Result, Spread
from convlab.check.bench_turns import in_turns
from convlab.errors import ShapeError, UnsupportedError
from convlab.names import unknown
from convlab_kernels.cpu import METHODS, threads

__all__ = ["Case", "bench_conv", "cases_of", "measure_machine"]


class Callee(Protocol):
    """A contender here or in another process: `call("open", case)` is First, `call("time", calls)` seconds."""

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what the contender's method returns."""


def bench_conv(
    cases: Iterable[Case],
    methods: Sequence[str] | None = None,
    repeats: int = 5,
    *,
    started: Callable[[Machine], None] | None = None,
    finished: Callable[[CaseResult], None] | None = None,
) -> Report:
    """Check and time ways to compute convolutions.

    Each contender runs in a process of its own. For each case all of them are checked against float64, and those
    that are right take turns: a pause, a call that is not counted, then calls for about 0.05 s.

    Parameters
    ----------
    cases : iterable of Case
        Of one dtype; `cases_of(model)` are a network's.
    methods : sequence of str, optional
        Of `convlab_kernels.cpu.METHODS`, or "torch". By default all, but no "direct" that would take over a second.
    repeats : int
        Turns of each contender.
    started, finished : function, optional
        Told of the machine once it is measured, and of each case when it is done.

    Raises
    ------
    UnsupportedError
        For a method that does not exist, or a process that cannot measure.
    ShapeError
        For no cases, or fewer than one turn.
    """
    cases = list(cases)
    _check(cases, repeats)
    with ExitStack() as processes:
        contenders = {
            name: processes.enter_context(Remote(contender, name, threads(), methods is not None))
            for name in _names(methods)
        }
        machine = measure_machine(cases[0].dtype)
        if started:
            started(machine)
        results = []
        for case in cases:
            results.append(measure(case, contenders, repeats))
            if finished:
                finished(results[-1])
    return Report(machine, threads(), tuple(results))


def measure_machine(dtype: str) -> Machine:
    """Return the measured limits of this machine, found in a process of its own."""
    with Remote(Measurer) as measurer:
        found: Machine = measurer.call("machine", dtype, threads())
    return found


def measure(case: Case, contenders: Mapping[str, Callee], repeats: int) -> CaseResult:
    """Check all contenders on a case, then time those that are right, in turns."""
    truth = exact(case)
    results = {name: _checked(name, callee, case, truth) for name, callee in contenders.items()}
    able = {name: contenders[name] for name, result in results.items() if not (result.skipped or result.wrong)}
    times = in_turns({name: partial(callee.call, "time") for name, callee in able.items()}, repeats)
    timed = {name: _timed(results[name], seconds) for name, seconds in times.items()}
    return CaseResult(case, tuple((results | timed).values()))


def _check(cases: Sequence[Case], repeats: int) -> None:
    if not cases:
        raise ShapeError("bench: no convolutions to measure")
    if repeats < 1:
        raise ShapeError(f"bench: repeats is {repeats}, expected at least 1")
    if len(dtypes := {case.dtype for case in cases}) > 1:
        raise ShapeError(f"bench: cases of {' and '.join(sorted(dtypes))}, expected one dtype")


def _names(methods: Sequence[str] | None) -> list[str]:
    known = [*METHODS, TORCH]
    for name in methods or ():
        if name not in known:
            raise UnsupportedError(unknown("method", name, known))
    return known if methods is None else list(dict.fromkeys(methods))


def _checked(name: str, callee: Callee, case: Case, truth: Exact) -> Result:
    try:
        first: First = callee.call("open", case)
    except UnsupportedError as error:
        return Result(name, skipped=str(error).removeprefix(f"{name}: "))
    if first.output.shape != case.output or first.output.dtype != case.dtype:
        found = f"{first.output.dtype} {first.output.shape}"
        return Result(name, skipped=f"failed: returned {found}, expected {case.dtype} {case.output}")
    relative, share = truth.verdict(first.output, first.amplification)
    return Result(name, relative, share, first.prepare, first.compile)


def _timed(result: Result, seconds: Sequence[float]) -> Result:
    return replace(result, run=Spread(tuple(seconds)))
