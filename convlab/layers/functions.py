"""The activation functions by the names that Keras gives them, each with what is true of it."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from convlab.ops import distributions, nonlinear, piecewise
from convlab.runtime.arrays import Array


@dataclass(frozen=True)
class ActivationFunction:
    """A function of arrays (..., C), and what others must know of it.

    Attributes
    ----------
    apply : function
        Array -> array of the same shape.
    along_channels : bool
        Whether a result depends on all numbers along the last axis; else each on one number alone.
    ceiling : float or None
        Where kernels that apply it themselves clip from above, beside 0 from below; None: they cannot.
    cancels : bool
        Whether it subtracts what may be nearly the same, so that its result has the rounding of larger numbers.
    """

    apply: Callable[[Array], Array]
    along_channels: bool = False
    ceiling: float | None = None
    cancels: bool = False

    def __call__(self, x: Array) -> Array:
        """Apply it to (..., C)."""
        return self.apply(x)


ACTIVATIONS: dict[str, ActivationFunction] = {
    "linear": ActivationFunction(lambda x: x),
    "relu": ActivationFunction(piecewise.relu, ceiling=inf),
    "tanh": ActivationFunction(nonlinear.tanh),
    "sigmoid": ActivationFunction(nonlinear.sigmoid),
    "softmax": ActivationFunction(distributions.softmax, along_channels=True),
    "celu": ActivationFunction(nonlinear.elu),  # they differ only where alpha is not 1, which no name says
    "elu": ActivationFunction(nonlinear.elu),
    "exponential": ActivationFunction(nonlinear.exponential),
    "gelu": ActivationFunction(nonlinear.gelu),
    "gelu_tanh": ActivationFunction(nonlinear.gelu_tanh),  # Keras' gelu(approximate=True)
    "hard_shrink": ActivationFunction(piecewise.hard_shrink),
    "hard_sigmoid": ActivationFunction(piecewise.hard_sigmoid),
    "hard_sigmoid_keras2": ActivationFunction(piecewise.hard_sigmoid_keras2, cancels=True),  # another of that name
    "hard_silu": ActivationFunction(piecewise.hard_silu),
    "hard_swish": ActivationFunction(piecewise.hard_silu),
    "hard_tanh": ActivationFunction(piecewise.hard_tanh),
    "leaky_relu": ActivationFunction(piecewise.leaky_relu),
    "log_sigmoid": ActivationFunction(nonlinear.log_sigmoid),
    "log_softmax": ActivationFunction(distributions.log_softmax, along_channels=True, cancels=True),
    "mish": ActivationFunction(nonlinear.mish),
    "relu6": ActivationFunction(piecewise.relu6, ceiling=6.0),
    "selu": ActivationFunction(nonlinear.selu),
    "silu": ActivationFunction(nonlinear.silu),
    "soft_shrink": ActivationFunction(piecewise.soft_shrink),
    "softplus": ActivationFunction(nonlinear.softplus),
    "softsign": ActivationFunction(nonlinear.softsign),
    "sparse_plus": ActivationFunction(piecewise.sparse_plus),
    "sparse_sigmoid": ActivationFunction(piecewise.sparse_sigmoid),
    "sparsemax": ActivationFunction(distributions.sparsemax, along_channels=True, cancels=True),
    "squareplus": ActivationFunction(nonlinear.squareplus),
    "swish": ActivationFunction(nonlinear.silu),
    "tanh_shrink": ActivationFunction(nonlinear.tanh_shrink, cancels=True),
}
