"""Activation functions as layers of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers.base import Layer, Layout, Walk
from convlab.layers.checks import check_numbers
from convlab.layers.functions import ACTIVATIONS, check_activation
from convlab.layers.sizes import window_along
from convlab.ops.axes import AxisLike, inner_axes
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, Shape, module_of


@dataclass(eq=False)
class Activation(Layer):
    """Any function of `ACTIVATIONS`, by name; softmax and its kin see all values along the last axis.

    Parameters
    ----------
    name : str
        What the network calls it.
    activation : str
        Which one.

    Raises
    ------
    UnsupportedError
        For a function that is not known.
    """

    keeps_order: ClassVar[bool] = True
    activates: ClassVar[bool] = True
    layout: ClassVar[Layout] = "any"

    name: str
    activation: str

    def __post_init__(self) -> None:
        """Refuse an unknown function."""
        check_activation(self.name, self.activation)

    @property
    def says(self) -> str:
        """What it does: the function it has, and of what."""
        together = ACTIVATIONS[self.activation].along_channels
        return f"The function {self.activation} of {'all channels of a place' if together else 'each number'}."

    def __call__(self, x: Array) -> Array:
        """Apply the function to each number (softmax and its kin: over the last axis)."""
        return ACTIVATIONS[self.activation](x)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient by the input: the function's slope times the gradient."""
        return (ACTIVATIONS[self.activation].pull_back(gradient, output, lambda: inputs[0]),)


@dataclass(eq=False)
class ReLU(Layer):
    """x above the threshold, at most max_value; negative_slope * (x - threshold) below.

    Parameters
    ----------
    name : str
        What the network calls it.
    max_value : float, optional
        The largest value that comes out; by default any.
    negative_slope, threshold : float
        What the formula says.

    Raises
    ------
    UnsupportedError
        For an option that is not a number of at least 0.
    """

    keeps_order: ClassVar[bool] = True
    activates: ClassVar[bool] = True
    layout: ClassVar[Layout] = "any"

    name: str
    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    def __post_init__(self) -> None:
        """Refuse options that Keras refuses."""
        check_numbers(self, negative_slope=self.negative_slope, threshold=self.threshold)
        if self.max_value is not None:
            check_numbers(self, max_value=self.max_value)

    def __call__(self, x: Array) -> Array:
        """Rectify each number."""
        return ops.relu(x, self.negative_slope, self.max_value, self.threshold)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient by the input: 0 where it was cut off, times the negative slope below the threshold."""
        return (gradient * ops.relu_slope(inputs[0], self.negative_slope, self.max_value, self.threshold),)


@dataclass(eq=False)
class LeakyReLU(Layer):
    """x where it is positive, else negative_slope * x.

    Parameters
    ----------
    name : str
        What the network calls it.
    negative_slope : float
        What the formula says.

    Raises
    ------
    UnsupportedError
        For an option that is not a number of at least 0.
    """

    keeps_order: ClassVar[bool] = True
    activates: ClassVar[bool] = True
    layout: ClassVar[Layout] = "any"

    name: str
    negative_slope: float = 0.3

    def __post_init__(self) -> None:
        """Refuse a slope that Keras refuses."""
        check_numbers(self, negative_slope=self.negative_slope)

    def __call__(self, x: Array) -> Array:
        """Rectify each number."""
        return ops.leaky_relu(x, self.negative_slope)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient by the input: times the negative slope where that was not positive."""
        return (gradient * ops.leaky_relu_slope(inputs[0], self.negative_slope),)


@dataclass(eq=False)
class ELU(Layer):
    """x where it is positive, else alpha * (exp(x) - 1).

    Parameters
    ----------
    name : str
        What the network calls it.
    alpha : float
        What the formula says.

    Raises
    ------
    UnsupportedError
        For an option that is not a number of at least 0.
    """

    keeps_order: ClassVar[bool] = True
    activates: ClassVar[bool] = True
    layout: ClassVar[Layout] = "any"

    name: str
    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no number."""
        check_numbers(self, alpha=self.alpha)

    def __call__(self, x: Array) -> Array:
        """Apply the function to each number."""
        return ops.elu(x, self.alpha)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient times the slope."""
        slope = ops.elu_slope(ops.elu(inputs[0]))
        below = module_of(gradient).where(inputs[0] > 0, slope, slope * gradient.dtype.type(self.alpha))
        return (gradient * below,)


