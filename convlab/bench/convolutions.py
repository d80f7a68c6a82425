"""Time convolutions side by side: equal first, then fast.

>>> from convlab.bench.convolutions import Case, bench_conv
>>> report = bench_conv([Case((56, 56, 128), 256)])
>>> print(report)                                             # doctest: +SKIP
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack

from convlab.bench.candidates import candidate
from convlab.bench.case import Case, cases_of
from convlab.bench.exact import Exact, exact
from convlab.bench.gpu_candidates import DeviceKernel
from convlab.bench.gpu_machine import GpuMeasurer
from convlab.bench.gpu_torch import PEERS as GPU_PEERS
from convlab.bench.gpu_torch import DeviceTorch
from convlab.bench.machine import Machine, Measurer
from convlab.bench.process import Remote
from convlab.bench.report import TORCH, CaseResult, Report
from convlab.bench.trial import CandidateHandle, Trial, secret
from convlab.bench.turns import in_turns
from convlab.errors import ShapeError, UnsupportedError
from convlab.runtime.device import check_device
from convlab.wording import unknown
from convlab_kernels import cpu, cuda
from convlab_kernels.cpu import threads
from convlab_kernels.methods import Methods

METHODS = {"cpu": cpu.METHODS, "cuda": cuda.METHODS}
PEERS = {"cpu": (TORCH,), "cuda": GPU_PEERS}
"""What else can convolve on a device."""

__all__ = ["Case", "bench_conv", "cases_of", "measure_gpu", "measure_machine"]


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
    that are right take turns: a pause, a call that is not counted, then calls for about 0.05 s. Each of these has
    numbers of its own, and its result is checked too: `convlab.bench.recheck` says how.

    Parameters
    ----------
    cases : iterable of Case
        Of one dtype; `cases_of(model)` are a network's.
    methods : sequence of str, optional
        Of `convlab_kernels.cpu.METHODS`, or "torch". By default all, but no "direct" that would take over a second.
        On a GPU those of `convlab_kernels.cuda.METHODS`, "torch" or "torch_tf32".
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
    check(cases, repeats)
    names = names_of(methods, METHODS[device], PEERS[device])
    check_device(device)
    with ExitStack() as processes:
        candidates = {name: processes.enter_context(remote(name, device, methods is not None)) for name in names}
        machine = measure_machine(cases[0].dtype) if device == "cpu" else measure_gpu(cases[0].dtype)
        if started:
            started(machine)
        results = []
        for case in cases:
            results.append(measure(case, candidates, repeats, machine=machine))
            if finished:
                finished(results[-1])
    return Report(machine, threads(), tuple(results))


def remote(name: str, device: str, patient: bool) -> Remote:
    """Return a candidate in a process of its own."""
    if device == "cpu":
        return Remote(candidate, name, threads(), patient)
    return Remote(DeviceTorch if name in GPU_PEERS else DeviceKernel, name)


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
    case: Case,
    candidates: Mapping[str, CandidateHandle],
    repeats: int,
    truth: Exact | None = None,
    machine: Machine | None = None,
) -> CaseResult:
    """Check all candidates on a case, whose exact answer may be known, then time those that are right, in turns.

    Each call that is timed has new numbers, and is checked; the last one in full. What is faster than a machine with
    these limits can be is no time.
    """
    trials = {name: Trial(name, handle, case) for name, handle in candidates.items()}
    truth = truth or exact(case)
    for trial in trials.values():
        trial.open(truth)
    in_turns({name: trial.time for name, trial in trials.items() if trial.right}, repeats)
    if any(trial.right for trial in trials.values()):
        seed = secret()
        truth = exact(case, seed)
        for trial in trials.values():
            trial.finish(seed, truth)
    return CaseResult(case, tuple(trial.result(machine) for trial in trials.values()))


def check(cases: Sequence[Case], repeats: int) -> None:
    """Raise ShapeError for what cannot be measured on one page."""
    if not cases:
        raise ShapeError("bench: no convolutions to measure")
    if repeats < 1:
        raise ShapeError(f"bench: repeats is {repeats}, expected at least 1")
    if len(dtypes := {case.dtype for case in cases}) > 1:
        raise ShapeError(f"bench: cases of {' and '.join(sorted(dtypes))}, expected one dtype")


def names_of(methods: Sequence[str] | None, own: Methods, peers: Sequence[str] = ()) -> list[str]:
    """Return the methods asked for, each once, by default all there are; UnsupportedError for another."""
    known = (*own, *peers)
    wanted = known if methods is None else [own.current(name) for name in methods]
    for name in wanted:
        if name not in known:
            raise UnsupportedError(unknown("method", name, known))
    return list(dict.fromkeys(wanted))
