"""The mean attribution of each class over the pictures of a shard, and its file."""

from collections.abc import Sequence
from pathlib import Path

from convlab.model.model import Model
from convlab.runtime.arrays import Array


class ClassMeans:
    """Means that grow with every batch; of no method, nothing."""

    def __init__(self, model: Model, method: str | None) -> None:
        self.model, self.method = model, method

    def add(self, x: Array, labels: Sequence[str] | None) -> None:
        """Add pictures (N, ...) of these classes."""

    def write(self, out: Path, index: int) -> str:
        """Write the means of a shard, and return where."""
        raise NotImplementedError
