"""Smooth activation functions.

Named, and with the defaults, as in Keras 3. Each is written so that nothing overflows and no two large numbers
cancel; NaN stays NaN, and an infinity gives the function's limit.
"""

from math import pi, sqrt

import numpy as np

from convlab.ops.erf import erfc
from convlab.ops.quiet import quiet
from convlab.ops.with_kernel import with_kernel
from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of

_SELU_ALPHA = 1.6732632423543772  # Klambauer et al., arXiv 1706.02515, section 2
_SELU_SCALE = 1.0507009873554805


@with_kernel("tanh")
def tanh(x: ArrayLike) -> Array:
    """Return the hyperbolic tangent.

    Parameters
    ----------
    x : array

    Returns
    -------
    array of the shape of x
    """
    (x,) = as_floats(x)
    return module_of(x).tanh(x)


def tanh_slope(y: Array) -> Array:
    """Return the derivative of `tanh` from what it makes: 1 - y^2."""
    return 1 - y * y


def tanh_shrink(x: ArrayLike) -> Array:
    """Return x - tanh(x)."""
    (x,) = as_floats(x)
    return x - module_of(x).tanh(x)


def tanh_shrink_slope(x: Array) -> Array:
    """Return the derivative of `tanh_shrink`: tanh(x)^2."""
    return module_of(x).tanh(x) ** 2


@with_kernel("sigmoid")
def sigmoid(x: ArrayLike) -> Array:
    """Return 1 / (1 + exp(-x)), computed from exp(-|x|), which is at most 1, so that nothing overflows.

    Parameters
    ----------
    x : array

    Returns
    -------
    array of the shape of x
    """
    (x,) = as_floats(x)
    xp = module_of(x)
    powers = xp.exp(-xp.abs(x))
    return xp.where(x < 0, powers, x.dtype.type(1)) / (1 + powers)


def sigmoid_slope(y: Array) -> Array:
    """Return the derivative of `sigmoid` from what it makes: y (1 - y)."""
    return y * (1 - y)


def log_sigmoid(x: ArrayLike) -> Array:
    """Return log(sigmoid(x)) = -softplus(-x)."""
    (x,) = as_floats(x)
    return -softplus(-x)


def log_sigmoid_slope(x: Array) -> Array:
    """Return the derivative of `log_sigmoid`: sigmoid(-x)."""
    return sigmoid(-x)


