"""The groups that layers are folded into: nested models, and names that begin alike."""

import re
from collections.abc import Sequence

from convlab.model.nodes import Node

NUMBERED = re.compile(r"\d+_(?=.)")
DEPTH = 2  # groups in groups, of names without models inside


def groups_of(nodes: Sequence[Node]) -> list[list[str]]:
    """Return for each node the groups it is in, the outermost first.

    Where names are paths, "encoder/conv1", those are it. Else what names have in common up to a number,
    "block1" of "block1_conv1" and "block1_pool", if there are layers of several kinds in it: numbers of one kind,
    as in "dense_1", are no group.
    """
    beginnings = [_beginnings(node.layer.name) for node in nodes]
    kinds: dict[str, set[str]] = {}
    for node, found in zip(nodes, beginnings, strict=True):
        for beginning in found:
            kinds.setdefault(beginning, set()).add(node.layer.kind)
    return [
        path if (path := node.layer.name.split("/")[:-1]) else [one for one in found if len(kinds[one]) > 1]
        for node, found in zip(nodes, beginnings, strict=True)
    ]


def _beginnings(name: str) -> list[str]:
    return [name[: found.end() - 1] for found in NUMBERED.finditer(name)][:DEPTH]
