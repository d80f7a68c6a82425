"""A network as it is written down: each line calls a layer on what earlier lines made."""

from collections import Counter
from collections.abc import Iterable

from convlab.layers import Layer
from convlab.model.graph import INPUT, Graph, GraphBuilder
from convlab.model.nodes import Node
from convlab.runtime.arrays import Shape


class Sketch:
    """The calls of a network, in the order in which they are written.

    Parameters
    ----------
    name : str
        The network's.
    input_shape : tuple of int
        (H, W, C).
    """

    def __init__(self, name: str, input_shape: Shape) -> None:
        self._builder = GraphBuilder(name, {INPUT: input_shape})
        self._numbers: Counter[str] = Counter()

    def __call__(self, layer: Layer, *sources: str) -> str:
        """Call a layer, and return the name of what it makes."""
        return self._builder.add(Node(layer.name, layer, sources)).name

    def chain(self, layers: Iterable[Layer], x: str) -> str:
        """Call each layer on what the one before it makes."""
        for layer in layers:
            x = self(layer, x)
        return x

    def shape(self, x: str) -> Shape:
        """Return the shape of a value."""
        return self._builder.shapes[x]

    def numbered(self, kind: str) -> str:
        """Return the name that Keras gives a layer that has none: conv2d, conv2d_1, conv2d_2."""
        number = self._numbers[kind]
        self._numbers[kind] += 1
        return f"{kind}_{number}" if number else kind

    def graph(self) -> Graph:
        """Return the graph, whose output is the last call."""
        return self._builder.graph()
