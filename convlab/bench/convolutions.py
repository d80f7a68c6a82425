"""Time convolutions side by side: equal first, then fast.

>>> from convlab.bench.convolutions import Case, bench_conv
>>> report = bench_conv([Case((56, 56, 128), 256)])
>>> print(report)                                             # doctest: +SKIP
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from convlab.bench.candidates import First, candidate
from convlab.bench.case import Case, cases_of
from convlab.bench.exact import Exact, exact
from convlab.bench.gpu_candidates import DeviceKernel
from convlab.bench.gpu_machine import GpuMeasurer
from convlab.bench.machine import Machine, Measurer
from convlab.bench.process import Remote
from convlab.bench.report import TORCH, CaseResult, Report, Result
from convlab.bench.spread import Spread
from convlab.bench.turns import in_turns
from convlab.errors import ShapeError, UnsupportedError
from convlab.runtime.device import check_device
from convlab.wording import unknown
from convlab_kernels import cpu, cuda
from convlab_kernels.cpu import threads

METHODS = {"cpu": cpu.METHODS, "cuda": cuda.METHODS}
KNOWN = {"cpu": (*cpu.METHODS, TORCH), "cuda": tuple(cuda.METHODS)}
"""What can convolve on a device."""

__all__ = ["Case", "bench_conv", "cases_of", "measure_gpu", "measure_machine"]


class CandidateHandle(Protocol):
    """A candidate here or in another process: `call("open", case)` is First, `call("time", calls)` seconds."""

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what the candidate's method returns."""


def bench_conv(
    cases: Iterable[Case],
    methods: Sequence[str] | None = None,
    repeats: int = 5,
    *,
    device: str = "cpu",
    started: Callable[[Machine], None] | None = None,
    finished: Callable[[CaseResult], None] | None = None,
) -> Report:
    """Check and time ways to compute convolutions.

    Each candidate runs in a process of its own. For each case all of them are checked against float64, and those
    that are right take turns: a pause, a call that is not counted, then calls for about 0.05 s.

    Parameters
    ----------
    cases : iterable of Case
        Of one dtype; `cases_of(model)` are a network's.
    methods : sequence of str, optional
        Of `convlab_kernels.cpu.METHODS`, or "torch". By default all, but no "direct" that would take over a second.
        On a GPU those of `convlab_kernels.cuda.METHODS`.
    repeats : int
        Turns of each candidate.
    device : "cpu" or "cuda"
    started, finished : function, optional
        Told of the machine once it is measured, and of each case when it is done.

    Raises
    ------
    UnsupportedError
        For a method or a GPU that is not there, or a process that cannot measure.
    ShapeError
        For no cases, or fewer than one turn.
    """
    cases = list(cases)
    _check(cases, repeats)
    names = names_of(methods, device)
    check_device(device)
    with ExitStack() as processes:
        candidates = {name: processes.enter_context(_remote(name, device, methods is not None)) for name in names}
        machine = measure_machine(cases[0].dtype) if device == "cpu" else measure_gpu(cases[0].dtype)
        if started:
            started(machine)
        results = []
        for case in cases:
            results.append(measure(case, candidates, repeats))
            if finished:
                finished(results[-1])
    return Report(machine, threads(), tuple(results))


def _remote(name: str, device: str, patient: bool) -> Remote:
    """Return a candidate in a process of its own."""
    return Remote(candidate, name, threads(), patient) if device == "cpu" else Remote(DeviceKernel, name)


def measure_machine(dtype: str) -> Machine:
    """Return the measured limits of this machine, found in a process of its own."""
    with Remote(Measurer) as measurer:
        found: Machine = measurer.call("machine", dtype, threads())
    return found


def measure_gpu(dtype: str) -> Machine:
    """Return the measured limits of the GPU."""
    with Remote(GpuMeasurer) as measurer:
        found: Machine = measurer.call("machine", dtype)
    return found


def measure(
    case: Case, candidates: Mapping[str, CandidateHandle], repeats: int, truth: Exact | None = None
) -> CaseResult:
    """Check all candidates on a case, whose exact answer may be known, then time those that are right, in turns."""
    truth = truth or exact(case)
    results = {name: _checked(name, handle, case, truth) for name, handle in candidates.items()}
    able = {name: candidates[name] for name, result in results.items() if not (result.skipped or result.wrong)}
    times = in_turns({name: partial(handle.call, "time") for name, handle in able.items()}, repeats)
    timed = {name: _timed(results[name], seconds) for name, seconds in times.items()}
    return CaseResult(case, tuple((results | timed).values()))


def _check(cases: Sequence[Case], repeats: int) -> None:
    if not cases:
        raise ShapeError("bench: no convolutions to measure")
    if repeats < 1:
        raise ShapeError(f"bench: repeats is {repeats}, expected at least 1")
    if len(dtypes := {case.dtype for case in cases}) > 1:
        raise ShapeError(f"bench: cases of {' and '.join(sorted(dtypes))}, expected one dtype")


def names_of(methods: Sequence[str] | None, device: str) -> list[str]:
    """Return the methods asked for, each once, by default all; UnsupportedError for one that the device has not."""
    known = KNOWN[device]
    wanted = known if methods is None else [METHODS[device].current(name) for name in methods]
    for name in wanted:
        if name not in known:
            raise UnsupportedError(unknown("method", name, known))
    return list(dict.fromkeys(wanted))


def _checked(name: str, handle: CandidateHandle, case: Case, truth: Exact) -> Result:
    try:
        first: First = handle.call("open", case)
    except UnsupportedError as error:
        return Result(name, skipped=str(error).removeprefix(f"{name}: "))
    if first.output.shape != case.output or first.output.dtype != case.dtype:
        found = f"{first.output.dtype} {first.output.shape}"
        return Result(name, skipped=f"failed: returned {found}, expected {case.dtype} {case.output}")
    relative, share = truth.verdict(first.output, first.amplification)
    return Result(name, relative, share, first.prepare, first.compile)


def _timed(result: Result, seconds: Sequence[float]) -> Result:
    return replace(result, run=Spread(tuple(seconds)))
