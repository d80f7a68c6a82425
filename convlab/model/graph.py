"""The graph of a network: which layer is called on what, and of what shape everything is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from typing import Literal

from convlab.errors import LayerNameError, ShapeError
from convlab.layers import Layer
from convlab.model.nodes import Node
from convlab.model.receptive_field import Field, receptive_fields
from convlab.runtime.arrays import Shape
from convlab.wording import listed, unknown

INPUT = "input"
"""The name by which a node refers to the network's input where that has none of its own."""

Step = tuple[Node, tuple[str, ...]]
"""A call, and the values that nobody needs after it."""


@dataclass(frozen=True, eq=False)
class Graph:
    """The calls of layers in order of execution, checked; `GraphBuilder` makes one.

    Attributes
    ----------
    name : str
        The network's, for messages.
    inputs : mapping of str to tuple of int
        Name and shape, without the batch, of each input.
    nodes : tuple of Node
        Each takes earlier nodes or inputs, by name, and knows its shapes.
    outputs : tuple of str
        The nodes whose values the network returns.
    """

    name: str
    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every input and of every node's output."""
        return {**self.inputs, **{node.name: node.output_shape for node in self.nodes}}

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every layer once, by its name, in order of execution."""
        return {node.layer.name: node.layer for node in self.nodes}

    @cached_property
    def steps(self) -> list[Step]:
        """Each node with the values whose last reader it is, its own among them if it has none."""
        last = {name: i for i, node in enumerate(self.nodes) for name in (node.name, *node.inputs)}
        done: list[list[str]] = [[] for _ in self.nodes]
        for name, i in last.items():
            done[i].append(name)
        return [(node, tuple(names)) for node, names in zip(self.nodes, done, strict=True)]

    @cached_property
    def is_chain(self) -> bool:
        """Whether there is one input, and each node takes what the one before it made."""
        sources = [*self.inputs, *(node.name for node in self.nodes)]
        return len(self.inputs) == 1 and all(
            node.inputs == (source,) for node, source in zip(self.nodes, sources, strict=False)
        )

    @cached_property
    def multiply_adds(self) -> int:
        """Products of an input with a weight that one image takes."""
        return sum(node.multiply_adds for node in self.nodes)

    @property
    def input_shape(self) -> Shape:
        """Shape of the only input, without the batch; ShapeError where there are several."""
        return self.shapes[self._only("input", self.inputs)]

    @property
    def output_shape(self) -> Shape:
        """Shape of the only output, without the batch; ShapeError where there are several."""
        return self.shapes[self._only("output", self.outputs)]

    def _only(self, what: str, names: Iterable[str]) -> str:
        first, *others = names
        if others:
            raise ShapeError(f"model {self.name!r} has several {what}s: {listed(list(names))}")
        return first

    def leading_to(self, name: str) -> list[Node]:
        """Return the nodes that lead to one, in order, itself the last."""
        needed, found = {name}, []
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
                found.append(node)
        return found[::-1]

    def until(self, name: str) -> "Graph":
        """Return the part that leads to one node, its output; LayerNameError for a name that is none."""
        nodes = self.leading_to(name)
        if not nodes:
            raise LayerNameError(unknown("layer", name, [node.name for node in self.nodes]))
        return replace(self, nodes=tuple(nodes), outputs=(name,))

    def receptive_fields(self) -> dict[str, Field | Literal["varies"] | None]:
        """Return, for each input and node, the box of the image its units see."""
        return dict(self._fields)

    @cached_property
    def _fields(self) -> dict[str, Field | Literal["varies"] | None]:
        calls = ((node.name, node.inputs, node.window) for node in self.nodes)
        return receptive_fields(self.inputs, calls, self.shapes)

    @cached_property
    def inputs_behind(self) -> dict[str, str | None]:
        """The only input that leads to each input and node, None where there are several."""
        behind = {name: {name} for name in self.inputs}
        for node in self.nodes:
            behind[node.name] = set().union(*(behind[source] for source in node.inputs))
        return {name: next(iter(found)) if len(found) == 1 else None for name, found in behind.items()}


class GraphBuilder:
    """A graph in the making, of one node after the other: each is checked, and its layer built for its shapes.

    Parameters
    ----------
    name : str
        The network's.
    inputs : mapping of str to tuple of int
        Name and shape, without the batch, of each input.

    Raises
    ------
    ShapeError
        For a shape that is none, here and in `add` for one that a layer cannot take, a name that is there already, or
        one that is not there yet.
    LayerNameError
        For a name that no layer can have.
    """

    def __init__(self, name: str, inputs: Mapping[str, Sequence[int]]) -> None:
        self.name = name
        self.inputs = {source: sides(name, shape) for source, shape in inputs.items()}
        self.shapes = dict(self.inputs)
        self._nodes: list[Node] = []
        self._layers: dict[str, Layer] = {}
        for source in self.inputs:
            self._check_name(source)
        if not self.inputs:
            raise ShapeError(f"model {name!r} has no inputs")

    def add(self, node: Node) -> Node:
        """Add a call, and return it with its shapes."""
        self._check(node)
        node = node.on(*(self.shapes[source] for source in node.inputs))
        self.shapes[node.name] = node.output_shape
        self._nodes.append(node)
        return node

    def _check(self, node: Node) -> None:
        self._check_name(node.name)
        if node.name in self.shapes:
            raise ShapeError(f"model {self.name!r}: two layers are named {node.name!r}")
        if self._layers.setdefault(node.layer.name, node.layer) is not node.layer:
            raise ShapeError(f"model {self.name!r}: two layers are named {node.layer.name!r}")
        for source in node.inputs:
            if source not in self.shapes:
                raise ShapeError(
                    f"model {self.name!r}: layer {node.name!r} takes {source!r}, which is no earlier layer"
                )

    def _check_name(self, name: str) -> None:
        if not name.isprintable() or name in ("", ".", "..") or name.endswith("/pre"):
            raise LayerNameError(f"model {self.name!r}: {name!r} cannot be a layer's name")

    def graph(self, outputs: Iterable[str] | None = None) -> Graph:
        """Return the graph of what was added; its outputs, if they are not named, are the last node."""
        if not self._nodes:
            raise ShapeError(f"model {self.name!r} has no layers")
        named = tuple(outputs or ()) or (self._nodes[-1].name,)
        for output in named:
            if output not in self.shapes or output in self.inputs:
                raise ShapeError(f"model {self.name!r}: its output {output!r} is no layer")
        return Graph(self.name, self.inputs, tuple(self._nodes), named)


def build_graph(
    name: str, inputs: Mapping[str, Sequence[int]], nodes: Iterable[Node], outputs: Iterable[str] | None = None
) -> Graph:
    """Return the graph of these nodes; as `GraphBuilder`, whose errors it raises."""
    builder = GraphBuilder(name, inputs)
    for node in nodes:
        builder.add(node)
    return builder.graph(outputs)


def sides(model: str, shape: Sequence[int]) -> Shape:
    """Return an input's shape as a tuple of ints; ShapeError for what is none."""
    if not isinstance(shape, Sequence) or not all(isinstance(n, Integral) and n > 0 for n in shape):
        raise ShapeError(
            f"model {model!r}: input shape {shape!r}, expected whole numbers of at least 1, as (H, W, C)"
        )
    return tuple(int(n) for n in shape)
