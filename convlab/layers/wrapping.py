"""The base of layers that leave the work to another one: its weights are theirs."""

from abc import abstractmethod
from collections.abc import Mapping

from convlab.layers.base import Layer
from convlab.runtime.arrays import Array, Shape
from convlab.runtime.once import once


class Wrapping(Layer):
    """A layer around another, whose name it bears; the inner one is copied for each set of weights."""

    def __init__(self, inner: Layer) -> None:
        self._unweighted, self.name, self.activation = inner, inner.name, inner.activation
        self.positive_weights = inner.positive_weights

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._unweighted!r})"

    @property
    def inner(self) -> Layer:
        """The layer that does the work, with this one's weights."""
        held = self._held
        inner: Layer = once(held.prepared, "inner", lambda: self._with(held.weights))
        return inner

    def _with(self, weights: Mapping[str, Array]) -> Layer:
        shapes = self.inner_shapes()
        return self._unweighted.altered({name: w.reshape(shapes[name]) for name, w in weights.items()}, shapes)

    @abstractmethod
    def inner_shapes(self) -> Mapping[str, Shape]:
        """Return the shapes that its weights have in the inner layer."""
