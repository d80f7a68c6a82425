"""The report of a benchmark of convolutions, as data, as text and as JSON."""

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from convlab.bench.case import Case
from convlab.bench.machine import Machine
from convlab.bench.spread import Spread
from convlab.markup.tables import table
from convlab.wording import printable

TORCH, BEST = "torch", "best"
"""The candidate that is not convlab's, and what a sum over each shape's fastest own method is called."""


@dataclass(frozen=True)
class Result:
    """What became of one candidate in one case.

    Attributes
    ----------
    method : str
        A method's name, or "torch".
    relative_error, share : float
        L2, and the error as a share of what rounding may do in its class; above 1 the result is wrong.
    error_class : str
        Whose rounding it is, found from the largest error of all calls: "float32", "F(2,3)", "F(4,3)", "TF32".
    prepare, compile : float
        Seconds.
    run : Spread or None
        Seconds of the calls; None where the result is wrong, or there is none.
    fault : str
        What else makes its times worthless.
    skipped : str
        Why there is no result.
    bound : str
        What binds, where nothing was computed: then `run` is a prediction, of the least that it takes.
    """

    method: str
    relative_error: float = float("nan")
    share: float = float("nan")
    prepare: float = 0.0
    compile: float = 0.0
    run: Spread | None = None
    skipped: str = ""
    error_class: str = "float32"
    fault: str = ""
    bound: str = ""

    @property
    def wrong(self) -> bool:
        """Whether there is a result, and more than rounding between it and the exact one, or another fault."""
        return not (self.skipped or self.bound) and (bool(self.fault) or not self.share <= 1)


@dataclass(frozen=True)
class CaseResult:
    """One case: what each candidate made of it; on a GPU also the seconds of copies, to it and back."""

    case: Case
    results: tuple[Result, ...]
    copies: tuple[float, float] | None = None

    @property
    def timed(self) -> list[tuple[Result, Spread]]:
        """Those that are right, fastest first."""
        found = [(result, result.run) for result in self.results if result.run]
        return sorted(found, key=lambda pair: pair[1].median)

    def text(self, machine: Machine) -> str:
        """Return the equality check, then the times of what is right."""
        case = self.case
        layers = f"{printable(', '.join(case.layers))}\n" if case.layers else ""
        blocks = [f"{layers}{case.text}", "\n".join(map(equality, self.results))]
        if self.timed:
            lines = [HEADER, *(_times(case, machine, *pair) for pair in self.timed)]
            blocks.append("\n".join(table(lines, "<<>")))
        return "\n\n".join(blocks)

    def as_dict(self, machine: Machine) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        return self.case.as_dict() | {"results": [_plain(self.case, machine, result) for result in self.results]}


@dataclass(frozen=True)
class Report:
    """All cases on one machine; `str()` of it is for reading, `as_dict()` for programs."""

    machine: Machine
    threads: int
    cases: tuple[CaseResult, ...]

    @property
    def agrees(self) -> bool:
        """Whether no result is wrong."""
        return not any(result.wrong for case in self.cases for result in case.results)

    @property
    def timed(self) -> bool:
        """Whether anything has a time."""
        return any(case.timed for case in self.cases)

    def totals(self) -> dict[str, float]:
        """Return the median seconds of a whole network's convolutions by each method that takes all, and "best".

        A shape counts as often as it has layers; "best" takes each shape's fastest method of convlab's own.
        """
        times = [
            {result.method: run.median * max(1, len(c.case.layers)) for result, run in c.timed} for c in self.cases
        ]
        methods = sorted({method for case in times for method in case})
        found = {m: sum(case[m] for case in times) for m in methods if all(m in case for case in times)}
        own = [[seconds for method, seconds in case.items() if method != TORCH] for case in times]
        return found | ({BEST: sum(map(min, own))} if all(own) else {})

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        cases = [case.as_dict(self.machine) for case in self.cases]
        return {"machine": asdict(self.machine), "threads": self.threads, "cases": cases, "totals": self.totals()}

    def __str__(self) -> str:
        blocks = [str(self.machine), *(case.text(self.machine) for case in self.cases)]
        return "\n\n".join([*blocks, *self.footer()])

    def footer(self) -> list[str]:
        """Return the sums over a network, if there is one, and what the numbers mean."""
        layers = sum(len(case.case.layers) for case in self.cases)
        sums = ", ".join(f"{method} {milliseconds(s)}" for method, s in sorted(self.totals().items(), key=_seconds))
        whole = [f"all {layers} convolutions, sums of medians: {sums}"] if layers > 1 and sums else []
        return [*whole, NOTE]


