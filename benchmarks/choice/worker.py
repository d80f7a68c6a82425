"""One method of the kernels in a process of its own, which stands still unless it is its turn."""

import signal
from typing import Any

from convlab.bench.candidates import Kernel
from convlab.bench.case import Case
from convlab.bench.process import Remote
from convlab.errors import UnsupportedError
from convlab.runtime.arrays import Array


class Method(Kernel):
    """A method that tells shapes it does not take from failures: those alone are errors of its process."""

    def first(self, case: Case) -> Array | None:
        """Prepare a case, call once and return the output; None for a shape that the method does not take."""
        try:
            return self.open(case).output
        except UnsupportedError:
            return None


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
