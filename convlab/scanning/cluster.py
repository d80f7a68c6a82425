"""Shards placed by Dask: it says which machine does which, and does them again where one was lost. Nothing else.

A task is a shard and a small answer: no picture, no network and no features go through the scheduler. In each thread
of a Dask worker a process of the scan's own does the work, as on one machine: what kills it does not kill the worker.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import islice
from threading import Lock
from typing import Any

from convlab.errors import ConvlabError, UnsupportedError
from convlab.scanning.job import Job
from convlab.scanning.messages import Request, Summary
from convlab.scanning.runner import Runner

AHEAD = 2  # shards for each thread of the cluster that are handed out
PATIENCE = 10  # seconds for a scheduler to answer

_idle: dict[str, list[Runner]] = {}
_lock = Lock()


class Cluster:
    """A Dask cluster, by its client; `own` says that it is closed with the scan."""

    def __init__(self, client: Any, *, own: bool = False) -> None:
        self.client, self.own = client, own
        self.futures: set[Any] = set()

    @classmethod
    def at(cls, address: str) -> "Cluster":
        """Return the cluster of a scheduler, "tcp://host:8786".

        Raises
        ------
        UnsupportedError
            Where Dask is not installed, or no scheduler answers.
        """
        try:
            distributed = _distributed()
        except ImportError:
            raise UnsupportedError("Dask is not installed: pip install 'convlab-engine[scale]'") from None
        try:
            return cls(distributed.Client(address, timeout=PATIENCE), own=True)
        except (OSError, ValueError, TypeError) as error:
            raise UnsupportedError(f"{address}: no Dask scheduler answers there ({error})") from None

    def facts(self, job: Job) -> dict[str, str]:
        """Return what a process of a job computes with, on whichever worker."""
        if job.out is None:
            raise UnsupportedError("a cluster writes what it finds into a folder: name one")
        found: dict[str, str] = self._result(self.client.submit(_facts, job, pure=False))
        return found

    def run(self, job: Job, requests: Iterable[Request]) -> Iterator[Summary]:
        """Yield what is told of the shards that are done, as they are."""
        left = iter(requests)
        threads = sum(self.client.nthreads().values())
        first = [self._submit(job, request) for request in islice(left, AHEAD * max(threads, 1))]
        done = _distributed().as_completed(first)
        for future in done:
            self.futures.discard(future)
            yield self._result(future)
            done.update([self._submit(job, request) for request in islice(left, 1)])

    def close(self) -> None:
        """Take back what is not done yet, end the processes that wait for more, and, if it is its own, the client."""
        try:
            self.client.cancel(list(self.futures))
            self.client.run(_end_idle)
        except Exception:
            pass
        if self.own:
            self.client.close(PATIENCE)

    def _submit(self, job: Job, request: Request) -> Any:
        future = self.client.submit(_shard, job, request, pure=False)
        self.futures.add(future)
        return future

    def _result(self, future: Any) -> Any:
        """Return a task's answer; what goes wrong with the cluster itself in the words of the scan."""
        try:
            return future.result()
        except ConvlabError:
            raise
        except Exception as error:
            told = " ".join(f"{type(error).__name__} {error}".split())
            raise UnsupportedError(
                f"the Dask cluster failed ({told}): what is done is kept, and the same call goes on"
            ) from None


def _distributed() -> Any:
    return import_module("distributed")  # whose functions have no types


def _facts(job: Job) -> dict[str, str]:
    runner = _take(job)
    try:
        return runner.facts()
    finally:
        _give_back(job, runner)


def _shard(job: Job, request: Request) -> Summary:
    """Do a shard, in a thread of a Dask worker."""
    runner = _take(job)
    try:
        return runner.shard(request, lambda _: None)
    finally:
        _give_back(job, runner)


def _take(job: Job) -> Runner:
    """Return a runner that has nothing to do, or a new one: there come to be as many as the worker has threads."""
    with _lock:
        waiting = _idle.get(repr(job), [])
        return waiting.pop() if waiting else Runner(job, readers=1)


def _give_back(job: Job, runner: Runner) -> None:
    with _lock:
        _idle.setdefault(repr(job), []).append(runner)


def _end_idle() -> None:
    with _lock:
        waiting = [runner for runners in _idle.values() for runner in runners]
        _idle.clear()
    for runner in waiting:
        runner.close()
