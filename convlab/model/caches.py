"""What a network makes at its first call and keeps for the next: made again wherever it is not there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import is_

from convlab.model.graph import Graph
from convlab.model.plans import Plans
from convlab.runtime.arrays import Array
from convlab.runtime.buffer_pool import BufferPool
from convlab.runtime.cuda_graph import CudaGraphs

Weights = Sequence[Mapping[str, Array]]


@dataclass(frozen=True, eq=False)
class OfWeights:
    """A graph, the weights that it was made of, layer by layer, and the plans and CUDA graphs of it."""

    weights: Weights
    graph: Graph
    plans: Plans = field(default_factory=Plans)
    cuda_graphs: CudaGraphs = field(default_factory=CudaGraphs)

    def is_of(self, weights: Weights) -> bool:
        """Return whether it was made of these very weights."""
        return all(map(is_, weights, self.weights))


@dataclass(eq=False)
class Caches:
    """Memory for predictions and for recordings; what a prediction computes in place of the graph; and the graph."""

    pool: BufferPool = field(default_factory=BufferPool)
    recordings: BufferPool = field(default_factory=BufferPool.for_recordings)
    fused: OfWeights | None = None
    whole: OfWeights | None = None