@dataclass(eq=False)
class ThresholdedReLU(Layer):
    """x where it is above theta, else 0: a layer of Keras 1 and 2.

    Parameters
    ----------
    name : str
        What the network calls it.
    theta : float
        What the formula says.

    Raises
    ------
    UnsupportedError
        For an option that is not a number of at least 0.
    """

    keeps_order: ClassVar[bool] = True
    activates: ClassVar[bool] = True
    layout: ClassVar[Layout] = "any"

    name: str
    theta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what Keras refuses."""
        check_numbers(self, theta=self.theta)

    def __call__(self, x: Array) -> Array:
        """Rectify each number; NaN stays NaN."""
        return module_of(x).where(x <= self.theta, x.dtype.type(0), x)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient where the input was above theta, else 0."""
        return (gradient * (inputs[0] > self.theta),)


@dataclass(eq=False)
class PReLU(Layer):
    """x where it is positive, else alpha * x with learned alphas; He et al., arXiv 1502.01852, section 2.1.

    Its weight alpha has one number for each of the input, or one for all along the shared axes.

    Parameters
    ----------
    name : str
        What the network calls it.
    shared_axes : int or sequence of int, optional
        Axes along which all have one alpha, counted from 1, without the batch: (1, 2) for one a channel of an image.

    Raises
    ------
    ShapeError
        In a network, for axes that the input does not have.
    """

    keeps_order: ClassVar[bool] = True
    activates: ClassVar[bool] = True

    name: str
    shared_axes: int | Sequence[int] | None = None

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the input's shape with 1 where alphas are shared."""
        shared = self._shared(len(shape))
        return {"alpha": tuple(1 if axis in shared else size for axis, size in enumerate(shape, start=1))}

    def _shared(self, last: int) -> Sequence[int]:
        given = () if self.shared_axes is None else self.shared_axes
        axes = (given,) if isinstance(given, Integral) else given
        if not isinstance(axes, list | tuple) or not all(type(axis) is int and 1 <= axis <= last for axis in axes):
            raise ShapeError(f"shared_axes {self.shared_axes!r}: expected axes from 1 to {last}")
        return axes

    @quiet
    def __call__(self, x: Array) -> Array:
        """Rectify each number."""
        xp = module_of(x)
        return xp.maximum(x, 0) + self.weight_as("alpha", x) * xp.minimum(x, 0)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient, times alpha where the input was not positive."""
        one = gradient.dtype.type(1)
        return (gradient * module_of(gradient).where(inputs[0] > 0, one, self.weight_as("alpha", gradient)),)


@dataclass(eq=False)
class GLU(Layer):
    """The first half of the channels, each times the sigmoid of its partner in the second: (..., C) to (..., C/2).

    Keras' activation "glu"; Dauphin et al., arXiv 1612.08083, section 2.

    Parameters
    ----------
    name : str
        What the network calls it.

    Raises
    ------
    ShapeError
        In a network, for an odd number of channels.
    """

    name: str

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (..., C/2)."""
        *others, channels = shape
        if channels % 2:
            raise ShapeError(f"{channels} channels are no two halves")
        return (*others, channels // 2)

    @quiet
    def __call__(self, x: Array) -> Array:
        """Gate (N, ..., C) to (N, ..., C/2)."""
        half = x.shape[-1] // 2
        gated: Array = x[..., :half] * ops.sigmoid(x[..., half:])
        return gated

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient times the gate, and for the gate times what it lets through and its slope."""
        half = output.shape[-1]
        gate = ops.sigmoid(inputs[0][..., half:])
        parts = gradient * gate, gradient * inputs[0][..., :half] * ops.sigmoid_slope(gate)
        return (module_of(gradient).concatenate(parts, axis=-1),)


@dataclass(eq=False)
class Softmax(Layer):
    """exp(x) / sum(exp(x)) along an axis, or several.

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int or sequence of int
        Counted from the batch, 0, or back from the last, -1.

    Raises
    ------
    ShapeError
        In a network, for an axis that the input does not have.
    """

    keeps_order: ClassVar[bool] = True
    activates: ClassVar[bool] = True
    layout: ClassVar[Layout] = "axis"

    name: str
    axis: AxisLike = -1
    activation = "softmax"

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the input's shape; ShapeError for an axis that it does not have."""
        inner_axes(self.axis, len(shape) + 1)
        return shape

    def window_on(self, shape: Shape) -> Walk:
        """Return that of one cell along the channels, None, all of them, along all places."""
        return window_along(self.axis, shape)

    def __call__(self, x: Array) -> Array:
        """Turn the numbers along the axis into probabilities."""
        return ops.softmax(x, inner_axes(self.axis, x.ndim))

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return y (g - sum(g y)) along the axis."""
        return (ops.softmax_pull_back(gradient, output, inner_axes(self.axis, gradient.ndim)),)
