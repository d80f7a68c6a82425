"""Which array of one side belongs to which of the other.

By names that are given, then by equal ones, then as weights were loaded; and where no names are given, by order: what
lies between two that belong together, or all where nothing does. Only what hands numbers on is left out of that:
Dropout does nothing, and frameworks that have channels first flatten in another order, and are right.

Frameworks disagree about what a layer is: where one has the activation function inside and the other behind it, what
was before the function belongs to the layer without it.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import prod

import numpy as np

from convlab.comparison.functions import Read, where_functions_lie
from convlab.comparison.sources import Side
from convlab.errors import LayerNameError
from convlab.model.model import Model
from convlab.wording import say, unknown

Fits = Callable[[str, str], bool]


def match(a: Side, b: Side, given: Mapping[str, str], fits: Fits) -> dict[str, str]:
    """Return layer of a -> layer of b by names, else by order.

    Raises
    ------
    LayerNameError
        Where nothing tells which is which, or a name is given that a side does not have.
    """
    for side, names in ((a, given.keys()), (b, given.values())):
        for name in names:
            if name not in side.sources:
                raise LayerNameError(f"{side.label}: {unknown('recorded layer', name, side.layers)}")
    found = _named(a, b, given) or _all_in_order(a, b, fits)
    if not found:
        way, file = say("names=", "--names"), say('convlab.load(..., weights="module.pt")', "--weights FILE")
        raise LayerNameError(
            f"{a.label} and {b.label} have no layer's name in common ({_some(a.layers)} / {_some(b.layers)}), nor the"
            f" same layers in order: say which is which with {way} (a name in the first -> one in the second), or"
            f" load the network with the file of a module's weights, which tells it: {file}"
        )
    return found


def refine(
    a: Side, b: Side, found: Mapping[str, str], given: Mapping[str, str], fits: Fits, read: Read
) -> dict[str, str]:
    """Return the pairs with what lies before activation functions, between pairs and at the end, in a's order."""
    found = where_functions_lie(a, b, found, {n: other for n, other in found.items() if fits(n, other)}, given, read)
    found |= {} if given else _between(a, b, found, fits)
    places = {name: place for place, name in enumerate(a.order)}
    return dict(sorted(found.items(), key=lambda pair: places.get(pair[0], len(places))))


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") if names else "none"


def _named(a: Side, b: Side, given: Mapping[str, str]) -> dict[str, str]:
    """Pair by given names and equal ones, and what is left as the weights of either network were loaded."""
    free = set(b.layers) - set(given.values())
    found = dict(given) | {name: name for name in a.layers if name not in given and name in free}
    found = {name: other for name, other in found.items() if name not in a.inputs}
    taken = set(found.values())
    for name, module in _loaded(a.network).items():
        if name in a.layers and name not in found and module in b.layers and module not in taken:
            found[name] = module
    for other, module in _loaded(b.network).items():
        if other in b.layers and other not in taken and module in a.layers and module not in found:
            found[module] = other
    return found


def _loaded(network: Model | None) -> dict[str, str]:
    """Return layer -> module of a PyTorch file that its weights come from ("features.0")."""
    rows = network.receipt.rows if network and network.receipt else ()
    return {row.layer: row.path.rpartition(".")[0] for row in rows}


# ---- by order


def _all_in_order(a: Side, b: Side, fits: Fits) -> dict[str, str]:
    """Pair two chains that are equally long, perhaps with what was before the activation functions."""
    if not (_is_chain(a.network) and _is_chain(b.network)):
        return {}
    ways = [(a.layers, b.layers), (a.order, b.layers), (a.layers, b.order)]
    for ours, theirs in ways:
        if pairs := _one_by_one(a, b, ours, theirs, fits):
            return _telling(a, b, pairs)
    for ours, theirs in ways:
        if pairs := _one_by_one(a, b, _changing(a, ours), _changing(b, theirs), fits):
            return pairs
    return {}


def _changing(side: Side, names: Sequence[str]) -> list[str]:
    """Return those of a row of layers that do more than hand on what they get: no Dropout, Flatten, Identity."""
    rows = pairwise([*side.inputs[:1], *names])
    handed_on = {name for before, name in rows if _same_numbers(side, before, name)}
    return [name for name in names if name not in handed_on]


