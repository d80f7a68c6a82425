"""Where the activation functions of two sides lie: inside the layer, or behind it, as a layer or a function.

What was recorded of a layer is what was before its function if it lies where the function puts nothing, or if that is
much nearer. Where neither tells, it is what all others of that side are.
"""

from collections.abc import Callable, Collection, Mapping

from convlab.comparison.before import PRE, could_be_made_by
from convlab.comparison.distance import distance
from convlab.comparison.sources import Side
from convlab.model.model import Node
from convlab.runtime.arrays import Array

Read = Callable[[str, str], tuple[Array, Array]]

SAME = 1e-4
"""Two arrays are surely of one place if they are as near as that (relative L2)."""
SAMPLES = 20_000
NEARER = 100
"""Of two places, one is surely meant if it is so many times as near."""


def where_functions_lie(
    a: Side, b: Side, found: Mapping[str, str], alike: Mapping[str, str], given: Mapping[str, str], read: Read
) -> dict[str, str]:
    """Return the pairs, of which those of one shape may be moved before an activation function, or behind the next.

    Given pairs of a network and mere arrays stay as they are: a network names its layers, an array may be any.
    `read` returns the arrays of a pair, one of a and one of b, laid out alike.
    """
    ours = _moved(a, b, alike.items(), found, given, read)
    rest = [(other, name) for name, other in alike.items() if name not in ours]
    theirs = _moved(b, a, rest, found.values(), given.values(), lambda other, name: read(name, other)[::-1])
    return {ours.get(name, name): theirs.get(other, other) for name, other in found.items()}


def _moved(
    side: Side,
    facing: Side,
    pairs: Collection[tuple[str, str]],
    taken: Collection[str],
    given: Collection[str],
    read: Read,
) -> dict[str, str]:
    """Return name -> what belongs to its partner instead, for those that are to be moved."""
    nodes = {node.name: node for node in side.network.nodes} if side.network else {}
    known = [(nodes[name], other) for name, other in pairs if name in nodes and (facing.outputs or name not in given)]
    partners = {other for _, other in pairs}
    functions = [
        (n, other)
        for n, other in known
        if _before(n) in side.sources and _before(other) not in facing.layers and _may_be_behind(facing, partners)
    ]
    are_before = {node.name: _is_before(node, other, read) for node, other in functions}
    usual = {*are_before.values()} - {None} == {True}  # as nobody knows better
    moved = {
        node.name: _before(node)
        for node, other in functions
        if (usual if are_before[node.name] is None else are_before[node.name])
        and not _ends(side, node, facing, other)
    }
    for node, other in known:
        behind = None if node.name in are_before else _function_behind(side, node)
        if behind and behind.name in side.layers:
            ours, theirs = read(node.name, other)
            if could_be_made_by(behind.layer, theirs) and not could_be_made_by(behind.layer, ours):
                moved[node.name] = behind.name
    return {name: place for name, place in moved.items() if place not in taken}


def _before(node: Node | str) -> str:
    return f"{node if isinstance(node, str) else node.name}{PRE}"


def _is_before(node: Node, other: str, read: Read) -> bool | None:
    """Whether theirs is what was before a layer's function; None if that cannot be told."""
    ours, theirs = read(node.name, other)
    if not could_be_made_by(node.layer, theirs):
        return True
    behind = _apart(ours, theirs)
    if behind < SAME:
        return False
    before, theirs = read(_before(node), other)
    if _apart(before, theirs) * NEARER < behind:
        return True
    return None if could_be_made_by(node.layer, before) else False


def _apart(ours: Array, theirs: Array) -> float:
    """Return the relative distance of some of the numbers: of every n-th, n odd, so that no channel is left out."""
    step = ours.size // SAMPLES | 1
    return distance(ours.reshape(1, -1)[:, ::step], theirs.reshape(1, -1)[:, ::step]).relative


def _may_be_behind(side: Side, partners: Collection[str]) -> bool:
    """Whether a side may have functions as layers that nobody faces; if it has none, those inside are missing."""
    nodes = side.network.nodes if side.network else ()
    return not nodes or any(node.layer.activates and node.name not in partners for node in nodes)


def _ends(side: Side, node: Node, facing: Side, other: str) -> bool:
    """Whether a layer makes the network's output, and the other side knows of none but its partner."""
    return node.name in side.outputs and set(facing.outputs) <= {other}


def _function_behind(side: Side, node: Node) -> Node | None:
    """Return the layer that is nothing but an activation function, and alone takes what the node makes."""
    readers = [other for other in side.network.nodes if node.name in other.inputs] if side.network else []
    return readers[0] if len(readers) == 1 and readers[0].layer.activates else None
