"""One layer applied to each of several steps: to the pictures of a film, to the words of a sentence."""

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from convlab.errors import ShapeError
from convlab.layers.base import ONE_CELL, Activated, Layer, Walk
from convlab.layers.wrapping import Wrapping
from convlab.runtime.arrays import Array, Shape


class TimeDistributed(Wrapping):
    """A layer that does to each step of (T, ...) what another does to one; the weights are the inner layer's.

    Several inputs are of equally many steps. The inner layer gets a batch of all steps, one after the other.

    Parameters
    ----------
    inner : Layer
        The layer for one step, whose name it bears.

    Raises
    ------
    ShapeError
        In a network, for inputs without steps, or of different numbers of them.
    """

    @property
    def kind(self) -> str:
        """Keras' names of both layers."""
        return f"TimeDistributed({self._unweighted.kind})"

    def check_inputs(self, *shapes: Shape) -> None:
        """Raise ShapeError unless all inputs have as many steps, and are as many as the inner layer takes."""
        if any(len(shape) < 2 for shape in shapes):
            raise ShapeError("expected (T, ...), T steps of at least one axis")
        if len({shape[0] for shape in shapes}) > 1:
            raise ShapeError(f"inputs of {' and '.join(str(shape[0]) for shape in shapes)} steps")
        self._unweighted.check_inputs(*_one_step(shapes))

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """Return the inner layer's."""
        return self._unweighted.weight_shapes(*_one_step(shapes))

    def inner_shapes(self) -> Mapping[str, Shape]:
        """Return the same."""
        return self.shapes

    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return (T, ...) of what the inner layer makes of one step."""
        return (shapes[0][0], *self._unweighted.infer_shape(*_one_step(shapes)))

    def window_on(self, *shapes: Shape) -> Walk:
        """Return that of one cell for steps of vectors; for sequences, which are rows of an image, that of each."""
        steps = _one_step(shapes)
        if all(len(shape) == 1 for shape in steps):
            return ONE_CELL
        across = len(steps[0]) == len(self._unweighted.infer_shape(*steps)) == 2
        return self._unweighted.window_on(*steps) or "varies" if across else "varies"

    def multiply_adds(self, *shapes: Shape) -> int:
        """Return those of all steps."""
        return shapes[0][0] * self._unweighted.multiply_adds(*_one_step(shapes))

    def fan_in(self, weight: str, *shapes: Shape) -> float:
        """Return that of one step."""
        return self._unweighted.fan_in(weight, *_one_step(shapes))

    def __call__(self, *inputs: Array) -> Array:
        """Compute (N, T, ...) as (N*T, ...)."""
        return self.over_steps(self.inner, inputs)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Pull back through all steps at once."""
        steps = gradient.shape[1]
        flat = [x.reshape(len(x) * steps, *x.shape[2:]) for x in (gradient, output, *inputs)]
        pulled = self.inner.pull_back(flat[0], tuple(flat[2:]), flat[1])
        return tuple(part.reshape(x.shape) for part, x in zip(pulled, inputs, strict=True))

    def over_steps(self, compute: Callable[..., Array], inputs: tuple[Array, ...]) -> Array:
        """Apply a function of batches to all steps of (N, T, ...) each."""
        n, steps = inputs[0].shape[:2]
        y = compute(*(x.reshape(n * steps, *x.shape[2:]) for x in inputs))
        return y.reshape(n, steps, *y.shape[1:])


class ActivatedTimeDistributed(TimeDistributed, Activated):
    """The same for a layer with an activation function of its own."""

    def linear(self, *inputs: Array) -> Array:
        """Compute the batch without the activation function."""
        return self.over_steps(cast(Activated, self.inner).linear, inputs)

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Pull back through all steps at once, but for the activation function."""
        flat = [array.reshape(len(array) * array.shape[1], *array.shape[2:]) for array in (gradient, x)]
        return cast(Activated, self.inner).pull_back_linear(*flat).reshape(x.shape)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Pull back through all steps at once, activation function and all."""
        return TimeDistributed.pull_back(self, gradient, inputs, output)


def _one_step(shapes: Iterable[Shape]) -> list[Shape]:
    return [shape[1:] for shape in shapes]


def over_time(inner: Layer, steps: int = 1) -> Layer:
    """Return a layer as one on each step of so many axes of steps."""
    for _ in range(steps):
        inner = (ActivatedTimeDistributed if isinstance(inner, Activated) else TimeDistributed)(inner)
    return inner
