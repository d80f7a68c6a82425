"""The first layer that differs, with what it takes to try a guess on it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from convlab.comparison.distance import distance
from convlab.comparison.execution import flattened_images, nodes_between, run_nodes
from convlab.comparison.pairs import INPUT_KIND, Pair, Pairs
from convlab.comparison.report import Row
from convlab.errors import UnsupportedError
from convlab.images.preprocessing import Preprocessing
from convlab.model.model import Node
from convlab.runtime.arrays import Array, Shape, as_floats

Outputs = Iterator[tuple[str, Array]]
"""What a guess about a layer yields: details, and what would come out."""


@dataclass(frozen=True)
class Guess:
    """One idea of what may be wrong.

    Attributes
    ----------
    name : str
    sentence : str
        The idea as it reads after "agrees if".
    function : callable
        Yields the idea's variants: details for the sentence, then what would have been computed.
    nearest : int
        Of the layers between the last that agreed and the first that differs, so many are suspected: the last ones.
        All after one of them run anew for each variant, so there are fewer where these are many.
    """

    name: str
    sentence: str
    function: Callable[..., Iterator[Any]]
    nearest: int = 16


@dataclass(frozen=True, eq=False)
class Suspect:
    """The first layer (or input) that differs.

    "Ours" is what the network at hand computes, as far as that can be told; "theirs" is what guesses are to explain.

    Attributes
    ----------
    name : str
    is_input : bool
    sides : two of str
        Which side "ours" is and which "theirs", as messages call them.
    ours, theirs : array
        The two, laid out alike.
    tolerance : float
        The relative error up to which they would agree.
    nodes : list of Node
        The part of the network that leads to it from what is known to agree; empty without a network.
    values : dict of str to array
        What goes into that part: theirs where they recorded it, ours where they did not.
    inputs : dict of str to array
        Our inputs of the network, as far as they go into that part, or what is compared itself.
    preprocessing : Preprocessing or None
    images : sequence of shapes
        The shapes (H, W, C), or (D, H, W, C), of the layers before it, the nearest first.
    flattened : dict of str to shape
        Name of a dense layer -> the (H, W, C) that was flattened before it.
    agreeing : collection of str
        Those of the inputs that agree: what changes them does it inside the network.
    """

    name: str
    is_input: bool
    sides: tuple[str, str]
    ours: Array
    theirs: Array
    tolerance: float
    nodes: Sequence[Node]
    values: Mapping[str, Array]
    inputs: Mapping[str, Array]
    preprocessing: Preprocessing | None
    images: Sequence[Shape]
    flattened: Mapping[str, Shape]
    agreeing: Collection[str]

    def error(self, ours: Array, theirs: Array) -> float:
        """Return the relative error, infinite where shapes differ."""
        return distance(ours, theirs).relative if ours.shape == theirs.shape else inf

    def from_inputs(self, changed: Mapping[str, Array]) -> Array:
        """Return what the layer would be, had these inputs gone into the network."""
        if self.is_input:
            return changed[self.name]
        return run_nodes(self.nodes, {**self.values, **changed})[self.nodes[-1].name]


def find_suspect(pairs: Pairs, rows: Sequence[Row], first: int) -> Suspect | None:
    """Return the first layer that differs, ready for guesses; None where the sizes of the two are far apart."""
    pair, before = pairs.all[first], pairs.all[:first]
    if not pairs.much_alike(pair):
        return None
    ours, theirs = _ours_and_theirs(pairs, pair)
    nodes = _nodes(pairs, pair, before)
    values = _values(pairs, nodes, before)
    inputs = {name: x for name, x in values.items() if pairs.model and name in pairs.model.inputs}
    is_input = pair.kind == INPUT_KIND
    sides = (pairs.a.label, "the reference")
    suspect = Suspect(
        pair.name,
        is_input,
        sides[::-1] if pairs.model_made_b else sides,
        ours,
        theirs,
        rows[first].tolerance,
        nodes if values else [],
        values,
        {pair.name: ours} if is_input else inputs,
        pairs.preprocessing,
        [row.shape[1:] for row in rows[first - 1 :: -1] if len(row.shape) in (4, 5)] if first else [],
        {} if pairs.model is None else flattened_images(pairs.model),
        {pair.node for pair in before if pair.kind == INPUT_KIND and pair.node},
    )
    computed = suspect.from_inputs({}) if suspect.nodes else ours
    if suspect.error(computed, theirs) <= suspect.tolerance:  # then it is the other side that is to be explained
        return replace(suspect, sides=suspect.sides[::-1], ours=theirs, theirs=ours)
    return suspect


def _ours_and_theirs(pairs: Pairs, pair: Pair) -> tuple[Array, Array]:
    a, b, _ = pairs.read(pair)
    ours, theirs = as_floats(b, a) if pairs.model_made_b else as_floats(a, b)
    return ours, theirs


def _nodes(pairs: Pairs, pair: Pair, before: Sequence[Pair]) -> list[Node]:
    """Return what leads to a layer from those that agree; of `name/pre`, without the last activation function."""
    if pairs.model is None or pair.node is None or pair.kind == INPUT_KIND:
        return []
    nodes = nodes_between(pairs.model, [known.node for known in before if known.node], pair.node.removesuffix("/pre"))
    if pair.node.endswith("/pre"):
        try:
            nodes[-1] = replace(nodes[-1], layer=nodes[-1].layer.altered(activation="linear"), silenced=())
        except UnsupportedError:
            return []
    return nodes


def _values(pairs: Pairs, nodes: Sequence[Node], before: Sequence[Pair]) -> dict[str, Array]:
    """Return what goes into some nodes; nothing where some of it was not recorded."""
    compared = {pair.node: pair for pair in before}
    needed = dict.fromkeys(source for node in nodes for source in node.inputs)
    found = {}
    for name in needed.keys() - {node.name for node in nodes}:
        array = _ours_and_theirs(pairs, compared[name])[1] if name in compared else pairs.network_input(name)
        if array is None:
            return {}
        found[name] = array
    return dict(zip(found, as_floats(*found.values()), strict=True))