def _same_numbers(side: Side, before: str, name: str) -> bool:
    """Whether two arrays hold the same numbers, perhaps in another shape, flattened in either order."""
    shape = side.shape(before)
    if prod(side.shape(name)) != prod(shape):
        return False
    x, y = side.read(before), side.read(name).ravel()
    orders = (x, np.moveaxis(x, -1, 1)) if len(shape) > 2 else (x,)
    return any(np.array_equal(order.ravel(), y, equal_nan=True) for order in orders)


def _between(a: Side, b: Side, found: Mapping[str, str], fits: Fits) -> dict[str, str]:
    """Pair what lies between two pairs, before the first and behind the last, where a chain has as much of it."""
    if not (a.network or b.network) or not (_is_chain(a.network) and _is_chain(b.network)):
        return {}
    i, j = ({name: place for place, name in enumerate(side.order)} for side in (a, b))
    anchors = sorted((i[name], j[other]) for name, other in found.items() if name in i and other in j)
    more: dict[str, str] = {}
    for (start, first), (end, last) in pairwise([(-1, -1), *anchors, (len(i), len(j))]):
        ours = [name for name in a.order[start + 1 : end] if name in a.layers and name not in found]
        theirs = [name for name in b.order[first + 1 : last] if name in b.layers and name not in found.values()]
        more |= _one_by_one(a, b, ours, theirs, fits) or _alike(a, b, ours, theirs, fits)
    return _telling(a, b, more)


def _one_by_one(a: Side, b: Side, ours: Sequence[str], theirs: Sequence[str], fits: Fits) -> dict[str, str]:
    """Pair two rows of layers if they are equally long and each could belong to its partner."""
    pairs = list(zip(ours, theirs, strict=False))
    if len(ours) != len(theirs) or not all(_belong(a, b, *pair, fits) for pair in pairs):
        return {}
    return dict(pairs)


def _alike(a: Side, b: Side, ours: Sequence[str], theirs: Sequence[str], fits: Fits) -> dict[str, str]:
    """Pair those of two rows that are alike in class and shape, where none is like two and they are in one order."""
    alike = [
        (i, j) for i, n in enumerate(ours) for j, o in enumerate(theirs) if _of_one_kind(a, b, n, o) and fits(n, o)
    ]
    lone = len({i for i, _ in alike}) == len({j for _, j in alike}) == len(alike)
    in_order = all(j < next_j for (_, j), (_, next_j) in pairwise(alike))
    return {ours[i]: theirs[j] for i, j in alike} if lone and in_order else {}


def _telling(a: Side, b: Side, pairs: Mapping[str, str]) -> dict[str, str]:
    """Leave out what does no more than give numbers another shape."""
    a_shapes, b_shapes = (
        {node.name for node in side.network.nodes if node.layer.reshapes} if side.network else set()
        for side in (a, b)
    )
    return {name: other for name, other in pairs.items() if name not in a_shapes and other not in b_shapes}


def _belong(a: Side, b: Side, name: str, other: str, fits: Fits) -> bool:
    """Whether two have one shape, or, where a mistake has changed it, the same class as names of classes go."""
    return fits(name, other) or _of_one_kind(a, b, name, other)


def _of_one_kind(a: Side, b: Side, name: str, other: str) -> bool:
    """Whether two classes begin alike, as those of Keras and PyTorch do: MaxPooling2D and MaxPool2d."""
    kinds = a.kinds.get(name, ""), b.kinds.get(other, "")
    return all(kinds) and kinds[0][:2].lower() == kinds[1][:2].lower()


def _is_chain(network: Model | None) -> bool:
    if network is None:
        return True
    sources = [*network.inputs, *(node.name for node in network.nodes)]
    return len(network.inputs) == 1 and all(
        node.inputs == (source,) for node, source in zip(network.nodes, sources, strict=False)
    )


def outputs(a: Side, b: Side, found: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return pairs of what comes out, in order: it is compared whatever its layers are paired with."""
    paired = {name: other for name, other in found.items() if name in a.outputs and other in b.outputs}
    ours = [name for name in a.outputs if name not in paired]
    theirs = [other for other in b.outputs if other not in paired.values()]
    return list(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) else []
