"""Layers that normalise; axes count as in Keras, from the batch, 0, or back from the last, -1."""

from dataclasses import dataclass
from typing import ClassVar

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers.base import Layer, Layout, Walk
from convlab.layers.checks import check_count, check_numbers, options_of
from convlab.layers.functions import ACTIVATIONS
from convlab.layers.sizes import window_along
from convlab.ops.axes import AxisLike, inner_axes, inner_axis
from convlab.runtime.arrays import Array, Shape


@dataclass(eq=False)
class BatchNormalization(Layer):
    """Normalisation by stored statistics: gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    Its weights are gamma, beta, moving_mean and moving_variance, each (C,).

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int
        The channels': counted from the batch, 0, or back from the last, -1.
    epsilon : float
        Added to the variance, so that nothing is divided by 0.
    center : bool
        Whether there is a beta, which is added.
    scale : bool
        Whether there is a gamma, by which it is multiplied.

    Raises
    ------
    UnsupportedError
        For an epsilon that is not a number of at least 0.
    ShapeError
        In a network, for an axis that is not there.
    """

    keeps_order: ClassVar[bool] = True
    layout: ClassVar[Layout] = "axis"

    name: str
    axis: AxisLike = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    positive_weights = ("moving_variance",)

    def __post_init__(self) -> None:
        """Refuse an epsilon that is no number."""
        check_numbers(self, epsilon=self.epsilon)

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes (C,)."""
        channels = shape[inner_axis(self.axis, len(shape) + 1) - 1]
        return _scale_and_center(self.scale, self.center, (channels,)) | {
            "moving_mean": (channels,),
            "moving_variance": (channels,),
        }

    def __call__(self, x: Array) -> Array:
        """Normalise each channel of (N, ..., C); in a fused network, with an activation function."""
        scale = self.prepared("moving_variance", x, lambda variance: self._scale(variance, x), "scale")
        mean, beta = self.weight_as("moving_mean", x), self.weight_as("beta", x)
        channel = inner_axis(self.axis, x.ndim)
        return ops.run_batch_norm(x, mean, scale, beta, channel, ACTIVATIONS[self.activation].finish)

    def _scale(self, variance: Array, x: Array) -> Array:
        return ops.batch_scale(variance, self.weight_as("gamma", x), self.epsilon)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient times gamma / sqrt(variance + epsilon)."""
        mean, variance, gamma = (
            self.weight_as(name, gradient) for name in ("moving_mean", "moving_variance", "gamma")
        )
        return (ops.batch_norm(gradient, mean - mean, variance, gamma, None, self.epsilon, self.axis),)


@dataclass(eq=False)
class LayerNormalization(Layer):
    """Normalisation by the statistics of each example along the axes.

    Its weights are gamma and beta, of the axes' size.

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int or sequence of int
        Counted from the batch, 0, or back from the last, -1.
    epsilon : float
        Added to the variance, so that nothing is divided by 0.
    center : bool
        Whether there is a beta, which is added.
    scale : bool
        Whether there is a gamma, by which it is multiplied.
    rms_scaling : bool
        An option that Keras gave up: the mean stays, and there is a gamma and no beta.

    Raises
    ------
    UnsupportedError
        For an epsilon that is not a number of at least 0.
    ShapeError
        In a network, for an axis that is not there.
    """

    keeps_order: ClassVar[bool] = True
    layout: ClassVar[Layout] = "axis"

    name: str
    axis: AxisLike = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    rms_scaling: bool = False

    def __post_init__(self) -> None:
        """Refuse an epsilon that is no number."""
        check_numbers(self, epsilon=self.epsilon)

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the sizes of the axes."""
        sizes = tuple(shape[axis - 1] for axis in inner_axes(self.axis, len(shape) + 1))
        return _scale_and_center(self.scale or self.rms_scaling, self.center and not self.rms_scaling, sizes)

    def window_on(self, shape: Shape) -> Walk:
        """Return that of one cell along the channels, None, all of them, along all places."""
        return window_along(self.axis, shape)

    def __call__(self, x: Array) -> Array:
        """Normalise (N, ...)."""
        gamma, beta = (self.weight_as(name, x) for name in ("gamma", "beta"))
        return ops.layer_norm(x, gamma, beta, self.epsilon, self.axis, centred=not self.rms_scaling)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient less its mean and what it has in common with the output, divided by the deviation."""
        (x,), gamma = inputs, self.weight_as("gamma", gradient)
        centred = not self.rms_scaling
        return (ops.layer_norm_pull_back(gradient, x, gamma, self.epsilon, self.axis, centred),)


