"""What a network makes at its first call and keeps for the next: made again wherever it is not there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from convlab.layers import Layer
from convlab.model.graph import Graph
from convlab.model.plans import Plans
from convlab.runtime.arrays import Array
from convlab.runtime.buffer_pool import BufferPool
from convlab.runtime.cuda_graph import CudaGraphs


@dataclass(eq=False)
class OfLayers:
    """A graph, the weights and options that it was made of, layer by layer, and the plans and CUDA graphs of it."""

    edits: object
    weights: list[Mapping[str, Array]]
    options: list[dict[str, Any]]
    graph: Graph
    plans: Plans = field(default_factory=Plans)
    cuda_graphs: CudaGraphs = field(default_factory=CudaGraphs)

    @classmethod
    def made(cls, make: Callable[[], Graph], layers: Sequence[Layer]) -> "OfLayers":
        """Return what is to be kept of a graph that is made of these layers as they are before it is made."""
        return cls(Layer.edits, [layer._held.weights for layer in layers], _options(layers), make())

    def is_of(self, layers: Sequence[Layer]) -> bool:
        """Return whether it was made of these very weights and options."""
        if (edits := Layer.edits) is not self.edits:  # something was set, perhaps in another network
            if not all(layer._held.weights is weights for layer, weights in zip(layers, self.weights, strict=True)):
                return False
            if not all(map(_same, _options(layers), self.options)):
                return False
            self.edits = edits
        return True


def _options(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    return [{name: value for name, value in vars(layer).items() if name != "_held"} for layer in layers]


def _same(options: dict[str, Any], others: dict[str, Any]) -> bool:
    return options.keys() == others.keys() and all(value is others[name] for name, value in options.items())


@dataclass(eq=False)
class Caches:
    """Memory for predictions and for recordings; what a prediction computes in place of the graph; and the graph."""

    pool: BufferPool = field(default_factory=BufferPool)
    recordings: BufferPool = field(default_factory=BufferPool.for_recordings)
    fused: OfLayers | None = None
    whole: OfLayers | None = None
