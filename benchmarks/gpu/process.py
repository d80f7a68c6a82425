"""A process that does the work on the GPU, so that what breaks it breaks nothing else.

After a kernel that reads where it may not, everything that its process asks of the GPU fails; and a kernel may never
end. Either way the process is ended and another takes its place.
"""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from convlab.bench.process import Parent, Process, environment

READY, TRIES = 120.0, 3
"""Seconds that a process may take to begin: it loads the libraries of the GPU, on a new machine for the first time;
and how often in a row it may not."""
ENDING = 10.0
"""Seconds that a process may take to end: one that waits for the driver may not end at all."""


class Worker:
    """`serve(parent)` in a process of its own: it sends "ready", then an answer to each request it receives."""

    def __init__(self, serve: Callable[[Parent], None], ready: float = READY) -> None:
        self.serve, self.ready = serve, ready
        self.process: Process | None = None
        self.tries = 0

    def ask(self, request: Any, limit: float) -> dict[str, Any]:
        """Return the answer; {"error": ..., "broken": True} where none comes within so many seconds."""
        if self.tries == TRIES:
            return {"error": f"a process that did not begin {TRIES} times is not tried again"}
        try:
            process = self.process or self._begin()
            answer: dict[str, Any] = process.ask(request, limit)
        except TimeoutError as error:
            return self._given_up(str(error) or f"no answer in {limit:.0f} s; its process was ended")
        except (EOFError, OSError):
            return self._given_up(f"its process ended with status {self._status()}")
        if answer.get("broken"):
            self.close()
        return answer

    def _begin(self) -> Process:
        self.tries += 1
        module, name = self.serve.__module__, self.serve.__name__
        code = f"from convlab.bench.process import Parent; from {module} import {name}; {name}(Parent())"
        self.process = Process([sys.executable, "-P", "-c", code], environment())
        try:
            self.process.answer(self.ready)
        except TimeoutError:
            raise TimeoutError(f"its process was not ready in {self.ready:.0f} s") from None
        self.tries = 0
        return self.process

    def _status(self) -> int | None:
        assert self.process
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(5)
        return None

    def _given_up(self, error: str) -> dict[str, Any]:
        self.close()
        return {"error": error, "broken": True}

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.end(ENDING)
            self.process = None
