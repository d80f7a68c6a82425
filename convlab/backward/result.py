"""What a backward pass leaves behind: the gradients, and what they were made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from convlab.backward.rules import Rule, before_activation, pull_back_node
from convlab.layers import Activated
from convlab.model.nodes import Node
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.runtime.host_copies import where_computed


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Gradients(Activations):
    """The gradients of a number by layers and inputs: a mapping like a recording.

    To what `Activations` holds it adds, so that each of them can be explained (a file does not keep it):

    Attributes
    ----------
    target : str
        What they are of: "class 6 (Shirt)".
    rule : "gradient", "guided" or "deconvnet"
        How ReLU handed them back.
    seeds : mapping of str to array
        The gradients that the pass began with.
    made : mapping of str to array
        What went into the network and what its nodes made, where it was computed.
    """

    forwards: ClassVar[bool] = False

    target: str
    rule: Rule
    seeds: Mapping[str, Array]
    made: Mapping[str, Array]

    def before_activation(self, name: str) -> Array:
        """Return the gradient by what a node computes before its layer's activation function, if it has one."""
        node = self._node(name)
        after, before = self._by(node)
        if after is not None and not isinstance(node.layer, Activated):
            return node.silence(after)
        with self.network.computing(self.images):
            return before_activation(node, after, before, *self._given_and_made(node), self.rule)

    def handed_back(self, name: str) -> tuple[Array, ...]:
        """Return what a node hands back to each of its inputs."""
        node = self._node(name)
        with self.network.computing(self.images):
            return pull_back_node(node, *self._by(node), *self._given_and_made(node), self.rule)

    def _node(self, name: str) -> Node:
        return next(node for node in self.network.nodes if node.name == name)

    def _by(self, node: Node) -> tuple[Array | None, Array | None]:
        return where_computed(self.arrays).get(node.name), self.seeds.get(f"{node.name}/pre")

    def _given_and_made(self, node: Node) -> tuple[tuple[Array, ...], Array]:
        return tuple(self.made[source] for source in node.inputs), self.made[node.name]
