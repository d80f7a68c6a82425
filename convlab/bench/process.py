"""A process for each candidate: threads that still spin after a call, and memory, are nobody else's.

The parent pickles a call (method, arguments) into the child's input and reads the answer from its output; both run
the same code, and nobody else can write there.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from convlab.errors import ConvlabError, UnsupportedError


class Remote:
    """An object in a process of its own: `remote.call("method", ...)`. As a context manager it ends."""

    def __init__(self, make: Callable[..., Any], *arguments: Any) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-P", "-m", "convlab.bench.process"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._made = make, arguments

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what a method returns there; UnsupportedError for whatever goes wrong, with its text."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            pickle.dump((self._made, method, arguments), self._process.stdin)
            self._process.stdin.flush()
            answer = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            raise UnsupportedError(f"its process ended with status {self._process.wait()}") from None
        if isinstance(answer, ConvlabError):
            raise answer
        return answer


def serve() -> None:
    """Make the object at the first call, and answer calls until the parent has no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to hear; it ends this process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    target = None
    while True:
        try:
            (make, made), method, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            target = target or make(*made)
            answer = getattr(target, method)(*arguments)
        except ConvlabError as error:
            answer = UnsupportedError(str(error))
        except Exception as error:  # a kernel that fails is a result; the others go on
            answer = UnsupportedError(f"failed: {type(error).__name__}: {' '.join(str(error).split())}")
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    serve()
