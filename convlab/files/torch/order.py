"""Pair layers with modules that fit them, in an order that can be believed: in the one way there is, or not at all.

A state_dict is in the order in which modules were registered, by custom that of execution. safetensors sorts by name;
then only numbers tell an order: features.2 comes before features.10, but encoder need not come after decoder.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

from convlab.wording import listed, say

__all__ = ["MatchingError", "Order", "assign"]

BEGINNINGS_LIMIT = 64  # ways to pair the first few layers that are followed at once

Way = tuple[str, ...]  # the module of each layer


class MatchingError(Exception):
    """Layers and modules that cannot be told to belong together."""


class Order(IntEnum):
    """What is believed of the order of modules."""

    NOTHING = 0
    NUMBERS = 1
    FILE = 2


TOLD = {
    Order.FILE: "the order of the file and shapes",
    Order.NUMBERS: "numbers in names and shapes",
    Order.NOTHING: "shapes alone",
}


def assign(fitting: Mapping[str, Sequence[str]], modules: Sequence[str], order: Order) -> tuple[dict[str, str], str]:
    """Give each layer a module, and say how it was told.

    Where the modules' order leaves no way, it is given up for a weaker one.

    Parameters
    ----------
    fitting
        For each layer, in order of execution, the modules that fit it.
    modules
        The modules, in the order of the file.
    order
        What is believed of their order.

    Raises
    ------
    MatchingError
        Where there is no way, or more than one.
    """
    if len(fitting) != len(modules):
        raise MatchingError(
            f"{len(fitting)} layers ({listed(fitting)}) and {len(modules)} modules ({listed(modules)})"
            f" remain to be paired; {_remedy()}"
        )
    for believed in range(order, -1, -1):
        ways = _ways(list(fitting.values()), _predecessors(modules, Order(believed)))
        if len(ways) > 1:
            raise MatchingError(_describe_ambiguity(list(fitting), ways))
        if ways:
            return dict(zip(fitting, ways[0], strict=True)), TOLD[Order(believed)]
    raise MatchingError(f"each of {listed(fitting)} fits a module, but not all at once; {_remedy()}")


def _predecessors(modules: Sequence[str], order: Order) -> dict[str, frozenset[str]]:
    """Return, for each module, those known to be executed before it."""
    if order is Order.FILE:
        return {module: frozenset(modules[:i]) for i, module in enumerate(modules)}
    before: Callable[[str, str], bool] = _numbered_before if order is Order.NUMBERS else lambda a, b: False
    return {module: frozenset(other for other in modules if before(other, module)) for module in modules}


def _numbered_before(a: str, b: str) -> bool:
    """Tell whether two names first differ in a number, and `a` has the smaller."""
    parts = zip(re.split(r"(\d+)", a), re.split(r"(\d+)", b), strict=False)
    for i, (one, other) in enumerate(parts):
        if one != other:
            return i % 2 == 1 and _in_order(one.lstrip("0"), other.lstrip("0"))
    return False


def _in_order(one: str, other: str) -> bool:
    """Compare two whole numbers of however many digits."""
    return (len(one), one) < (len(other), other)


def _ways(fitting: Sequence[Sequence[str]], predecessors: Mapping[str, frozenset[str]]) -> list[Way]:
    """Return the ways to pair, two at the most.

    Layer by layer, ways that have used the same modules are one: what follows is the same for them.
    """
    beginnings: dict[frozenset[str], list[Way]] = {frozenset(): [()]}
    for candidates in fitting:
        longer: dict[frozenset[str], list[Way]] = {}
        for used, ways in beginnings.items():
            for module in candidates:
                if module not in used and predecessors[module] <= used:
                    same = longer.setdefault(used | {module}, [])
                    same += [(*way, module) for way in ways][: 2 - len(same)]
        if len(longer) > BEGINNINGS_LIMIT:
            return [ways[0] for ways in longer.values()][:2]
        beginnings = longer
    return [way for ways in beginnings.values() for way in ways]


def _describe_ambiguity(layers: Sequence[str], ways: Sequence[Way]) -> str:
    open_choices = [
        f"{layer} may be {one} or {other}"
        for layer, one, other in zip(layers, ways[0], ways[1], strict=False)
        if one != other
    ]
    return f"shapes leave a choice: {listed(open_choices)}; {_remedy()}"


def _remedy() -> str:
    return f"say with {say('names={layer: module}', '--names FILE')} which is which"
