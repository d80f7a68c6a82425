"""Somebody's own convolution, asked, and told right or wrong.

>>> import convlab
>>> convlab.judge(convlab.conv2d, quick=True).right
True
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from convlab.bench.report import CaseResult
from convlab.judging import smallest as small
from convlab.judging.candidate import Ask, asking
from convlab.judging.diagnosis import explaining, where
from convlab.judging.observed import Observation, Observed, observe
from convlab.judging.report import Finding, Refusal, Report
from convlab.judging.speed import speed
from convlab.judging.speed_table import why, yours
from convlab.judging.sweep import REAL, WHOLE
from convlab.judging.traits import common, shared
from convlab.wording import listed, shortened


def judge(source: Callable[..., Any] | str | Path, function: str = "conv", *, quick: bool = False) -> Report:
    """Say whether a convolution is right, and if not, which mistake it is.

    It is asked for more than a hundred small convolutions, twice each with other numbers. The numbers are whole, so
    that sums in float32 are exact in any order; then random, where it is held to the bound of rounding. A mistake is
    named where every answer agrees with it to the last bit, and several where they cannot be told apart. What raises
    an error is refused, which is no mistake. What is right is timed beside convlab's own, on two layers of networks.

    Parameters
    ----------
    source : function or path
        Called as conv(x, w, bias, stride=(1, 2), padding=(0, 3), dilation=(1, 1), groups=1), with arrays of NumPy: x
        (N, H, W, C), w (KH, KW, C/groups, O), bias (O,) or None, of float32 or float64; padding is a pair, and
        ((top, bottom), (left, right)) only where opposite sides differ, or "same". Or a file of Python with such a
        function: it is run, in a process of its own, with all that you may do.
    function : str
        Its name in the file.
    quick : bool
        Whether nothing is timed.

    Returns
    -------
    Report
        `report.right`, `report.findings`, `print(report)`.

    Raises
    ------
    FileError
        Where there is no such file.
    UnsupportedError
        For what cannot be called so, ends its process, or does not answer.
    """
    with asking(source, function) as ask:
        seen = [observe(ask, case) for case in (*WHOLE, *REAL)]
        report = _report(_name(source, function), ask, seen)
    return report if quick or not report.right else _timed(report, speed(source, function))


def _timed(report: Report, results: Sequence[CaseResult]) -> Report:
    """Return the report with times; what is wrong where it is timed is wrong."""
    wrong = [each for each in results if yours(each).wrong]
    findings = [Finding("wrong when timed", f"{each.case}: {why(yours(each))}") for each in wrong]
    return replace(report, right=not findings, findings=findings, speed=results)


def _name(source: Any, function: str) -> str:
    if isinstance(source, str | Path):
        return f"{source}: {function}"
    return getattr(source, "__name__", type(source).__name__)


def _report(name: str, ask: Ask, seen: Sequence[Observation]) -> Report:
    taken = [each for each in seen if not each.refusal]
    calls = [call for each in taken for call in each.calls if not call.refused]
    wrong = [call for call in calls if call.answer.value is not None and not call.right]
    call = small.smallest(ask, min(wrong, key=_size)) if wrong else None
    findings = [*(_numbers(taken, calls, wrong, call) if call else ()), *_types(calls), *_manners(taken)]
    farthest = max((call for call in calls if call.has_shape), key=lambda call: call.distance.share, default=None)
    bad = [each for each in taken if not each.right or each.ill_mannered]
    return Report(
        name=name,
        right=None if not taken else not findings,
        cases=len(seen),
        wrong=len(bad),
        findings=findings,
        refusals=list(_refusals(seen)),
        smallest=small.shown(call) if call else (),
        rounding=farthest.distance.share if farthest else 0.0,
        error_class=farthest.error_class if farthest else "",
    )


def _size(call: Observed) -> tuple[int, int]:
    likelier = {"whole": 0, "real": 2}  # to be done by hand
    return likelier.get(call.case.numbers, 1), call.expected.size * call.question.terms


def _numbers(
    taken: Sequence[Observation], calls: Sequence[Observed], wrong: Sequence[Observed], call: Observed
) -> Iterator[Finding]:
    """Yield the mistakes that explain the numbers, or what can be said of an unknown one."""
    whole = [each for each in calls if each.case.numbers != "real" and each.answer.value is not None]
    case = small.as_dict(call)
    if not any(not each.right for each in whole):
        worst = max(wrong, key=lambda call: call.distance.share)
        told = (
            f"whole numbers are right, random ones {worst.distance.share:.2g} times as far off as rounding explains"
        )
        as_of = ", as of TF32" if worst.error_class == "TF32" else ""
        yield Finding("imprecise", told + as_of, case)
        return
    known = explaining(whole)
    for each in known:
        yield Finding(each.kind, f"all {len(whole)} answers agree, to the last bit, with {each.text}", case)
    if not known:
        yield Finding("unknown", _unknown(taken, wrong), case)


def _unknown(taken: Sequence[Observation], wrong: Sequence[Observed]) -> str:
    bad = [each.case for each in taken if not each.right]
    good = [each.case for each in taken if each.right]
    told = ["no known mistake explains it"]
    if good and (traits := common(bad, good)):
        told.append(f"wrong in every case with {', or '.join(traits)}, and in no other")
    if places := where(wrong):
        told.append(f"every wrong number lies {listed(places, 3)}")
    return "; ".join(told)


def _types(calls: Sequence[Observed]) -> Iterator[Finding]:
    """Yield each type of result that is not that of what was given."""
    found: dict[tuple[str, str], Observed] = {}
    for call in calls:
        if call.has_other_type:
            found.setdefault((call.case.dtype, str(call.array.dtype)), call)
    for (asked, dtype), call in found.items():
        yield Finding(f"{dtype} result", f"of {asked} arrays, a result of {asked} is expected", small.as_dict(call))
    if others := sorted({call.answer.other for call in calls if call.answer.other}):
        yield Finding("no array", f"the result is a {others[0]}, expected an array of NumPy")


def _manners(taken: Sequence[Observation]) -> Iterator[Finding]:
    """Yield what is done to other arrays than the result."""
    for name in sorted({name for each in taken for name in each.asked.written}):
        yield Finding(f"writes {name}", f"{name} holds other numbers after the call: it is the caller's")
    for name in sorted({name for each in taken for name in each.asked.shared}):
        yield Finding(
            f"result is a view of {name}", f"the result lies in the memory of {name}: it changes when {name} does"
        )
    if any(each.asked.lost for each in taken):
        yield Finding(
            "result is overwritten", "a result holds other numbers after the next call: its memory is used again"
        )


def _refusals(seen: Sequence[Observation]) -> Iterator[Refusal]:
    messages: dict[str, list[Observation]] = defaultdict(list)
    for each in seen:
        if each.refusal:
            messages[each.refusal].append(each)
    taken = [each.case for each in seen if not each.refusal]
    for message, refused in messages.items():
        cases = [each.case for each in refused]
        traits = common(cases, taken) or shared(cases)
        several = "of several kinds" if len(cases) < len(seen) else "of all kinds"
        yield Refusal(shortened(message, 200), len(cases), f"with {listed(traits, 2)}" if traits else several)
