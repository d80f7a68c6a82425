"""CPU and GPU on one page: every way to compute a convolution, on both, equal first.

>>> from convlab.bench.convolutions import Case
>>> from convlab.bench.page import bench_page
>>> page = bench_page([Case((56, 56, 128), 256)])
>>> print(page)                                               # doctest: +SKIP

Without a GPU its half is predicted for an H100 (`h100`), and what is predicted is compared in the simulator, on a
small case with the same window.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from convlab.bench import h100
from convlab.bench.case import Case
from convlab.bench.convolutions import (
    METHODS,
    PEERS,
    check,
    measure,
    measure_gpu,
    measure_machine,
    names_of,
    remote,
)
from convlab.bench.error_classes import Distance, class_of
from convlab.bench.machine import Machine
from convlab.bench.page_report import Page
from convlab.bench.process import Remote
from convlab.bench.report import CaseResult, Report, Result
from convlab.bench.simulated import Simulator, small
from convlab.errors import UnsupportedError
from convlab.runtime.device import DEVICES, check_device
from convlab.wording import unknown
from convlab_kernels.cpu import threads

Half = tuple[Machine, Callable[[Case], CaseResult]]
"""A machine, and what measures, or predicts, a case on it."""


def bench_page(
    cases: Iterable[Case],
    methods: Sequence[str] | None = None,
    repeats: int = 5,
    *,
    started: Callable[[Page], None] | None = None,
    finished: Callable[[Page], None] | None = None,
) -> Page:
    """Check and time ways to compute convolutions on the CPU and on the GPU; without one, predict for an H100.

    Parameters
    ----------
    cases, repeats
        As for `bench_conv`.
    methods : sequence of str, optional
        Each on the devices that have it; by default all.
    started, finished : function, optional
        Told of a page without cases once the machines are known, and of one with one case when that is done.
    """
    cases = list(cases)
    check(cases, repeats)
    named = {device: _named(methods, device) for device in DEVICES}
    with ExitStack() as processes:
        candidates = {
            device: {name: processes.enter_context(remote(name, device, methods is not None)) for name in names}
            for device, names in named.items()
            if device == "cpu" or gpu_here()
        }
        halves = {
            device: _measured(device, remotes, cases[0].dtype, repeats) for device, remotes in candidates.items()
        }
        if "cuda" not in halves:
            simulator = processes.enter_context(Remote(Simulator))
            halves["cuda"] = h100.h100(cases[0].dtype), partial(_predicted, named["cuda"], simulator)
        page = Page({device: Report(machine, threads(), ()) for device, (machine, _) in halves.items()})
        if started:
            started(page)
        for case in cases:
            results = {device: take(case) for device, (_, take) in halves.items()}
            if finished:
                finished(page.with_only(results))
            page = page.with_more(results)
    return page


def _named(methods: Sequence[str] | None, device: str) -> list[str]:
    """Return those of the methods asked for that a device has; UnsupportedError for one that none has."""
    if methods is None:
        return names_of(None, METHODS[device], PEERS[device])
    known = {name: (*METHODS[name], *PEERS[name]) for name in DEVICES}
    current = [METHODS["cpu"].current(name) for name in methods]
    everywhere = list(dict.fromkeys(name for names in known.values() for name in names))
    for name in current:
        if name not in everywhere:
            raise UnsupportedError(unknown("method", name, everywhere))
    return [name for name in dict.fromkeys(current) if name in known[device]]


def gpu_here() -> bool:
    """Return whether there is a GPU that can be measured."""
    try:
        check_device("cuda")
    except UnsupportedError:
        return False
    return True


def _measured(device: str, remotes: dict[str, Remote], dtype: str, repeats: int) -> Half:
    machine = measure_machine(dtype) if device == "cpu" else measure_gpu(dtype)

    def take(case: Case) -> CaseResult:
        found = measure(case, remotes, repeats, machine=machine)
        if device == "cpu" or not found.timed:
            return found
        return replace(found, copies=remotes[found.timed[0][0].method].call("copies"))

    return machine, take


def _predicted(names: Sequence[str], simulator: Remote, case: Case) -> CaseResult:
    results = (_compared(h100.predict(case, name), simulator, case) for name in names)
    return CaseResult(case, tuple(results), h100.copies(case))


def _compared(result: Result, simulator: Remote, case: Case) -> Result:
    """Return a prediction with what the simulator finds on a small case; without its time where that is wrong."""
    if result.skipped:
        return result
    try:
        found: Distance = simulator.call("distance", result.method, small(case))
    except UnsupportedError as error:
        return replace(result, fault=f"not compared: {error}")
    name, share = class_of(found, case.dtype)
    result = replace(result, relative_error=found.relative, share=share, error_class=name)
    return result if share <= 1 else replace(result, run=None, bound="")
