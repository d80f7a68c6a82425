"""The calls of layers that a network consists of."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeGuard

from convlab.layers import Activated, Layer
from convlab.layers.base import Walk
from convlab.runtime.arrays import Array, Shape


@dataclass(frozen=True)
class Node:
    """One call of a layer. A layer called twice has two nodes: `name` and `name/2`.

    Parameters
    ----------
    name : str
        What the value is called in the network and in recordings.
    layer : Layer
    inputs : tuple of str
        The nodes or inputs that it takes, by name.
    silenced : tuple of int
        Channels of its output that are set to 0 (see `Model.ablate`).
    input_shapes, output_shape
        Without the batch; known once the node is in a graph.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    silenced: tuple[int, ...] = ()
    input_shapes: tuple[Shape, ...] = ()
    output_shape: Shape = ()

    def on(self, *input_shapes: Shape) -> "Node":
        """Return the call on inputs of these shapes, for which the layer is built."""
        return replace(self, input_shapes=input_shapes, output_shape=self.layer.build(*input_shapes))

    @property
    def window(self) -> Walk:
        """The cells of the input that one output sees, as `Layer.window` has them."""
        return self.layer.window_on(*self.input_shapes)

    @property
    def multiply_adds(self) -> int:
        """Products of an input with a weight that it takes to compute one image's output."""
        return self.layer.multiply_adds(*self.input_shapes)

    def silence(self, y: Array) -> Array:
        """Return what the layer made, with the silenced channels at 0."""
        if not self.silenced:
            return y
        y = y.copy()  # it may be what an earlier layer made, only handed on
        for channel in self.silenced:
            y[..., channel] = 0
        return y


def own_layers(nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes with layers of their own, for another model, that share weights and prepared kernels."""
    nodes = list(nodes)
    layers = {node.layer.name: node.layer.altered() for node in nodes}
    return [replace(node, layer=layers[node.layer.name]) for node in nodes]


def has_activation(layer: Layer) -> TypeGuard[Activated]:
    """Return whether a layer applies an activation function to something of its own."""
    return isinstance(layer, Activated) and layer.activation != "linear"
