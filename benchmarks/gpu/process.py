"""A process that does the work on the GPU, so that what breaks it breaks nothing else.

After a kernel that reads where it may not, everything that its process asks of the GPU fails; and a kernel may never
end. Either way the process is ended and another takes its place.
"""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import _children  # type: ignore[attr-defined]
from typing import Any

READY, TRIES = 120.0, 3
"""Seconds that a process may take to begin: it loads the libraries of the GPU, on a new machine for the first time;
and how often in a row it may not."""
ENDING = 10.0
"""Seconds that a process may take to end: one that waits for the driver may not end at all."""


class Worker:
    """`serve(connection)` in a process of its own: it sends "ready", then an answer to each request it receives."""

    def __init__(self, serve: Callable[[Connection], None], ready: float = READY) -> None:
        self.serve, self.ready = serve, ready
        self.process: Any = None
        self.tries = 0

    def ask(self, request: Any, limit: float) -> dict[str, Any]:
        """Return the answer; {"error": ..., "broken": True} where none comes within so many seconds."""
        if self.tries == TRIES:
            return {"error": f"a process that did not begin {TRIES} times is not tried again"}
        try:
            if self.process is None:
                self._begin()
            self.connection.send(request)
            if not self.connection.poll(limit):
                return self._given_up(f"no answer in {limit:.0f} s; its process was ended")
            answer: dict[str, Any] = self.connection.recv()
        except TimeoutError as error:
            return self._given_up(f"its process was {error}")
        except (EOFError, OSError):
            self.process.join(5)
            return self._given_up(f"its process ended with status {self.process.exitcode}")
        if answer.get("broken"):
            self.close()
        return answer

    def _begin(self) -> None:
        self.tries += 1
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=self.serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        if not self.connection.poll(self.ready):
            raise TimeoutError(f"not ready in {self.ready:.0f} s")
        self.connection.recv()
        self.tries = 0

    def _given_up(self, error: str) -> dict[str, Any]:
        self.close()
        return {"error": error, "broken": True}

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join(ENDING)
            _children.discard(self.process)  # for which Python would wait at its end, without a limit
            self.connection.close()
            self.process = None
