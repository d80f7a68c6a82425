"""Layers that move numbers to other places and change none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import ClassVar

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers.base import Layer, Walk
from convlab.layers.checks import check_count, options_of, refused
from convlab.runtime.arrays import Array, Shape, module_of

AXES = 63  # an array of NumPy has up to 64, and one is the batch


@dataclass(eq=False)
class Flatten(Layer):
    """All values in one row: (H, W, C) to (H*W*C,), rows, then columns, then channels.

    Parameters
    ----------
    name : str
        What the network calls it.
    channels_first : bool
        Channels, then rows, then columns: the order in which a network whose own images were (C, H, W) flattened
        them, for inputs that are (H, W, C) all the same.
    """

    reshapes: ClassVar[bool] = True

    name: str
    channels_first: bool = False
    window = None

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (H*W*C,)."""
        return (prod(shape),)

    def __call__(self, x: Array) -> Array:
        """Reshape (N, ...) to (N, features)."""
        if self.channels_first and x.ndim > 2:
            x = x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))
        return ops.flatten(x)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient in the shape of the input."""
        (x,) = inputs
        if not self.channels_first or x.ndim < 3:
            return (gradient.reshape(x.shape),)
        first = gradient.reshape(len(x), x.shape[-1], *x.shape[1:-1])
        return (first.transpose(0, *range(2, x.ndim), 1),)


@dataclass(eq=False)
class Reshape(Layer):
    """The same values in another shape.

    Parameters
    ----------
    name : str
        What the network calls it.
    target_shape : sequence of int
        Without the batch; one of its sizes may be -1: whatever is left.

    Raises
    ------
    UnsupportedError
        For what is no shape.
    ShapeError
        In a network, for another number of values.
    """

    reshapes: ClassVar[bool] = True

    name: str
    target_shape: Sequence[int]
    window: Walk = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no shape."""
        shape = self.target_shape
        if not isinstance(shape, list | tuple) or not all(type(size) is int and size >= -1 for size in shape):
            raise refused(self, "target_shape", shape, "a list of whole numbers")
        if shape.count(-1) > 1 or len(shape) > AXES:
            raise refused(self, "target_shape", shape, f"at most one -1, and at most {AXES} sizes")
        self.window = None if len(shape) == 1 else "varies"

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the target shape, -1 filled in."""
        return self._target(shape)

    def _target(self, shape: Shape) -> Shape:
        known, total = prod(size for size in self.target_shape if size != -1), prod(shape)
        free = total // known if known else 0
        target = tuple(free if size == -1 else size for size in self.target_shape)
        if prod(target) != total:
            raise ShapeError(f"{total} numbers do not make {tuple(self.target_shape)}")
        return target

    def __call__(self, x: Array) -> Array:
        """Reshape (N, ...) to (N, *target_shape)."""
        return x.reshape(len(x), *self._target(x.shape[1:]))


@dataclass(eq=False)
class Permute(Layer):
    """The axes in another order.

    Parameters
    ----------
    name : str
        What the network calls it.
    dims : sequence of int
        Which axis comes first, second, ...: counted from 1, without the batch.

    Raises
    ------
    UnsupportedError
        For what is no order.
    ShapeError
        In a network, for an input of another number of axes.
    """

    name: str
    dims: Sequence[int]
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what is no order."""
        dims = self.dims
        whole = isinstance(dims, list | tuple) and all(type(axis) is int for axis in dims)
        if not whole or len(dims) > AXES or sorted(dims) != list(range(1, len(dims) + 1)):
            raise refused(self, "dims", dims, "the numbers from 1 up, each once")

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the sizes in the new order."""
        if len(self.dims) != len(shape):
            raise ShapeError(f"dims {tuple(self.dims)} orders {len(self.dims)} axes")
        return tuple(shape[axis - 1] for axis in self.dims)

    def __call__(self, x: Array) -> Array:
        """Transpose each example."""
        return x.transpose(0, *self.dims)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient with its axes back in their order."""
        back = sorted(range(len(self.dims)), key=lambda axis: self.dims[axis])
        return (gradient.transpose(0, *(axis + 1 for axis in back)),)


@dataclass(eq=False)
class RepeatVector(Layer):
    """A vector several times, one below the other: (features,) to (n, features).

    Parameters
    ----------
    name : str
        What the network calls it.
    n : int
        How many times.

    Raises
    ------
    ShapeError
        For less than 1; in a network, for an input that is not (features,).
    """

    name: str
    n: int
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what is no count."""
        with options_of(self.name):
            check_count("n", self.n)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (n, features)."""
        if len(shape) != 1:
            raise ShapeError("expected (features,)")
        return (self.n, *shape)

    def __call__(self, x: Array) -> Array:
        """Repeat (N, features) to (N, n, features)."""
        return module_of(x).repeat(x[:, None], self.n, axis=1)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the sum of the gradients of all times."""
        return (gradient.sum(axis=1),)
