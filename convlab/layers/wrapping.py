"""The base of layers that leave the work to another one: its weights are theirs."""

from collections.abc import Mapping
from copy import copy

from convlab.layers.base import Layer
from convlab.runtime.arrays import Array
from convlab.runtime.once import once


class Wrapping(Layer):
    """A layer around another, whose name it bears; the inner one is copied for each set of weights."""

    def __init__(self, inner: Layer) -> None:
        self._unweighted, self.name, self.window, self.activation = inner, inner.name, inner.window, inner.activation

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._unweighted!r})"

    @property
    def inner(self) -> Layer:
        """The layer that does the work, with this one's weights."""
        held = self._held
        inner: Layer = once(held.prepared, "inner", lambda: self._with(held.weights))
        return inner

    def _with(self, weights: Mapping[str, Array]) -> Layer:
        inner = copy(self._unweighted)
        if weights:
            inner.set_weights(**{name: w.reshape(inner.shapes[name]) for name, w in weights.items()})
        return inner
