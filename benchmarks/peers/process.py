"""A contender in a process of its own, of any interpreter: convlab need not be there."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers.files import Task
from convlab.bench.process import Process

BENCHMARKS = Path(__file__).resolve().parents[1]
PATIENCE = 900  # seconds for one reply; a contender that takes longer is given up


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Give the environment of a process that finds `benchmarks`, and else what its interpreter has.

    Not this checkout, that is: an interpreter with another convlab times that one.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "benchmarks").symlink_to(BENCHMARKS)
        path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        yield os.environ | {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


class MissingError(Exception):
    """A contender that cannot take part, and why."""


class Worker:
    """A contender in its process, which gets ready while others are started."""

    def __init__(self, contender: str, task: Task, python: str, threads: int, environment: dict[str, str]) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        arguments = (contender, task.folder, task.network, task.batch, task.what, threads)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        command = [python, "-m", "benchmarks.peers.worker", *map(str, arguments)]
        self.process = Process(command, environment | dict.fromkeys(names, str(threads)), self.errors)

    def ready(self) -> dict[str, Any]:
        """Return what it tells of itself when it is ready; MissingError where it never is."""
        return self._got(lambda: self.process.answer(PATIENCE))

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the reply to a request; MissingError where none comes."""
        return self._got(lambda: self.process.ask(request, PATIENCE))

    def _got(self, get: Callable[[], Any]) -> dict[str, Any]:
        try:
            return get()
        except TimeoutError:
            raise MissingError(f"no answer within {PATIENCE} s") from None
        except (EOFError, OSError):
            raise MissingError(self._last_words()) from None

    def _last_words(self) -> str:
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with {self.process.returncode}"

    def close(self) -> None:
        """End the process."""
        self.process.end()
        self.errors.close()
