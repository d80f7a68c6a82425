"""The ladder of GPU kernels on one convolution: what each rung takes, how fast it is, what it gains over the last."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from convlab.bench.case import Case
from convlab.bench.convolutions import measure, measure_gpu, names_of
from convlab.bench.exact import Exact, exact
from convlab.bench.gpu_candidates import DeviceKernel, Figures
from convlab.bench.machine import Machine
from convlab.bench.process import Remote
from convlab.bench.report import CaseResult, Report, Result, digits
from convlab.errors import ShapeError
from convlab.runtime.device import check_device
from convlab_kernels.cuda import METHODS


@dataclass(frozen=True)
class Step:
    """One rung.

    Attributes
    ----------
    idea : str
        In a line.
    result : Result
    kernels : tuple of Figures
        What its kernels take; none where all is done by cuBLAS and CuPy.
    gain : float
        How many times as fast as the last rung before it that was timed; NaN for the first, and where nothing was.
    """

    idea: str
    result: Result
    kernels: tuple[Figures, ...] = ()
    gain: float = float("nan")

    def text(self, case: Case, machine: Machine) -> str:
        """Return a row of the table under HEADER."""
        result = self.result
        if result.skipped:
            return f"{result.method:<14}  skipped: {result.skipped}"
        if result.run is None:
            return f"{result.method:<14}  WRONG: {result.fault or f'{result.relative_error:.1e} from float64'}"
        rate = case.flops / result.run.median
        speed = digits(1e3 * result.run.median), digits(rate / 1e12), f"{rate / machine.product:.1%}"
        gain = "" if isnan(self.gain) else f"{digits(self.gain)}x"
        error = f"{result.relative_error:.1e}"
        return row(result.method, self._most("registers"), self._most("shared"), *speed, gain, error, self.idea)

    def _most(self, what: str) -> str:
        return f"{max(getattr(kernel, what) for kernel in self.kernels):,}" if self.kernels else ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        return {"idea": self.idea, "kernels": [asdict(kernel) for kernel in self.kernels], "gain": self.gain}


def row(name: str, *cells: str) -> str:
    """Return a line of the table: a name, numbers in columns as wide as what stands above them, and the idea."""
    *numbers, idea = cells
    return "  ".join([f"{name:<14}", *(f"{n:>{len(h)}}" for n, h in zip(numbers, COLUMNS, strict=True)), idea])


COLUMNS = ("registers", " shared, B", " run, ms", "TFLOP/s", "of cuBLAS", " gain", "  error")
HEADER = row("rung", *COLUMNS, "idea")
NOTE = """\
Registers of a thread and shared memory of a block, the most of a rung's kernels. Run: the median of calls that find
nothing in the second-level cache, by the GPU's own clock. TFLOP are the definition's, 2 operations for each cell of a
window. Of cuBLAS: of the product above. Gain: times as fast as the rung before. Error: L2, relative, from float64."""


@dataclass(frozen=True)
class Ladder:
    """All rungs on one convolution."""

    case: Case
    machine: Machine
    steps: tuple[Step, ...]

    @property
    def report(self) -> Report:
        """The same as a benchmark of kernels, as for a picture."""
        return Report(self.machine, 0, (CaseResult(self.case, tuple(step.result for step in self.steps)),))

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        found = self.report.as_dict()
        for result, step in zip(found["cases"][0]["results"], self.steps, strict=True):
            result.update(step.as_dict())
        return found


def climb(
    case: Case,
    methods: Sequence[str] | None = None,
    repeats: int = 5,
    *,
    started: Callable[[Machine], None] | None = None,
    finished: Callable[[Step, Machine], None] | None = None,
) -> Ladder:
    """Check and time the rungs of the ladder on a convolution, one after the other, each in a process of its own.

    Parameters
    ----------
    case : Case
    methods : sequence of str, optional
        Of `convlab_kernels.cuda.METHODS`; by default all.
    repeats : int
        Turns of each.
    started, finished : function, optional
        Told of the GPU once it is measured; of each rung when it is done, and the GPU.

    Raises
    ------
    UnsupportedError
        For a rung or a GPU that is not there.
    ShapeError
        For fewer than one turn.
    """
    names = names_of(methods, METHODS)
    if repeats < 1:
        raise ShapeError(f"bench: repeats is {repeats}, expected at least 1")
    check_device("cuda")
    machine, truth = measure_gpu(case.dtype), exact(case)
    if started:
        started(machine)
    steps: list[Step] = []
    for name in names:
        steps.append(_step(name, case, truth, repeats, machine, steps))
        if finished:
            finished(steps[-1], machine)
    return Ladder(case, machine, tuple(steps))


def _step(name: str, case: Case, truth: Exact, repeats: int, machine: Machine, before: Sequence[Step]) -> Step:
    """Return a rung, measured."""
    with Remote(DeviceKernel, name) as remote:
        (result,) = measure(case, {name: remote}, repeats, truth, machine).results
        kernels = tuple(remote.call("figures")) if result.run else ()
    timed = [step.result.run.median for step in before if step.result.run]
    gain = timed[-1] / result.run.median if timed and result.run else float("nan")
    return Step(_idea(name), result, kernels, gain)


def _idea(name: str) -> str:
    """Return the first line of what a rung says of itself."""
    return (METHODS[name].__doc__ or "").partition("\n")[0].removesuffix(".")
