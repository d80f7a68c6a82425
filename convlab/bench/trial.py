"""One candidate on one case, from the first call to the verdict: each call that was timed is checked."""

import secrets
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from convlab.bench.candidates import First
from convlab.bench.case import Case
from convlab.bench.error_classes import Distance, class_of, farthest
from convlab.bench.exact import Exact, exact
from convlab.bench.machine import Machine
from convlab.bench.recheck import Turn
from convlab.bench.report import Result
from convlab.bench.spread import Spread
from convlab.errors import UnsupportedError
from convlab.runtime.arrays import Array


class CandidateHandle(Protocol):
    """A candidate here or in another process: `call("open", case)` is First, `call("time", calls, seed)` a Turn."""

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what the candidate's method returns."""


def secret() -> int:
    """Return a seed that nobody can know before."""
    return 1 + secrets.randbits(60)


class Trial:
    """A candidate's calls on a case: `open`, then turns of `time`, then `finish`; `result` is what became of it."""

    def __init__(self, name: str, handle: CandidateHandle, case: Case) -> None:
        self._handle, self._case = handle, case
        self._result = Result(name)
        self._amplification: float | None = None
        self._found: list[Distance] = []
        self._seconds: list[float] = []

    def open(self, truth: Exact) -> None:
        """Have it made ready and called once, and compare all that it computed."""
        try:
            first: First = self._handle.call("open", self._case)
        except UnsupportedError as error:
            self._result = replace(self._result, skipped=str(error).removeprefix(f"{self._result.method}: "))
            return
        if first.fault:
            self._fault(first.fault)
            return
        if found := self._another_shape(first.output):
            self._result = replace(self._result, skipped=f"failed: {found}")
            return
        self._amplification = first.amplification
        self._result = replace(self._result, prepare=first.prepare, compile=first.compile)
        self._judge(truth.distance(first.output))
        self._look_elsewhere()

    def _look_elsewhere(self) -> None:
        """Have another shape computed, by who might be right at the one that is timed alone."""
        other = self._case.smaller
        if not self.right:
            return
        try:
            output = self._handle.call("elsewhere", other)
        except UnsupportedError as error:
            self._fault(f"it computed once, then {error}, on {other}")
            return
        if output is not None and (
            output.shape != other.output or class_of(exact(other).distance(output), other.dtype)[1] > 1
        ):
            self._fault(f"right at the shape that is timed, wrong on {other}")

    @property
    def right(self) -> bool:
        """Whether all was right so far."""
        return not (self._result.skipped or self._result.wrong)

    def time(self, calls: int) -> list[float]:
        """Return the seconds of so many calls; none once one of them was wrong."""
        if not self.right:
            return []
        try:
            turn: Turn = self._handle.call("time", calls, secret())
        except UnsupportedError as error:
            return self._fault(f"it computed once, then {error}")
        self._judge(turn.distance)
        if turn.fault:
            return self._fault(turn.fault)
        if not self.right:
            return self._fault("right at the first call, wrong in calls that were timed")
        self._seconds += turn.seconds
        return turn.seconds

    def finish(self, seed: int, truth: Exact) -> None:
        """Have it called once more, on numbers of which this is the exact answer, and compare all of it."""
        if not self.right:
            return
        try:
            output: Array = self._handle.call("finish", seed)
        except UnsupportedError as error:
            self._fault(f"it computed once, then {error}")
            return
        if found := self._another_shape(output):
            self._fault(f"right at the first call, and at the last it {found}")
            return
        self._judge(truth.distance(output))
        if not self.right:
            self._fault("right at the first call, wrong at the last")

    def result(self, machine: Machine | None) -> Result:
        """Return what became of it, with its times if all was right and they are possible."""
        if not (self.right and self._seconds):
            return self._result
        run = Spread(tuple(self._seconds))
        floor = machine.floor(self._case.flops, self._case.bytes) if machine else 0.0
        if run.median < floor:
            self._fault(f"{1e3 * run.median:.2g} ms is impossible, expected at least {1e3 * floor:.2g} ms")
            return self._result
        return replace(self._result, run=run)

    def _another_shape(self, output: Array) -> str:
        if output.shape == self._case.output and output.dtype == np.dtype(self._case.dtype):
            return ""
        return f"returned {output.dtype} {output.shape}, expected {self._case.dtype} {self._case.output}"

    def _judge(self, found: Distance) -> None:
        """Find the class of the worst so far. Whose bound was derived for its algorithm is held to that."""
        self._found.append(found)
        worst = farthest(self._found)
        name, share = class_of(worst, self._case.dtype)
        if self._amplification is not None:
            share = worst.share / self._amplification
        self._result = replace(self._result, relative_error=worst.relative, share=share, error_class=name)

    def _fault(self, text: str) -> list[float]:
        self._result = replace(self._result, fault=text)
        return []
