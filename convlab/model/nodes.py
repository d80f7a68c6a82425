"""The calls of layers that a network consists of, and how they are carried out."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TypeGuard

from convlab.errors import LayerNameError, ShapeError
from convlab.layers import ACTIVATIONS, Activated, Layer
from convlab.runtime.arrays import Array

Step = tuple["Node", tuple[str, ...]]
"""A call, and the values that nobody needs after it."""


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
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    silenced: tuple[int, ...] = ()

    def silence(self, y: Array) -> Array:
        """Return what the layer made, with the silenced channels at 0."""
        if not self.silenced:
            return y
        y = y.copy()  # it may be what an earlier layer made, only handed on
        for channel in self.silenced:
            y[..., channel] = 0
        return y


def check_name(model: str, name: str) -> None:
    """Raise LayerNameError for what a model's input or node cannot be called."""
    if not name.isprintable() or name in ("", ".", "..") or name.endswith("/pre"):
        raise LayerNameError(f"model {model!r}: {name!r} cannot be a layer's name")


def check_node(model: str, node: Node, earlier: Collection[str], named: Layer) -> None:
    """Raise LayerNameError or ShapeError unless a node can follow those so far; `named`: their layer of its name."""
    check_name(model, node.name)
    if node.name in earlier:
        raise ShapeError(f"model {model!r}: two layers are named {node.name!r}")
    if named is not node.layer:
        raise ShapeError(f"model {model!r}: two layers are named {node.layer.name!r}")
    for source in node.inputs:
        if source not in earlier:
            raise ShapeError(f"model {model!r}: layer {node.name!r} takes {source!r}, which is no earlier layer")


def check_outputs(model: str, outputs: Iterable[str], nodes: Collection[str]) -> None:
    """Raise ShapeError unless the outputs of a model are nodes of it."""
    for output in outputs:
        if output not in nodes:
            raise ShapeError(f"model {model!r}: its output {output!r} is no layer")


def own_layers(nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes with layers of their own, for another model, that share weights and prepared kernels."""
    nodes = list(nodes)
    layers = {node.layer.name: copy(node.layer) for node in nodes}
    return [replace(node, layer=layers[node.layer.name]) for node in nodes]


def plan(nodes: Sequence[Node]) -> list[Step]:
    """Return each node with the values whose last reader it is, its own among them if it has none."""
    last = {name: i for i, node in enumerate(nodes) for name in (node.name, *node.inputs)}
    done: list[list[str]] = [[] for _ in nodes]
    for name, i in last.items():
        done[i].append(name)
    return [(node, tuple(names)) for node, names in zip(nodes, done, strict=True)]


def execute(
    steps: Iterable[Step], sources: Mapping[str, Array], wanted: Collection[str] = ()
) -> Iterator[tuple[Node, Array | None, Array]]:
    """Yield (node, value before its activation if wanted, value), forgetting values nobody needs any more."""
    values = dict(sources)
    for node, done in steps:
        inputs = [values[source] for source in node.inputs]
        before, after = _call(node.layer, inputs, bool(wanted) and f"{node.name}/pre" in wanted)
        values[node.name] = after = node.silence(after)
        for name in done:
            del values[name]
        yield node, before, after


def has_activation(layer: Layer) -> TypeGuard[Activated]:
    """Return whether a layer applies an activation function to something of its own."""
    return isinstance(layer, Activated) and layer.activation != "linear"


def _call(layer: Layer, inputs: list[Array], keep_before: bool) -> tuple[Array | None, Array]:
    if not (keep_before and has_activation(layer)):
        return None, layer(*inputs)
    before = layer.linear(*inputs)
    return before, ACTIVATIONS[layer.activation](before)
