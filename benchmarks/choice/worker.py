"""One method of the kernels in a process of its own, which stands still unless it is its turn."""

import signal
from typing import Any

from convlab.bench.candidates import Kernel
from convlab.bench.case import Case
from convlab.bench.process import Remote
from convlab.bench.trial import secret
from convlab.errors import UnsupportedError
from convlab.runtime.arrays import Array

LARGEST_ERROR = 1e-5
"""Relative L2 error from which a method counts as wrong."""


class Method(Kernel):
    """A method that tells shapes it does not take from failures: those alone are errors of its process."""

    def first(self, case: Case) -> Array | None:
        """Prepare a case, call once and return the output; None for a shape that the method does not take."""
        try:
            return self.open(case).output
        except UnsupportedError:
            return None

    def laps(self, calls: int) -> list[float]:
        """Return the seconds of so many calls, on new numbers each; UnsupportedError where one of them was wrong."""
        turn = self.time(calls, secret())
        if turn.fault or not turn.distance.relative <= LARGEST_ERROR:
            raise UnsupportedError(turn.fault or f"relative error {turn.distance.relative:.1e} in what was timed")
        return turn.seconds


class Paused(Remote):
    """A process that is stopped between calls.

    The threads of a BLAS go on spinning after a call, for 0.14 s where that was measured, and take a core from
    whoever is next. Stopped, they do not, and when they go on that time has passed.
    """

    def call(self, method: str, *arguments: Any) -> Any:
        """Let the process go on until it has answered."""
        self._process.send_signal(signal.SIGCONT)
        try:
            return super().call(method, *arguments)
        finally:
            self._process.send_signal(signal.SIGSTOP)