def softplus(x: ArrayLike) -> Array:
    """Return log(1 + exp(x))."""
    (x,) = as_floats(x)
    xp = module_of(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


def softplus_slope(x: Array) -> Array:
    """Return the derivative of `softplus`: sigmoid(x)."""
    return sigmoid(x)


def softsign(x: ArrayLike) -> Array:
    """Return x / (1 + |x|)."""
    (x,) = as_floats(x)
    x = _finite(x)
    return x / (1 + abs(x))


def softsign_slope(y: Array) -> Array:
    """Return the derivative of `softsign` from what it makes: 1 / (1 + |x|)^2 = (1 - |y|)^2."""
    return (1 - abs(y)) ** 2


def squareplus(x: ArrayLike) -> Array:
    """Return (x + sqrt(x^2 + 4)) / 2 (Barron, arXiv 2112.11687), as max(x, 0) + 2 / (|x| + sqrt(x^2 + 4))."""
    (x,) = as_floats(x)
    xp = module_of(x)
    return xp.maximum(x, 0) + 1 / (abs(x) / 2 + xp.hypot(x, 2) / 2)


def squareplus_slope(x: Array) -> Array:
    """Return the derivative of `squareplus`: (1 + x / sqrt(x^2 + 4)) / 2."""
    x = _finite(x)
    return (1 + x / module_of(x).hypot(x, 2)) / 2


@quiet
@with_kernel("exponential")
def exponential(x: ArrayLike) -> Array:
    """Return exp(x), infinite where that is beyond the type."""
    (x,) = as_floats(x)
    return module_of(x).exp(x)


def exponential_slope(y: Array) -> Array:
    """Return the derivative of `exponential` from what it makes: itself."""
    return y


@with_kernel("elu", parameter=1.0)
def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Return x where it is positive, else alpha (exp(x) - 1). Clevert et al., arXiv 1511.07289, section 3."""
    (x,) = as_floats(x)
    xp = module_of(x)
    return xp.maximum(x, 0) + alpha * xp.expm1(xp.minimum(x, 0))


def elu_slope(y: Array, alpha: float = 1.0) -> Array:
    """Return the derivative of `elu` from what it makes: 1 where it is positive, else alpha exp(x) = y + alpha."""
    return module_of(y).where(y > 0, y.dtype.type(1), y + y.dtype.type(alpha))


@quiet
def selu(x: ArrayLike) -> Array:
    """Return ELU with the scale and slope that keep mean 0 and variance 1. Klambauer et al., arXiv 1706.02515."""
    (x,) = as_floats(x)
    xp = module_of(x)
    return _SELU_SCALE * xp.maximum(x, 0) + _SELU_SCALE * _SELU_ALPHA * xp.expm1(xp.minimum(x, 0))


def selu_slope(y: Array) -> Array:
    """Return the derivative of `selu` from what it makes: its scale where that is positive, else y + scale alpha."""
    return module_of(y).where(y > 0, y.dtype.type(_SELU_SCALE), y + y.dtype.type(_SELU_SCALE * _SELU_ALPHA))


@with_kernel("silu")
def silu(x: ArrayLike) -> Array:
    """Return x sigmoid(x), also called swish. Ramachandran et al., arXiv 1710.05941."""
    (x,) = as_floats(x)
    return _gated(x, sigmoid(x))


def silu_slope(x: Array) -> Array:
    """Return the derivative of `silu`: s (1 + x (1 - s)) with s = sigmoid(x)."""
    gate = sigmoid(x)
    return gate * (1 + _near(x) * (1 - gate))


def mish(x: ArrayLike) -> Array:
    """Return x tanh(softplus(x)). Misra, arXiv 1908.08681."""
    (x,) = as_floats(x)
    return _gated(x, module_of(x).tanh(softplus(x)))


def mish_slope(x: Array) -> Array:
    """Return the derivative of `mish`: t + x sigmoid(x) (1 - t^2) with t = tanh(softplus(x))."""
    gate = module_of(x).tanh(softplus(x))
    return gate + _near(x) * sigmoid(x) * (1 - gate * gate)


@with_kernel("gelu")
def gelu(x: ArrayLike) -> Array:
    """Return x times the share of a normal distribution that lies below x. Hendrycks and Gimpel, arXiv 1606.08415."""
    (x,) = as_floats(x)
    return _gated(x, erfc(-x * sqrt(0.5)) / 2)


def gelu_slope(x: Array) -> Array:
    """Return the derivative of `gelu`: the share below x, plus x times the normal density at x."""
    near = _near(x)
    return erfc(-near * sqrt(0.5)) / 2 + near * module_of(x).exp(-near * near / 2) / sqrt(2 * pi)


@with_kernel("gelu_tanh")
def gelu_tanh(x: ArrayLike) -> Array:
    """Return x (1 + tanh(z)) / 2 = x sigmoid(2 z), z = sqrt(2/pi) (x + 0.044715 x^3): GELU's approximation there."""
    (x,) = as_floats(x)
    near = module_of(x).clip(x, -100, 100)  # far outside, sigmoid is 0 or 1 already
    return _gated(x, sigmoid(2 * sqrt(2 / pi) * (near + 0.044715 * near**3)))


def gelu_tanh_slope(x: Array) -> Array:
    """Return the derivative of `gelu_tanh`: s + x s (1 - s) 2 z', z' = sqrt(2/pi) (1 + 3 0.044715 x^2)."""
    near = module_of(x).clip(x, -100, 100)
    gate = sigmoid(2 * sqrt(2 / pi) * (near + 0.044715 * near**3))
    return gate + near * gate * (1 - gate) * 2 * sqrt(2 / pi) * (1 + 3 * 0.044715 * near * near)


def _gated(x: Array, gate: Array) -> Array:
    """Return x * gate; every gate here is 0 at -infinity, and so is the product."""
    return module_of(x).maximum(x, np.finfo(x.dtype).min) * gate


def _finite(x: Array) -> Array:
    largest = np.finfo(x.dtype).max
    return module_of(x).clip(x, -largest, largest)


def _near(x: Array) -> Array:
    """Return x, but where its gate is 0 or 1 in any type something nearer, so that infinities do no harm."""
    return module_of(x).clip(x, -1000, 1000)
