"""Shards done on this machine, by one process or several: a thread for each hands it one after the other."""

from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Lock, Thread

from convlab.scanning.job import Job
from convlab.scanning.messages import Request, Summary
from convlab.scanning.runner import Runner
from convlab_kernels.cpu.runtime.threads import CORES

Told = Summary | BaseException | None
"""What a thread tells: how far its shard is, what went wrong, or that it has no more to do."""


class Local:
    """So many processes on this machine."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.runners: list[Runner] = []

    def facts(self, job: Job) -> dict[str, str]:
        """Return what a process of a job computes with; it will do shards."""
        readers = max(1, CORES // self.workers - job.threads)  # the cores that the networks leave free
        self.runners = [Runner(job, readers, speaks=number == 0) for number in range(self.workers)]
        for runner in self.runners:
            runner.started()  # all at once, for they take a while; who has a shard first loads the network first
        return self.runners[0].facts()

    def run(self, job: Job, requests: Iterable[Request]) -> Iterator[Summary]:
        """Yield what is told of the shards, as it comes."""
        queue: SimpleQueue[Told] = SimpleQueue()
        source, lock = iter(requests), Lock()

        def work(runner: Runner) -> None:
            runner.job = job
            try:
                while (request := _next(source, lock)) is not None:
                    queue.put(runner.shard(request, queue.put))
            except BaseException as error:  # for the thread that waits
                queue.put(error)
            finally:
                queue.put(None)

        for runner in self.runners:
            Thread(target=work, args=(runner,), name="convlab-scan", daemon=True).start()
        yield from _told(queue, len(self.runners))

    def close(self) -> None:
        """End all processes."""
        for runner in self.runners:
            runner.close()


def _next(source: Iterator[Request], lock: Lock) -> Request | None:
    with lock:
        return next(source, None)


def _told(queue: "SimpleQueue[Told]", threads: int) -> Iterator[Summary]:
    while threads:
        one = queue.get()
        if one is None:
            threads -= 1
        elif isinstance(one, BaseException):
            raise one
        else:
            yield one