HEADER = (
    "method",
    "rounding",
    "prepare, ms",
    "compile, ms",
    "run, ms",
    "quartiles",
    "GFLOP/s",
    "of product",
    "of copy",
)
NOTE = """\
GFLOP are the definition's: 2 operations for each cell of a window, whatever a method does; one that multiplies less
(Winograd) may pass the matrix product. MB are input, weights and output, each moved once; what stays in the caches
from call to call may pass the copy. With bias, without ReLU. Each candidate is a process of its own; they take turns
with a pause between, and the first call of a turn is not counted. Every call that is timed has new numbers, and its
result is checked. Rounding: the class of the largest error; F(4,3) is Winograd's, TF32 has factors of 11 bits."""


def _seconds(pair: tuple[str, float]) -> float:
    return pair[1]


LONGEST = len("tensor_core_3x")
"""The longest name of a method, which all lines of `equality` leave room for."""


def equality(result: Result) -> str:
    """Return what became of a candidate before it was timed, in a line."""
    name = result.method.ljust(LONGEST)
    if result.skipped:
        return f"{name} skipped: {result.skipped}"
    if result.fault:
        return f"{name} WRONG: {result.fault}; its times are not shown"
    if result.wrong:
        times = f"{digits(result.share)} times what" if isfinite(result.share) else "infinitely more than"
        return f"{name} WRONG: relative error {result.relative_error:.1e}, {times} rounding may do; not timed"
    share = f"{result.share:.1%} of what rounding may do"
    return f"{name} equal to float64: relative error {result.relative_error:.1e}, {share}"


def _times(case: Case, machine: Machine, result: Result, run: Spread) -> tuple[str, ...]:
    low, median, high = run.quartiles
    rate, moved = case.flops / median, case.bytes / median
    return (
        result.method,
        result.error_class,
        *(digits(1e3 * seconds) for seconds in (result.prepare, result.compile, median)),
        f"{digits(1e3 * low)} - {digits(1e3 * high)}",
        digits(rate / 1e9),
        *(f"{share:.0%}" for share in (rate / machine.product, moved / machine.copy)),
    )


def _plain(case: Case, machine: Machine, result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {"method": result.method}
    if result.skipped:
        return found | {"skipped": result.skipped}
    found |= {"right": not result.wrong, "relative_error": result.relative_error, "share_of_allowed": result.share}
    found |= {"rounding": result.error_class} | ({"fault": result.fault} if result.fault else {})
    if result.run is None:
        return found
    rate, moved = case.flops / result.run.median, case.bytes / result.run.median
    found |= {
        "prepare": result.prepare,
        "compile": result.compile,
        "run": result.run.as_dict(),
        "flops_a_second": rate,
    }
    return found | {"of_product": rate / machine.product, "of_copy": moved / machine.copy}


def digits(number: float) -> str:
    """Return a number of three digits, and never as a power of ten."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}" if number >= 1 else f"{number:.3f}"


def short(number: float) -> str:
    """Return a number of three digits, or of two where it is below 0.1: what a GPU takes is often so little."""
    return f"{number:.2g}" if 1e-4 <= number < 0.1 else digits(number)


def milliseconds(seconds: float) -> str:
    """Return a time with its unit."""
    return f"{digits(1e3 * seconds)} ms"
