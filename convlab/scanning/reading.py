"""The pictures of a shard, read on threads of their own while the network computes those before."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from convlab.errors import ConvlabError, ImageError
from convlab.model.model import Model
from convlab.runtime.arrays import Array
from convlab.scanning.array_files import open_images
from convlab.scanning.job import Job
from convlab.scanning.messages import Request

AHEAD = 2  # batches that are read before they are wanted
IMAGES = 3  # axes of an image (H, W, C)


@dataclass(frozen=True)
class Batch:
    """A batch of the network's input, always of the same size: zeros where there is no picture.

    Attributes
    ----------
    x : array (N, ...)
    count : int
        How many of its rows are pictures of the shard.
    failed : dict of int to str
        Which of these could not be read, and why.
    """

    x: Array
    count: int
    failed: dict[int, str]


class Reader:
    """Reads what a job is about, for one network."""

    def __init__(self, job: Job, model: Model, threads: int) -> None:
        self.job, self.model = job, model
        self.images = open_images(Path(job.root)) if job.array else None
        self.pool = ThreadPoolExecutor(threads, "convlab-reader")

    def batches(self, request: Request) -> Iterator[tuple[int, Batch]]:
        """Yield each batch with its first row in the shard."""
        starts = range(0, len(request.names), self.job.batch)
        begun = ((start, self._begin(request, start)) for start in starts)
        waiting = deque(islice(begun, AHEAD))
        while waiting:
            start, rows = waiting.popleft()
            waiting.extend(islice(begun, 1))
            yield start, self._batch(rows)

    def read(self, request: Request, row: int) -> Array | str:
        """Return a picture of a shard as an input (1, ...), or why it cannot be read."""
        if row in request.aside:
            return request.aside[row]
        try:
            if self.images is not None:
                return self._prepare(self._block(request.first + row, 1))
            path = Path(self.job.root, request.names[row])
            try:
                return self._prepare(path)
            except ConvlabError as error:
                return str(error).removeprefix(f"{path}: ")
        except (ConvlabError, OSError, MemoryError) as error:
            return str(error) or type(error).__name__

    def _begin(self, request: Request, start: int) -> "list[Future[list[Array | str]]]":
        rows = range(start, min(start + self.job.batch, len(request.names)))
        parts = [rows] if self.images is not None else [range(row, row + 1) for row in rows]
        return [self.pool.submit(self._read_rows, request, part) for part in parts]

    def _read_rows(self, request: Request, rows: range) -> list[Array | str]:
        """Return pictures of a shard; those of an array at once, or one by one if that fails."""
        if self.images is not None and not request.aside:
            with suppress(ConvlabError, OSError, MemoryError):
                return list(self._prepare(self._block(request.first + rows.start, len(rows)))[:, None])
        return [self.read(request, row) for row in rows]

    def _block(self, first: int, count: int) -> Array:
        assert self.images is not None
        block: Array = self.images[first : first + count]
        return block[..., None] if block.ndim == IMAGES and len(self.model.input_shape) == IMAGES else block

    def _prepare(self, source: Any) -> Array:
        count = len(source) if isinstance(source, np.ndarray) else 1
        x = self.model.prepare(source, fit=self.job.fit)
        if len(x) != count:
            raise ImageError(f"holds {len(x)} images, expected one")
        return x

    def _batch(self, begun: "list[Future[list[Array | str]]]") -> Batch:
        found = [picture for future in begun for picture in future.result()]
        x = np.zeros((self.job.batch, *self.model.input_shape), np.float32)
        failed = {}
        for row, picture in enumerate(found):
            if isinstance(picture, str):
                failed[row] = picture
            else:
                x[row] = picture[0]
        return Batch(x, len(found), failed)
