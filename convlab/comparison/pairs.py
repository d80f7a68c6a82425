"""Pairs of arrays, one of each side, brought into one layout."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from convlab.comparison.before import PRE
from convlab.comparison.matching import match, outputs, refine
from convlab.comparison.sources import Side
from convlab.images.preprocessing import Preprocessing
from convlab.model.model import Model
from convlab.runtime.arrays import Array, Shape

INPUT_KIND = "Input"
LARGER = 16
"""What windows that stand otherwise make is at most so many times as large."""


@dataclass(frozen=True)
class Pair:
    """One name on either side, the name of it in the network (None: it has none), and the class of the layer."""

    name: str
    reference: str
    node: str | None
    kind: str


class Pairs:
    """What two sides have in common: the inputs, then the layers in a's order of execution.

    With a network at hand both sides are brought into its layout, else b into a's. Frameworks are channels first
    throughout: one array that fits no other way decides for those that fit both ways.
    """

    def __init__(
        self, a: Side, b: Side, names: Mapping[str, str], model: Model | None, channels_first: bool | None = None
    ) -> None:
        self.a, self.b, self.model, self._forced = a, b, model, channels_first
        inputs = _inputs(a, b, names)
        found = match(a, b, names, self._named_fit)
        self._settle((inputs | found).items())
        found = refine(a, b, found, names, self._named_fit, self._named_arrays)
        self._settle([*(inputs | found).items(), *outputs(a, b, found)])

    def _settle(self, found: Iterable[tuple[str, str]]) -> None:
        """Take these for the pairs, and see in them which side is channels first."""
        self.all = tuple(self._pair(name, other) for name, other in found)
        self._a_first = any(layouts(self.a.shape(pair.name), self._target(pair)) == [True] for pair in self.all)
        self._b_first = any(layouts(self.b.shape(pair.reference), self._target(pair)) == [True] for pair in self.all)

    @property
    def model_made_b(self) -> bool:
        """Whether b is what the network at hand made, and a what is compared with it."""
        return self.model is not None and self.b.network is self.model is not self.a.network

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How the input was made from pixels, where anything says it."""
        candidates = (self.model, self.a, self.b)
        return next((found for side in candidates if side and (found := side.preprocessing)), None)

    def _named_fit(self, name: str, other: str) -> bool:
        return self.fits(self._pair(name, other))

    def _named_arrays(self, name: str, other: str) -> tuple[Array, Array]:
        return self.read(self._pair(name, other))[:2]

    def _pair(self, name: str, other: str) -> Pair:
        shapes = {} if self.model is None else self.model.shapes
        called = (other, name) if self.model_made_b else (name, other)
        node = next((n for n in called if n.removesuffix(PRE) in shapes), None)
        if name in self.a.inputs:
            return Pair(name, other, node, INPUT_KIND)
        kinds = {n.name: n.layer.kind for n in self.model.nodes} if self.model else {}
        kind = self.a.kinds.get(name) or self.b.kinds.get(other) or kinds.get((node or "").removesuffix(PRE), "")
        return Pair(name, other, node, kind)

    def _target(self, pair: Pair) -> Shape:
        """Return the shape that both should have."""
        shape = self.a.shape(pair.name)
        if self.model is None or pair.node is None:
            return shape
        inner = self.model.shapes[pair.node.removesuffix(PRE)]
        target = (shape[0] if len(shape) > len(inner) else 1, *inner)
        return target if layouts(shape, target) else shape

    def fits(self, pair: Pair) -> bool:
        """Whether the two have one shape, once they are laid out alike."""
        ways = layouts(self.b.shape(pair.reference), target := self._target(pair))
        return bool(ways) if self._forced is None or len(target) < 3 else self._forced in ways

    def much_alike(self, pair: Pair) -> bool:
        """Whether the two hold equally many numbers, or differ as other padding makes them: then both may be read."""
        a, b = self.a.shape(pair.name), self.b.shape(pair.reference)
        fewer, more = sorted((prod(a), prod(b)))
        return fewer == more or (len(a) == len(b) and more <= LARGER * fewer)

    def read(self, pair: Pair) -> tuple[Array, Array, str]:
        """Return both arrays in one layout, and what was done for that."""
        target = self._target(pair)
        a, a_note = _laid_out(self.a.read(pair.name), target, self._a_first)
        b, b_note = _laid_out(self.b.read(pair.reference), target, self._b_first, self._forced)
        notes = [f"{side.label} is {note}" for side, note in ((self.a, a_note), (self.b, b_note)) if note]
        return a, b, "; ".join(notes)

    def network_input(self, name: str) -> Array | None:
        """Return what was fed to an input of the network, as far as either side recorded it."""
        sides = ((self.a, self._a_first), (self.b, self._b_first))
        for side, first in sides[::-1] if self.model_made_b else sides:
            if self.model and (array := recorded_input(side, self.model, name, first)) is not None:
                return array
        return None

    def without_images(self) -> list[str]:
        """Return which of the sides have an array of no images."""
        a, b = (self.a.shape(pair.name) for pair in self.all), (self.b.shape(pair.reference) for pair in self.all)
        sides = ((self.a, a), (self.b, b))
        return [side.label for side, shapes in sides if any(0 in shape[:1] for shape in shapes)]

    def outputs_left_out(self) -> tuple[str, ...]:
        """Return the names of what comes out of either network and has no partner."""
        a, b = {pair.name for pair in self.all}, {pair.reference for pair in self.all}
        return tuple(n for n in self.a.outputs if n not in a) or tuple(n for n in self.b.outputs if n not in b)

    def one_sided(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of layers that one side alone has."""
        a, b = {pair.name for pair in self.all}, {pair.reference for pair in self.all}
        return tuple(n for n in self.a.layers if n not in a), tuple(n for n in self.b.layers if n not in b)


def recorded_input(side: Side, model: Model, name: str, channels_first: bool = False) -> Array | None:
    """Return what a side recorded of an input of the network, in the network's layout; None if it did not."""
    only = len(model.inputs) == len(side.inputs) == 1
    called = name if name in side.inputs else side.inputs[0] if only else None
    if called is None:
        return None
    shape, inner = side.shape(called), model.inputs[name]
    target = (shape[0] if len(shape) > len(inner) else 1, *inner)
    return _laid_out(side.read(called), target, channels_first)[0] if layouts(shape, target) else None


def _laid_out(array: Array, target: Shape, first: bool, forced: bool | None = None) -> tuple[Array, str]:
    """Lay an array out in the way that is forced, else in the one its shape allows, else in the usual one (first)."""
    ways = layouts(array.shape, target)
    found = first if first in ways or not ways else ways[0]
    return lay_out(array, target, found if forced is None else forced)


def _inputs(a: Side, b: Side, names: Mapping[str, str]) -> dict[str, str]:
    if len(a.inputs) == len(b.inputs) == 1:
        return {a.inputs[0]: b.inputs[0]}
    return {name: names.get(name, name) for name in a.inputs if names.get(name, name) in b.inputs}


# ---- layouts


def layouts(shape: Shape, target: Shape) -> list[bool]:
    """Return the ways to read an array's shape as the target: as it is (False), channels first (True), or none."""
    shape = _with_batch(shape, target)
    ways = [(False, shape)]
    if len(shape) > 2:
        ways.append((True, (shape[0], *shape[2:], shape[1])))
    return [first for first, found in ways if _longer_than_one(found) == _longer_than_one(target)]


def lay_out(array: Array, target: Shape, channels_first: bool) -> tuple[Array, str]:
    """Return an array (N, C, ...) or (N, ..., C), the batch perhaps missing, in the target shape; and what was done.

    An array that does not have that shape is returned as near to it as it comes.
    """
    done = []
    if array.shape != _with_batch(array.shape, target):
        array = array[None]
        done.append("given its batch axis")
    if channels_first and array.ndim > 2:
        array = np.moveaxis(array, 1, -1)
        done.append("turned from channels first")
    if array.shape != target and _longer_than_one(array.shape) == _longer_than_one(target):
        array = array.reshape(target)
        done.append("given or spared axes of length 1")
    return array, ", ".join(done)


def _with_batch(shape: Shape, target: Shape) -> Shape:
    return (1, *shape) if len(shape) == len(target) - 1 and target[0] == 1 else shape


def _longer_than_one(shape: Shape) -> list[int]:
    return [side for side in shape if side != 1]
