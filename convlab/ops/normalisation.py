"""Normalisations: by known statistics, or by those of each example itself."""

from typing import Any

import numpy as np

from convlab.errors import ShapeError
from convlab.ops.axes import AxisLike, inner_axes, inner_axis
from convlab.ops.finish import NOTHING, Finish
from convlab.ops.quiet import quiet
from convlab.ops.with_kernel import host_kernels
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab.runtime.policy import kernels, new_array
from convlab_kernels.epilogue import finish as add_bias_and_clip


@quiet
def batch_norm(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    axis: AxisLike = -1,
) -> Array:
    """Normalise each channel with known statistics: gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    Ioffe and Szegedy, arXiv 1502.03167, algorithm 2.

    Parameters
    ----------
    x : array (..., C), or with its channels along another axis
    mean, variance : array (C,)
    gamma, beta : array (C,), optional
        By default 1 and 0.
    epsilon : float
        Added to the variance, so that nothing is divided by 0; by default Keras'.
    axis : int
        The channels': counted from the batch, 0, or back from the last, -1.

    Returns
    -------
    array of the shape of x

    Raises
    ------
    ShapeError
        Where the axis is not there, or the other arrays are not of its size.
    """
    x, mean, variance, gamma, beta = as_floats(x, mean, variance, optional=(gamma, beta))
    channel = inner_axis(axis, x.ndim) if axis != -1 else -1  # the last axis may be the only one
    for name, p in (("mean", mean), ("variance", variance), ("gamma", gamma), ("beta", beta)):
        if p is not None and p.shape != (x.shape[channel],):
            raise ShapeError(
                f"batch_norm: {name} has shape {p.shape}, expected ({x.shape[channel]},), the channels of x"
            )
    return run_batch_norm(x, mean, batch_scale(variance, gamma, epsilon), beta, channel)


@quiet
def batch_scale(variance: Array, gamma: Array | None, epsilon: float) -> Array:
    """Return what channels are multiplied by, gamma / sqrt(variance + epsilon)."""
    scale: Array = 1 / module_of(variance).sqrt(variance + variance.dtype.type(epsilon))
    return scale if gamma is None else gamma * scale


@quiet
def run_batch_norm(
    x: Array, mean: Array, scale: Array, beta: Array | None, channel: int = -1, finish: Finish = NOTHING
) -> Array:
    """Return (x - mean) * scale + beta, the channels' along their axis, and an activation function of that."""
    out = _normalised(x, mean, scale, beta, channel, finish)
    return out if finish.function is None else finish.function(out)


def _normalised(x: Array, mean: Array, scale: Array, beta: Array | None, channel: int, finish: Finish) -> Array:
    if channel in (-1, x.ndim - 1) and (elementwise := kernels("elementwise", x, x.size)):
        normalised = new_array(x, x.shape)
        shift = module_of(x).zeros_like(mean) if beta is None else beta
        elementwise.normalise(x, mean, scale, shift, normalised, finish.relu, finish.ceiling)
        return normalised
    along = (-1,) if channel == -1 else (-1,) + (1,) * (x.ndim - 1 - channel)
    out: Array = (x - mean.reshape(along)) * scale.reshape(along)
    add_bias_and_clip(out, None if beta is None else beta.reshape(along), finish.relu, finish.ceiling)
    return out


def scale_channels(x: Array, mean: ArrayLike, scale: ArrayLike, shift: ArrayLike) -> Array | None:
    """Return (x - mean) * scale + shift by a compiled kernel, each of them a number, or one for each channel.

    None where there is no kernel, or they are anything else.
    """
    numbers = [np.asarray(array, x.dtype) for array in (mean, scale, shift)] if host_kernels(x) else []
    if not numbers or x.ndim < 2 or not all(_is_of_channels(array, x.shape[-1]) for array in numbers):
        return None
    means, scales, shifts = (np.broadcast_to(array.reshape(-1), x.shape[-1:]) for array in numbers)
    return run_batch_norm(x, means, scales, shifts)


def _is_of_channels(array: Array, channels: int) -> bool:
    return array.size == 1 or array.shape[-1] == array.size == channels


@quiet
def layer_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    axis: AxisLike = -1,
    centred: bool = True,
) -> Array:
    """Normalise each example with the statistics of its own numbers along the axis (or axes).

    gamma * (x - mean) / sqrt(variance + epsilon) + beta; the mean stays where `centred` is false. gamma and beta are
    of the size of the axes. Ba et al., arXiv 1607.06450, section 3.
    """
    x, gamma, beta = as_floats(x, optional=(gamma, beta))
    axes = inner_axes(axis, x.ndim)
    if axes == (x.ndim - 1,) and x.shape[-1] and (compiled := host_kernels(x)):
        out = new_array(x, x.shape)
        ones, zeros = np.ones(x.shape[-1:], x.dtype), np.zeros(x.shape[-1:], x.dtype)
        scale, shift = ones if gamma is None else gamma, zeros if beta is None else beta
        compiled.standardise(x, scale, shift, out, epsilon, centred)
        return out
    kept = [size if i in axes else 1 for i, size in enumerate(x.shape)]
    return _scaled(_standardised(x, axes, epsilon, centred), gamma, beta, kept)


