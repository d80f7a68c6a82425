"""A process for each candidate: threads that still spin after a call, and memory, are nobody else's.

Objects go both ways through pipes, pickled; both ends run the same code, and nobody else can write there.
"""

import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from convlab.errors import ConvlabError, UnsupportedError


class Process(subprocess.Popen[bytes]):
    """A process that sends one object for each that it receives."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], errors: IO[bytes] | None = None
    ) -> None:
        super().__init__(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment)

    def ask(self, request: Any, limit: float | None = None) -> Any:
        """Return the answer to a request; as for `answer`."""
        self.send(request)
        return self.answer(limit)

    def send(self, request: Any) -> None:
        """Send an object."""
        assert self.stdin
        pickle.dump(request, self.stdin)
        self.stdin.flush()

    def answer(self, limit: float | None = None) -> Any:
        """Return what it sends; TimeoutError after so many seconds, EOFError or OSError where it has ended."""
        assert self.stdout
        if limit is not None and not select.select([self.stdout], [], [], limit)[0]:
            raise TimeoutError
        try:
            return pickle.load(self.stdout)
        except pickle.UnpicklingError:
            raise EOFError from None

    def end(self, limit: float | None = None) -> None:
        """End it, and wait for that for so many seconds at most."""
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            self.wait(limit)
        for stream in (self.stdin, self.stdout):
            with suppress(OSError):  # of what it was still to receive
                if stream:
                    stream.close()


class Parent:
    """Who started this process, for whom its input and its output are from now on: others read and print nothing."""

    def __init__(self) -> None:
        self._requests, self._answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)

    def recv(self) -> Any:
        """Return the next request; EOFError where there are no more."""
        return pickle.load(self._requests)

    def send(self, answer: Any) -> None:
        """Send an answer."""
        pickle.dump(answer, self._answers, protocol=pickle.HIGHEST_PROTOCOL)
        self._answers.flush()


def environment() -> dict[str, str]:
    """Return the environment of a process that imports what this one can."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class Remote:
    """An object in a process of its own: `remote.call("method", ...)`. As a context manager it ends.

    A call may take `limit` seconds; None: as long as it likes.
    """

    limit: float | None = None

    def __init__(self, make: Callable[..., Any], *arguments: Any) -> None:
        self._process = Process([sys.executable, "-P", "-m", "convlab.bench.process"], environment())
        self._made = make, arguments

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what a method returns there; UnsupportedError for whatever goes wrong, with its text."""
        try:
            answer = self._process.ask((self._made, method, arguments), self.limit)
        except TimeoutError:
            raise UnsupportedError(f"no answer within {self.limit:g} seconds") from None
        except (EOFError, OSError):
            status = self._process.wait()
            how = f": {signal.strsignal(-status)}" if status < 0 else f" with status {status}"
            raise UnsupportedError(f"its process ended{how}") from None
        if isinstance(answer, ConvlabError):
            raise answer
        return answer


def failure(error: Exception) -> UnsupportedError:
    """Return what an error of a candidate is to who asked it."""
    if isinstance(error, ConvlabError):
        return UnsupportedError(str(error))
    return UnsupportedError(f"failed: {type(error).__name__}: {' '.join(str(error).split())}")


def serve() -> None:
    """Make the object at the first call, and answer calls until the parent has no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to hear; it ends this process
    parent, target = Parent(), None
    while True:
        try:
            (make, made), method, arguments = parent.recv()
        except EOFError:
            return
        try:
            target = target or make(*made)
            answer = getattr(target, method)(*arguments)
        except Exception as error:  # a kernel that fails is a result; the others go on
            answer = failure(error)
        parent.send(answer)


if __name__ == "__main__":
    serve()
