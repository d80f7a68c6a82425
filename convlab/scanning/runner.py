"""One process that does shards, started again when it dies; and the picture that killed it, found and set aside."""

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from convlab.bench.process import Process, environment
from convlab.errors import UnsupportedError
from convlab.scanning.facts import with_threads
from convlab.scanning.job import Job
from convlab.scanning.messages import Request, Summary

DEATHS = 2  # of a process over one shard, until its pictures are looked at one by one
Told = Callable[[Summary], None]


class Died(Exception):  # noqa: N818 - no error of a user's
    """A process ended before it had answered."""


class Runner:
    """Does the shards of a job in a process of its own; `readers` of its threads read pictures.

    `speaks`: to somebody who typed a command it says why it takes long, as that kernels are being compiled.
    """

    def __init__(self, job: Job, readers: int, *, speaks: bool = False) -> None:
        self.job, self.readers, self.speaks = job, readers, speaks and job.by_command
        self.process: Process | None = None
        self.closed = False

    def facts(self) -> dict[str, str]:
        """Return what the process computes with."""
        try:
            found: dict[str, str] = self._ask("facts")
        except Died as death:
            raise UnsupportedError(f"the process of the scan cannot be started: it {death}") from None
        return found

    def shard(self, request: Request, told: Told) -> Summary:
        """Do a shard; a process that dies over it is started again.

        Raises
        ------
        UnsupportedError
            Where it dies again and again, and no picture is the cause.
        """
        deaths = 0
        while True:
            try:
                done: Summary = self._ask("shard", request, told=told)
                return done
            except Died as death:
                if self.closed:
                    raise
                deaths += 1
                if deaths == DEATHS:
                    request = replace(request, aside=request.aside | self._killers(request))
                elif deaths > DEATHS:
                    raise UnsupportedError(
                        f"shard {request.index}: its process {death}, {deaths} times, and no picture is the cause: is"
                        " there enough memory? Run the scan again to go on"
                    ) from None

    def close(self) -> None:
        """End the process, whatever it is at, for good."""
        self.closed = True
        if (process := self.process) is not None:
            process.end()

    def started(self) -> Process:
        """Return the process: a new one where there is none, or the last has died, or had nothing to do for long."""
        if self.closed:
            raise Died("was stopped")
        if self.process is not None and self.process.poll() is not None:
            self.process.end()
            self.process = None
        if self.process is None:
            command = [sys.executable, "-P", "-m", "convlab.scanning.process"]
            self.process = Process(command, with_threads(environment(), self.job.threads))
            with suppress(OSError):  # it has died at once: to ask it will say so
                self.process.send((self.job, self.readers, self.speaks))
        return self.process

    def _killers(self, request: Request) -> dict[int, str]:
        """Return the rows of the pictures that kill a process that does nothing but read them, twice, and how."""
        found = {}
        for row in range(len(request.names)):
            if row not in request.aside and self._kills(request, row) and (how := self._kills(request, row)):
                found[row] = f"it kills what reads it, which {how}: set aside"
        return found

    def _kills(self, request: Request, row: int) -> str:
        try:
            self._ask("read", request, row)
        except Died as death:
            return str(death)
        return ""

    def _ask(self, *request: Any, told: Told | None = None) -> Any:
        process = self.started()
        try:
            kind, answer = process.ask(request)
            while kind == "told":
                if told is not None:
                    told(answer)
                kind, answer = process.answer()
        except (EOFError, OSError, ValueError):  # the last of a stream that `close` has closed
            process.end()
            raise Died(_how(process.wait())) from None
        if kind == "error":
            raise answer
        return answer


def _how(status: int) -> str:
    """Return how a process ended, by its status."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