@quiet
def group_norm(
    x: ArrayLike,
    groups: int,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    axis: AxisLike = -1,
) -> Array:
    """Normalise each group of channels of each example with the statistics of its own numbers, over all places.

    gamma and beta are (C,). Wu and He, arXiv 1803.08494, equations 1, 2 and 7.
    """
    x, gamma, beta = as_floats(x, optional=(gamma, beta))
    channel = inner_axis(axis, x.ndim)
    size = x.shape[channel]
    split = x.reshape(*x.shape[:channel], groups, size // groups, *x.shape[channel + 1 :])  # (..., G, C/G, ...)
    others = tuple(i for i in range(1, split.ndim) if i != channel)
    out = _standardised(split, others, epsilon).reshape(x.shape)
    return _scaled(out, gamma, beta, [size if i == channel else 1 for i in range(x.ndim)])


@quiet
def unit_norm(x: ArrayLike, axis: AxisLike = -1, shortest: float = 1e-12) -> Array:
    """Return x divided by its length sqrt(sum(x^2)) along the axis (or axes), or by the shortest one that counts."""
    (x,) = as_floats(x)
    squares = (x * x).sum(axis=inner_axes(axis, x.ndim), keepdims=True, dtype=np.float64)
    return x / module_of(x).maximum(module_of(x).sqrt(squares), shortest).astype(x.dtype)


def _standardised(x: Array, axes: tuple[int, ...], epsilon: float, centred: bool = True) -> Array:
    def mean(values: Array) -> Any:  # NumPy adds one by one along all but the last axis, too coarse for float32
        return values.mean(axis=axes, keepdims=True, dtype=np.float64).astype(x.dtype)

    distance = x - mean(x)
    deviation = module_of(x).sqrt(mean(distance * distance) + x.dtype.type(epsilon))
    return (distance if centred else x) / deviation


def _scaled(x: Array, gamma: Array | None, beta: Array | None, shape: list[int]) -> Array:
    """Return x * gamma + beta, each of them brought to the shape first; x is overwritten."""
    if gamma is not None:
        x *= gamma.reshape(shape)
    if beta is not None:
        x += beta.reshape(shape)
    return x


@quiet
def layer_norm_pull_back(
    gradient: Array,
    x: Array,
    gamma: Array | None = None,
    epsilon: float = 1e-3,
    axis: AxisLike = -1,
    centred: bool = True,
) -> Array:
    """Return the gradient by the input of `layer_norm`."""
    axes = inner_axes(axis, x.ndim)
    if gamma is not None:
        gradient = gradient * gamma.reshape([size if i in axes else 1 for i, size in enumerate(x.shape)])
    return _standardised_pull_back(gradient, x, axes, epsilon, centred)


@quiet
def group_norm_pull_back(
    gradient: Array,
    x: Array,
    groups: int,
    gamma: Array | None = None,
    epsilon: float = 1e-3,
    axis: AxisLike = -1,
) -> Array:
    """Return the gradient by the input of `group_norm`."""
    channel = inner_axis(axis, x.ndim)
    size = x.shape[channel]
    if gamma is not None:
        gradient = gradient * gamma.reshape([size if i == channel else 1 for i in range(x.ndim)])
    split = (*x.shape[:channel], groups, size // groups, *x.shape[channel + 1 :])
    others = tuple(i for i in range(1, len(split)) if i != channel)
    return _standardised_pull_back(gradient.reshape(split), x.reshape(split), others, epsilon).reshape(x.shape)


@quiet
def unit_norm_pull_back(gradient: Array, x: Array, axis: AxisLike = -1, shortest: float = 1e-12) -> Array:
    """Return the gradient by the input of `unit_norm`: (g - y sum(g y)) / length, where that is not too short."""
    xp, axes = module_of(x), inner_axes(axis, x.ndim)
    length = xp.sqrt((x * x).sum(axis=axes, keepdims=True, dtype=np.float64))
    y = x / xp.maximum(length, shortest)
    along = xp.where(length > shortest, (gradient * y).sum(axis=axes, keepdims=True), 0)
    return ((gradient - y * along) / xp.maximum(length, shortest)).astype(x.dtype, copy=False)


def _standardised_pull_back(
    gradient: Array, x: Array, axes: tuple[int, ...], epsilon: float, centred: bool = True
) -> Array:
    """Return the gradient by x of (x - mean) / deviation, or of x / deviation.

    g / s - mean(g) / s - (x - mean) mean(g y) / s^2, y what came out; the second term only where it is.
    """
    xp = module_of(x)
    wide = x.astype(np.float64, copy=False)
    distance = wide - wide.mean(axis=axes, keepdims=True)
    deviation = xp.sqrt((distance * distance).mean(axis=axes, keepdims=True) + epsilon)
    y = (distance if centred else wide) / deviation
    out = gradient - distance / deviation * (gradient * y).mean(axis=axes, keepdims=True)
    if centred:
        out = out - gradient.mean(axis=axes, keepdims=True)
    return (out / deviation).astype(x.dtype, copy=False)
