"""Activation functions put together from pieces of lines and parabolas.

Named, and with the defaults, as in Keras 3. NaN stays NaN, and an infinity gives the function's limit.
"""

from math import inf

from convlab.ops.quiet import quiet
from convlab.ops.with_kernel import with_kernel
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of
from convlab.runtime.policy import kernels, new_array


@quiet
def relu(x: ArrayLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """Return max(x, 0), or with options x above a threshold and a line below; NaN stays NaN.

    Parameters
    ----------
    x : array
    negative_slope : float
        Below the threshold, negative_slope * (x - threshold) comes out.
    max_value : float, optional
        The largest value that comes out.
    threshold : float
        Above it, x comes out.

    Returns
    -------
    array of the shape of x
    """
    (x,) = as_floats(x)
    if not negative_slope and not threshold and (elementwise := kernels("elementwise", x, x.size)):
        rectified = new_array(x, x.shape)
        elementwise.rectify(x, rectified, inf if max_value is None else max_value)
        return rectified
    xp = module_of(x)
    out: Array = xp.where(x <= threshold, x.dtype.type(0), x) if threshold else xp.maximum(x, 0)
    if max_value is not None:
        out = xp.minimum(out, max_value)
    if negative_slope:
        out = out + negative_slope * xp.minimum(x - threshold, 0)
    return out


def relu_slope(
    y: Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Array:
    """Return the derivative of `relu` from what it makes, 0 or the negative slope at the kink.

    With a negative slope and a largest value it is told from the input instead, which is as good a y: both lie on the
    same side of both kinks.
    """
    above = y > threshold
    slope = (above if max_value is None else above & (y < max_value)).astype(y.dtype)
    return slope if not negative_slope else slope + (~above).astype(y.dtype) * y.dtype.type(negative_slope)


def relu6(x: ArrayLike) -> Array:
    """Return x between 0 and 6, else the nearer of the two. Howard et al., arXiv 1704.04861."""
    return relu(x, max_value=6)


def relu6_slope(y: Array) -> Array:
    """Return the derivative of `relu6` from what it makes: 1 between 0 and 6."""
    return relu_slope(y, max_value=6)


@with_kernel("leaky_relu", parameter=0.2)
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Array:
    """Return x where it is positive, else negative_slope x."""
    return relu(x, negative_slope)


def leaky_relu_slope(y: Array, negative_slope: float = 0.2) -> Array:
    """Return the derivative of `leaky_relu` from what it makes."""
    return relu_slope(y, negative_slope)


@with_kernel("hard_sigmoid")
def hard_sigmoid(x: ArrayLike) -> Array:
    """Return x / 6 + 1/2 between 0 and 1: Keras 3's."""
    (x,) = as_floats(x)
    return module_of(x).clip(x + 3, 0, 6) / 6


def hard_sigmoid_slope(x: Array) -> Array:
    """Return the derivative of `hard_sigmoid`: 1/6 between -3 and 3."""
    return _between(x, -3, 3) / 6


def hard_sigmoid_keras2(x: ArrayLike) -> Array:
    """Return x / 5 + 1/2 between 0 and 1: what Keras 1 and 2 meant by hard_sigmoid."""
    (x,) = as_floats(x)
    return module_of(x).clip(0.2 * x + 0.5, 0, 1)


def hard_sigmoid_keras2_slope(x: Array) -> Array:
    """Return the derivative of `hard_sigmoid_keras2`: 1/5 between -2.5 and 2.5."""
    return _between(x, -2.5, 2.5) / 5


@with_kernel("hard_silu")
def hard_silu(x: ArrayLike) -> Array:
    """Return x hard_sigmoid(x), also called hard swish. Howard et al., arXiv 1905.02244, section 5.2."""
    (x,) = as_floats(x)
    return module_of(x).maximum(x, -3) * hard_sigmoid(x)  # further down the second factor is 0


def hard_silu_slope(x: Array) -> Array:
    """Return the derivative of `hard_silu`: x / 3 + 1/2 between -3 and 3, 0 below and 1 above."""
    xp = module_of(x)
    return xp.where(xp.abs(x) < 3, x / 3 + 0.5, (x > 0).astype(x.dtype))


def hard_tanh(x: ArrayLike) -> Array:
    """Return x between -1 and 1, else the nearer of the two."""
    (x,) = as_floats(x)
    return module_of(x).clip(x, -1, 1)


def hard_tanh_slope(y: Array) -> Array:
    """Return the derivative of `hard_tanh` from what it makes: 1 between -1 and 1."""
    return _between(y, -1, 1)


def hard_shrink(x: ArrayLike) -> Array:
    """Return x, but 0 where |x| is at most 1/2."""
    (x,) = as_floats(x)
    return module_of(x).where(abs(x) <= 0.5, x.dtype.type(0), x)


def hard_shrink_slope(y: Array) -> Array:
    """Return the derivative of `hard_shrink` from what it makes: 1 where that is not 0."""
    return (y != 0).astype(y.dtype)


def soft_shrink(x: ArrayLike) -> Array:
    """Return x moved by 1/2 towards 0, and 0 where that would pass it."""
    (x,) = as_floats(x)
    return x - module_of(x).clip(x, -0.5, 0.5)


def soft_shrink_slope(y: Array) -> Array:
    """Return the derivative of `soft_shrink` from what it makes: 1 where that is not 0."""
    return (y != 0).astype(y.dtype)


def sparse_sigmoid(x: ArrayLike) -> Array:
    """Return (x + 1) / 2 between 0 and 1. Blondel et al., arXiv 1901.02324."""
    return hard_tanh(x) / 2 + 0.5


def sparse_sigmoid_slope(x: Array) -> Array:
    """Return the derivative of `sparse_sigmoid`: 1/2 between -1 and 1."""
    return _between(x, -1, 1) / 2


def sparse_plus(x: ArrayLike) -> Array:
    """Return (x + 1)^2 / 4 between -1 and 1, 0 below, x above: the integral of sparse_sigmoid."""
    (x,) = as_floats(x)
    return module_of(x).where(x < 1, (hard_tanh(x) + 1) ** 2 / 4, x)


def sparse_plus_slope(x: Array) -> Array:
    """Return the derivative of `sparse_plus`, which is `sparse_sigmoid`."""
    return sparse_sigmoid(x)


def _between(x: Array, low: float, high: float) -> Array:
    """Return 1 where x lies between, else 0."""
    return ((x > low) & (x < high)).astype(x.dtype)
