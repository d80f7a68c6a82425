"""The report of a page with CPU and GPU, as data, as text and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from textwrap import fill
from typing import Any

from convlab.bench.report import LONGEST, CaseResult, Report, Result, equality, short
from convlab.bench.spread import Spread
from convlab.markup.tables import table
from convlab.wording import printable

WIDE = 100
HEADER = (
    "on",
    "method",
    "rounding",
    "run, ms",
    "spread",
    "TFLOP/s",
    "of roof",
    "copies, ms",
    "speed-up",
    "with them",
)
MARK = "predicted, not measured"
MEASURED = """\
TFLOP are the definition's: 2 operations for each cell of a window. Run: the median; spread: between
its quartiles. Of roof: of its machine's matrix product. Copies: the image to the GPU and the result
back; weights stay there. Speed-up: times as fast as the fastest on the CPU, without copies and with
them. Rounding: the class of the largest error."""
PREDICTED = f"""\
{MARK.capitalize()}: there is no GPU here. What stands for cuda is what an H100 takes at
best, from counts of the machine code that the compiler makes for it: > at least so long, < at most
so fast. Some bounds are looser than others, those of cuBLAS (im2col, winograd) the most: the
order is no ranking. The model: docs/benchmark.md."""
COMPARED = """\
Nothing was computed at this size. Equal if simulated: each rung, its threads run in Python, on few
channels under the same window."""


@dataclass(frozen=True)
class Page:
    """The same cases on several devices; `str()` of it is for reading, `as_dict()` for programs.

    Attributes
    ----------
    reports : mapping of str to Report
        By device, the CPU first.
    """

    reports: Mapping[str, Report]

    def with_more(self, results: Mapping[str, CaseResult]) -> "Page":
        """Return a page with one more case."""
        return Page(
            {device: replace(one, cases=(*one.cases, results[device])) for device, one in self.reports.items()}
        )

    def with_only(self, results: Mapping[str, CaseResult]) -> "Page":
        """Return a page with one case alone."""
        return Page({device: replace(one, cases=(results[device],)) for device, one in self.reports.items()})

    @property
    def agrees(self) -> bool:
        """Whether no result is wrong."""
        return all(report.agrees for report in self.reports.values())

    @property
    def timed(self) -> bool:
        """Whether anything has a time."""
        return any(report.timed for report in self.reports.values())

    @property
    def predicted(self) -> bool:
        """Whether a part of it is not measured."""
        return any(
            result.bound for report in self.reports.values() for case in report.cases for result in case.results
        )

    @property
    def head(self) -> str:
        """The machines."""
        lines = "\n".join(str(report.machine) for report in self.reports.values()).splitlines()
        return "\n".join(fill(line, WIDE, subsequent_indent="  ") for line in lines)

    @property
    def texts(self) -> list[str]:
        """For each case the equality check, then one table."""
        return [self._text(number) for number in range(len(next(iter(self.reports.values())).cases))]

    @property
    def footer(self) -> list[str]:
        """The sums over a network, if there is one, and what the numbers mean."""
        sums = [line for device, report in self.reports.items() if (line := _sums(device, report))]
        return [
            *(["\n".join(sums)] if sums else []),
            MEASURED,
            *([f"{PREDICTED}\n{COMPARED}"] if self.predicted else []),
        ]

    def __str__(self) -> str:
        return "\n\n".join([self.head, *self.texts, *self.footer])

    def _text(self, number: int) -> str:
        cases = {device: report.cases[number] for device, report in self.reports.items()}
        case = next(iter(cases.values())).case
        layers = f"{printable(', '.join(case.layers))}\n" if case.layers else ""
        equal = [
            fill(
                f"{device:<4}  {equality(result) if not result.bound else _bound(result)}",
                WIDE,
                subsequent_indent=" " * (LONGEST + 7),
            )
            for device, found in cases.items()
            for result in found.results
        ]
        rows = [HEADER, *(row for device in cases for row in self._rows(device, number))]
        parts = [
            fill(f"{case.text}", WIDE),
            "\n".join(equal),
            *(["\n".join(table(rows, "<<<>"))] if rows[1:] else []),
        ]
        return layers + "\n\n".join(parts)

    def _rows(self, device: str, number: int) -> list[tuple[str, ...]]:
        report = self.reports[device]
        found = report.cases[number]
        return [self._row(device, found, result, run, self._fastest(number)) for result, run in found.timed]

    def _row(self, device: str, found: CaseResult, result: Result, run: Spread, fastest: float) -> tuple[str, ...]:
        low, median, high = run.quartiles
        rate, more, less = found.case.flops / median, *((">", "<") if result.bound else ("", ""))
        copied = sum(found.copies or ())
        gain, with_copies = fastest / median, fastest / (median + copied)
        return (
            device,
            result.method,
            "predicted" if result.bound else result.error_class,
            more + short(1e3 * median),
            f"{(high - low) / median:.0%}" if len(run.seconds) > 1 else "",
            less + short(rate / 1e12),
            f"{less}{rate / self.reports[device].machine.product:.0%}",
            more + short(1e3 * copied) if found.copies else "",
            f"{less}{short(gain)}x" if isfinite(gain) else "",
            f"{less}{short(with_copies)}x" if found.copies and isfinite(gain) else "",
        )

    def _fastest(self, number: int) -> float:
        """Return the seconds of the fastest on the CPU; NaN where there is none."""
        timed = self.reports["cpu"].cases[number].timed
        return timed[0][1].median if timed else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON: the machines, and a record for each case, device and method."""
        machines = {device: asdict(report.machine) for device, report in self.reports.items()}
        records = [
            self._record(device, number, result)
            for number in range(len(self.texts))
            for device, report in self.reports.items()
            for result in report.cases[number].results
        ]
        return {"machines": machines, "threads": self.reports["cpu"].threads, "records": records}

    def _record(self, device: str, number: int, result: Result) -> dict[str, Any]:
        """Return one contender on one case; each record has the same keys, None where there is nothing to say."""
        found, fastest = self.reports[device].cases[number], self._fastest(number)
        case, (there, back) = found.case, found.copies or (0.0, 0.0)
        low, median, high = result.run.quartiles if result.run else (None, None, None)
        right = None if result.skipped or (result.bound and result.fault) else not result.wrong
        times: dict[str, Any] = dict.fromkeys(("speed_up", "speed_up_with_copies", "flops_a_second", "of_roof"))
        if median:
            rate = case.flops / median
            times |= {"flops_a_second": rate, "of_roof": rate / self.reports[device].machine.product}
            if isfinite(fastest):
                times |= {"speed_up": fastest / median, "speed_up_with_copies": fastest / (median + there + back)}
        return {
            **{"case": str(case), "layers": list(case.layers), "flops": case.flops, "bytes": case.bytes},
            **{"device": device, "method": result.method, "measured": bool(result.run) and not result.bound},
            **{"predicted": bool(result.bound), "binds": result.bound or None, "right": right},
            **{"skipped": result.skipped or None, "fault": result.fault or None},
            **{"relative_error": result.relative_error if right is not None else None},
            **{"rounding": result.error_class if right is not None else None},
            **{"seconds": median, "lower_quartile": low, "upper_quartile": high},
            **{"calls": len(result.run.seconds) if result.run and not result.bound else 0},
            **{"copy_to_device": there, "copy_to_host": back},
            **times,
        }


def _bound(result: Result) -> str:
    found = result.fault or f"equal to float64 if simulated ({result.relative_error:.1e})"
    return f"{result.method:<{LONGEST}} {found}; {MARK}: {result.bound}"


def _sums(device: str, report: Report) -> str:
    """Return the sums of a network's medians by each method that takes all of its convolutions."""
    layers, totals = sum(len(case.case.layers) for case in report.cases), report.totals()
    if layers < 2 or not totals:
        return ""
    predicted = any(result.bound for case in report.cases for result in case.results)
    mark = f" ({MARK}: at least)" if predicted else ""
    sums = ", ".join(f"{method} {short(1e3 * s)} ms" for method, s in sorted(totals.items(), key=lambda one: one[1]))
    return fill(f"{device}, all {layers} convolutions{mark}: {sums}", WIDE, subsequent_indent="  ")
