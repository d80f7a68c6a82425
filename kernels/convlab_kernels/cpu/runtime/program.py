"""Tasks that were noted, in memory: where their buffers lie, and what carries them out."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.noting import Notes
from convlab_kernels.cpu.runtime.threads import carry_out as do_tasks

Pieces = list[tuple[NDArray[np.int64], int, float]]
"""Tasks as they are done in one call each, on how many threads at most, and their cost."""

PIECE = 100_000
"""Microseconds of work of one thread that are done in one call: Ctrl-C is heard after it."""


class Addresses(NamedTuple):
    """The words of arguments that are addresses, of which buffer each, and how many bytes from its beginning."""

    words: NDArray[np.int64]
    buffers: NDArray[np.int64]
    offsets: NDArray[np.int64]


class Program:
    """The tasks of some notes, to be carried out on buffers wherever these lie.

    Parameters
    ----------
    notes : Notes
    moving : collection of int
        The buffers that lie elsewhere at each call.
    """

    def __init__(self, notes: Notes, moving: Collection[int]) -> None:
        words = [task.words for task in notes.tasks]
        starts = np.cumsum([0, *map(len, words)])
        self._words = np.concatenate([*words, np.zeros(1, np.int64)])
        data = self._words.ctypes.data + 8 * starts
        rows = [
            (task.code, address, *task.sharing) for task, address in zip(notes.tasks, data.tolist(), strict=False)
        ]
        self._tasks = np.array(rows, np.int64).reshape(len(rows), 6)
        self._costs = [task.cost for task in notes.tasks]
        self._kept = notes.kept
        places = [
            (start + word, buffer, offset)
            for task, start in zip(notes.tasks, starts.tolist(), strict=False)
            for word, buffer, offset in task.places
        ]
        self._still = _addresses(place for place in places if place[1] not in moving)
        self._moving = _addresses(place for place in places if place[1] in moving)

    def place(self, starts: NDArray[np.int64]) -> None:
        """Let the buffers that do not move begin at these addresses, by their numbers."""
        self._put(self._still, starts)

    def move(self, starts: NDArray[np.int64]) -> None:
        """Let the buffers that move begin at these addresses, by their numbers."""
        self._put(self._moving, starts)

    def _put(self, addresses: Addresses, starts: NDArray[np.int64]) -> None:
        self._words[addresses.words] = starts[addresses.buffers] + addresses.offsets

    def pieces(self, first: int, last: int) -> Pieces:
        """Return the tasks first to last as `carry_out` takes them, in calls that are not too long."""
        found, begin, cost = [], first, 0.0
        for i in range(first, last):
            cost += self._costs[i]
            if cost >= PIECE or i == last - 1:
                tasks = self._tasks[begin : i + 1]
                found.append((tasks, int(tasks[:, -1].max()), cost))
                begin, cost = i + 1, 0.0
        return found


def _addresses(places: Iterable[tuple[int, int, int]]) -> Addresses:
    table = np.array(list(places), np.int64).reshape(-1, 3)
    return Addresses(*table.T.copy())


def carry_out(pieces: Pieces) -> None:
    """Do the tasks of all pieces."""
    for tasks, workers, cost in pieces:
        do_tasks(tasks, workers, cost)


class Life(NamedTuple):
    """The first and the last time at which a buffer is used."""

    first: int
    last: int


def lives(uses: Iterable[Collection[int]]) -> dict[int, Life]:
    """Return the life of each buffer, from which of them are used at each time."""
    found: dict[int, Life] = {}
    for time, buffers in enumerate(uses):
        for buffer in buffers:
            found[buffer] = Life(found[buffer].first if buffer in found else time, time)
    return found


def arrange(sizes: Sequence[int], lives: dict[int, Life]) -> tuple[list[int], int]:
    """Return where in an arena each buffer begins, and how large that is: two share memory where no time needs both.

    Pisarchyk and Lee, "Efficient memory management for deep neural net inference" (arXiv 2001.03288), section 5.2:
    the largest first, each at the lowest place where it fits. What has no life lies at 0.
    """
    starts = [0] * len(sizes)
    placed: list[tuple[int, int, Life]] = []
    for buffer in sorted(lives, key=lambda buffer: -sizes[buffer]):
        life, size, start = lives[buffer], -(-sizes[buffer] // LINE) * LINE, 0
        for begin, end, other in sorted(placed):
            if other.first <= life.last and life.first <= other.last:
                if start + size <= begin:
                    break
                start = max(start, end)
        starts[buffer] = start
        placed.append((start, start + size, life))
    return starts, max((end for _, end, _ in placed), default=0)