@dataclass(eq=False)
class GroupNormalization(Layer):
    """Normalisation by the statistics of each example in each group of channels, over all places.

    Its weights are gamma and beta, each (C,).

    Parameters
    ----------
    name : str
        What the network calls it.
    groups : int
        How many; -1: one for each channel.
    axis : int
        The channels': counted from the batch, 0, or back from the last, -1.
    epsilon : float
        Added to the variance, so that nothing is divided by 0.
    center : bool
        Whether there is a beta, which is added.
    scale : bool
        Whether there is a gamma, by which it is multiplied.

    Raises
    ------
    UnsupportedError
        For an epsilon that is not a number of at least 0.
    ShapeError
        For no groups; in a network, for channels that they do not divide.
    """

    layout: ClassVar[Layout] = "axis"

    name: str
    groups: int = 32
    axis: AxisLike = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    window = None

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        check_numbers(self, epsilon=self.epsilon)
        if self.groups != -1:
            with options_of(self.name):
                check_count("groups", self.groups)

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes (C,)."""
        channels = shape[inner_axis(self.axis, len(shape) + 1) - 1]
        if channels % self._groups(channels):
            raise ShapeError(f"{channels} channels cannot be split into {self.groups} groups")
        return _scale_and_center(self.scale, self.center, (channels,))

    def _groups(self, channels: int) -> int:
        return channels if self.groups == -1 else self.groups

    def __call__(self, x: Array) -> Array:
        """Normalise (N, ..., C)."""
        groups = self._groups(x.shape[inner_axis(self.axis, x.ndim)])
        gamma, beta = (self.weight_as(name, x) for name in ("gamma", "beta"))
        return ops.group_norm(x, groups, gamma, beta, self.epsilon, self.axis)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient less its mean and what it has in common with the output, divided by the deviation."""
        (x,), gamma = inputs, self.weight_as("gamma", gradient)
        groups = self._groups(x.shape[inner_axis(self.axis, x.ndim)])
        return (ops.group_norm_pull_back(gradient, x, groups, gamma, self.epsilon, self.axis),)


@dataclass(eq=False)
class UnitNormalization(Layer):
    """Division by the length along the axes, or by the shortest one that counts: zeros stay zeros.

    Parameters
    ----------
    name : str
        What the network calls it.
    axis : int or sequence of int
        Counted from the batch, 0, or back from the last, -1.
    shortest : float
        The shortest length that counts.

    Raises
    ------
    UnsupportedError
        For a length that is not a number of at least 0.
    ShapeError
        In a network, for an axis that is not there.
    """

    keeps_order: ClassVar[bool] = True
    layout: ClassVar[Layout] = "axis"

    name: str
    axis: AxisLike = -1
    shortest: float = 1e-12

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        check_numbers(self, shortest=self.shortest)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the input's shape; ShapeError for an axis that it does not have."""
        inner_axes(self.axis, len(shape) + 1)
        return shape

    def window_on(self, shape: Shape) -> Walk:
        """Return that of one cell along the channels, None, all of them, along all places."""
        return window_along(self.axis, shape)

    def __call__(self, x: Array) -> Array:
        """Normalise (N, ...)."""
        return ops.unit_norm(x, self.axis, self.shortest)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient less what it has in common with the output, divided by the length."""
        return (ops.unit_norm_pull_back(gradient, inputs[0], self.axis, self.shortest),)


def _scale_and_center(scale: bool, center: bool, shape: Shape) -> dict[str, Shape]:
    return ({"gamma": shape} if scale else {}) | ({"beta": shape} if center else {})
