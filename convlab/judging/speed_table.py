"""What the report says of speed: a table for each layer, or why there is none."""

from collections.abc import Iterator, Sequence
from typing import Any

from convlab.bench.report import CaseResult, Result, digits
from convlab.bench.spread import Spread
from convlab.markup.tables import table

YOURS = "yours"
HEADER = ("", "rounding", "run, ms", "quartiles", "GFLOP/s", "times as fast")
NOTE = "  conv2d is convlab's, called as yours is; the others are its kernels, which have prepared the weights before"


def lines(results: Sequence[CaseResult]) -> Iterator[str]:
    """Yield the lines of the tables, layer by layer."""
    for each in results:
        yield f"  {', '.join(each.case.layers)}: {each.case}"
        mine = yours(each)
        if mine.run is None:
            yield f"    not timed: {why(mine)}"
            continue
        rows = [_row(each, result, run, mine.run) for result, run in each.timed]
        yield from (f"    {line}" for line in table([HEADER, *rows], "<<>"))
    yield NOTE


def yours(result: CaseResult) -> Result:
    """Return what became of the one that is judged."""
    return next(each for each in result.results if each.method == YOURS)


def why(result: Result) -> str:
    """Return why something has no time."""
    if result.wrong and not result.fault:
        return f"the result is wrong: relative error {result.relative_error:.1e}"
    return result.fault or result.skipped


def as_dict(result: CaseResult) -> dict[str, Any]:
    """Return plain types, as for JSON."""
    times = [{"name": one.method, "rounding": one.error_class, "run": run.as_dict()} for one, run in result.timed]
    left = [{"name": one.method, "not_timed": why(one)} for one in result.results if not one.run]
    return result.case.as_dict() | {"times": [*times, *left]}


def _row(layer: CaseResult, result: Result, run: Spread, mine: Spread) -> tuple[str, ...]:
    low, median, high = run.quartiles
    return (
        result.method,
        result.error_class,
        digits(1e3 * median),
        f"{digits(1e3 * low)} - {digits(1e3 * high)}",
        digits(layer.case.flops / median / 1e9),
        digits(mine.median / median),
    )
