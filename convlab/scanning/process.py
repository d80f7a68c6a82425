"""The process that does the shards: of the scan's own, so that no picture and no thread is the caller's.

`python -m convlab.scanning.process`: its parent sends the job, then requests; it sends what it has done. It ends with
its parent, or when it has had nothing to do for a minute.
"""

import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any

from convlab.bench.process import Parent
from convlab.errors import UnsupportedError
from convlab.model.model import Model
from convlab.scanning.facts import facts
from convlab.scanning.job import Job, differences, read_model
from convlab.scanning.messages import Request, Summary
from convlab.scanning.reading import Reader
from convlab.scanning.shard import process_shard
from convlab.wording import asked_by_command, say

IDLE = 60  # seconds
TOLD = 0.2  # seconds between two words on how far a shard is
WARNINGS = 10  # different ones of a shard that are told


class Worker:
    """What answers: a network, loaded once."""

    def __init__(self, parent: Parent, job: Job, readers: int) -> None:
        self.parent, self.job, self.readers = parent, job, readers
        self.loaded: tuple[Model, Reader] | None = None
        self.said: dict[str, None] = {}
        self.told = 0.0
        warnings.simplefilter("always")
        warnings.showwarning = self._hear  # type: ignore[assignment]

    def facts(self) -> dict[str, str]:
        """Return what this process computes with."""
        return facts(self._load()[0].device)

    def shard(self, request: Request) -> Summary:
        """Do a shard."""
        model, reader = self._load()
        if self.job.facts is not None and not self.job.mixed:
            _check_facts(self.job.facts, facts(model.device))
        self.said.clear()
        done = process_shard(self.job, model, reader, request, self._tell)
        return replace(done, warnings=tuple(list(self.said)[:WARNINGS]))

    def read(self, request: Request, row: int) -> None:
        """Read a picture, for the sake of whether this process lives through it."""
        self._load()[1].read(request, row)

    def _load(self) -> tuple[Model, Reader]:
        if self.loaded is None:
            model = read_model(self.job.model, self.job.digest)
            self.loaded = model, Reader(self.job, model, self.readers)
        return self.loaded

    def _tell(self, done: Summary) -> None:
        if (now := monotonic()) - self.told >= TOLD:
            self.told = now
            self.parent.send(("told", done))

    def _hear(self, message: Warning | str, category: type[Warning], *_: object) -> None:
        if issubclass(category, UserWarning):
            self.said[str(message)] = None


def _check_facts(wanted: dict[str, str], found: dict[str, str]) -> None:
    if told := differences(wanted, found, ("in the scan", "here")):
        raise UnsupportedError(
            f"{socket.gethostname()} is another kind of machine than the first: {'; '.join(told)}: the last"
            f" bits of its numbers may differ; {say('mixed=True', '--mixed')} lets it"
        )


def serve() -> None:
    """Answer until the parent has ended, or has nothing to ask for long."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to hear; it ends this process
    parent = Parent()
    requests: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
    job, readers, speaks = parent.recv()
    if speaks:
        _speak()
    Thread(target=_listen, args=(parent, requests), daemon=True).start()
    worker = Worker(parent, job, readers)
    with asked_by_command() if job.by_command else nullcontext():
        while True:
            try:
                method, *arguments = requests.get(timeout=IDLE)
            except Empty:
                os._exit(0)
            parent.send(_answer(getattr(worker, method), arguments))


def _speak() -> None:
    """Print what the library logs, as the command does."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("convlab: %(message)s"))
    logger = logging.getLogger("convlab")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _answer(method: Callable[..., Any], arguments: list[Any]) -> tuple[str, Any]:
    try:
        return "done", method(*arguments)
    except Exception as error:
        return "error", error


def _listen(parent: Parent, requests: "SimpleQueue[tuple[Any, ...]]") -> None:
    """Take requests; end with the parent, whatever is being done: what is written is whole or not there."""
    try:
        while True:
            requests.put(parent.recv())
    except BaseException:
        os._exit(1)


if __name__ == "__main__":
    serve()
