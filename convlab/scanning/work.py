"""A scan at work: which shards are still to be done, what is told of them, and when it is enough."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from convlab.errors import ImageError
from convlab.model.model import Model
from convlab.scanning.folder import FolderStatistics
from convlab.scanning.job import Job
from convlab.scanning.listing import Listing
from convlab.scanning.marks import read_mark
from convlab.scanning.messages import Request, Summary
from convlab.scanning.statistics_file import merged, named
from convlab.wording import counted, say
from convlab_kernels.caller import warn_caller

WARNED = 10  # warnings, and pictures that cannot be read, that are told


class Place(Protocol):
    """Where shards are done: on this machine, or on a cluster."""

    def facts(self, job: Job) -> dict[str, str]:
        """Return what a process of a job computes with."""

    def run(self, job: Job, requests: Iterable[Request]) -> Iterator[Summary]:
        """Yield what is told of the shards, as it comes."""

    def close(self) -> None:
        """End all processes."""


@dataclass
class Work:
    """A scan at work: its steps, and what is told of them.

    Attributes
    ----------
    done, failed : int
        Pictures so far, with those of an earlier run; and those of them that could not be read.
    """

    model: Model
    listing: Listing
    job: Job
    place: Place
    errors: Literal["record", "raise"]
    max_errors: int | None
    done: int = 0
    failed: int = 0
    ready: set[int] = field(default_factory=set)
    begun: dict[int, Summary] = field(default_factory=dict)
    parts: dict[int, Summary] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def steps(self) -> Iterator[tuple[int, int]]:
        """Do what is missing, and yield again and again how many pictures are done, and how many of them failed."""
        for one in self.place.run(self.job, self._requests()):
            self.begun.pop(one.index, None)
            if one.whole:
                self._take(one)
            else:
                self.begun[one.index] = one
            under_way = self.begun.values()
            yield (
                self.done + sum(part.rows for part in under_way),
                self.failed + sum(len(part.errors) for part in under_way),
            )

    def look(self) -> None:
        """See what an earlier run has done."""
        for index, count in enumerate(self._sizes()):
            mark = read_mark(Path(self.job.out), index, count) if self.job.out else None
            if mark is not None:
                self.ready.add(index)
                self.done += mark.rows
                self.failed += len(mark.errors)

    def statistics(self) -> FolderStatistics:
        """Return the statistics of what is done so far, where they are handed back."""
        parts = [part for _, part in sorted((self.parts | self.begun).items())]
        found = named(merged([part.statistics or {} for part in parts]), self.listing.names)
        skipped = tuple(name for part in parts for name, _ in self._failed(part))
        images = sum(part.rows for part in parts) - len(skipped)
        return FolderStatistics(self.model.title, self.listing.title, images, skipped, found)

    def check(self) -> None:
        """Refuse pictures of which none could be read."""
        if self.failed == len(self.listing):
            count = counted(self.failed, "picture")
            raise ImageError(f"{self.listing.title}: {count}, none of which can be read")

    def _sizes(self) -> list[int]:
        size, count = self.job.shard, len(self.listing)
        return [min(size, count - first) for first in range(0, count, size)]

    def _requests(self) -> Iterator[Request]:
        names, labels = self.listing.names, self.listing.labels
        for index, count in enumerate(self._sizes()):
            if index not in self.ready:
                first = index * self.job.shard
                part = slice(first, first + count)
                yield Request(index, first, names[part], labels[part] if labels and self.job.attribution else None)

    def _take(self, one: Summary) -> None:
        self.done += one.rows
        self.failed += len(one.errors)
        self.ready.add(one.index)
        if one.statistics is not None:
            self.parts[one.index] = one
        for text in one.warnings:
            self._warn(text)
        for name, reason in self._failed(one):
            if self.errors == "raise":
                raise ImageError(f"{Path(self.listing.root, name)}: {reason}")
            self._warn(f"{Path(self.listing.root, name)}: {reason}; the picture is left out")
        if self.max_errors is not None and self.failed > self.max_errors:
            raise ImageError(
                f"{counted(self.failed, 'picture')} of {self.listing.title} cannot be read, more than"
                f" {say('max_errors', '--max-errors')} {self.max_errors}: run it again with a larger one to go on"
            )

    def _failed(self, one: Summary) -> list[tuple[str, str]]:
        first = one.index * self.job.shard
        return [(self.listing.names[first + row], reason) for row, reason in one.errors]

    def _warn(self, text: str) -> None:
        if text not in self.told:
            self.told.add(text)
            if len(self.told) <= WARNED:
                warn_caller(text)
            elif len(self.told) == WARNED + 1:
                warn_caller("there are more warnings and pictures that are left out, which are not told one by one")
