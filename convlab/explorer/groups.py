"""The groups that layers are folded into: nested models, and names that begin alike."""

import re
from collections.abc import Sequence

from convlab.model.nodes import Node

NUMBERED = re.compile(r"\d+_(?=.)")
MOST_UNFOLDED = 40  # strips of a network that is not folded
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


def path_of(group: Sequence[str]) -> str:
    """Return the path of a group, names between slashes, which are none of theirs."""
    return "/".join(name.replace("/", "\N{DIVISION SLASH}") for name in group)


def folded_at_first(groups: Sequence[Sequence[str]]) -> list[str]:
    """Fold innermost groups first, until a network is small enough to be looked at; return the paths that are."""
    folded: list[str] = []
    for depth in range(max(map(len, groups), default=0), 0, -1):
        paths = [[path_of(group[: i + 1]) for i in range(len(group))] for group in groups]
        if len({next((one for one in path if one in folded), i) for i, path in enumerate(paths)}) <= MOST_UNFOLDED:
            break
        folded += dict.fromkeys(path[depth - 1] for path in paths if len(path) >= depth)
    return folded
