"""The activation functions by the names that Keras gives them."""

from collections.abc import Callable

from convlab.ops import distributions, nonlinear, piecewise
from convlab.runtime.arrays import Array

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": piecewise.relu,
    "tanh": nonlinear.tanh,
    "sigmoid": nonlinear.sigmoid,
    "softmax": distributions.softmax,
    "celu": nonlinear.elu,  # they differ only where alpha is not 1, which no name says
    "elu": nonlinear.elu,
    "exponential": nonlinear.exponential,
    "gelu": nonlinear.gelu,
    "gelu_tanh": nonlinear.gelu_tanh,  # Keras' gelu(approximate=True)
    "hard_shrink": piecewise.hard_shrink,
    "hard_sigmoid": piecewise.hard_sigmoid,
    "hard_sigmoid_keras2": piecewise.hard_sigmoid_keras2,  # another function under the same name
    "hard_silu": piecewise.hard_silu,
    "hard_swish": piecewise.hard_silu,
    "hard_tanh": piecewise.hard_tanh,
    "leaky_relu": piecewise.leaky_relu,
    "log_sigmoid": nonlinear.log_sigmoid,
    "log_softmax": distributions.log_softmax,
    "mish": nonlinear.mish,
    "relu6": piecewise.relu6,
    "selu": nonlinear.selu,
    "silu": nonlinear.silu,
    "soft_shrink": piecewise.soft_shrink,
    "softplus": nonlinear.softplus,
    "softsign": nonlinear.softsign,
    "sparse_plus": piecewise.sparse_plus,
    "sparse_sigmoid": piecewise.sparse_sigmoid,
    "sparsemax": distributions.sparsemax,
    "squareplus": nonlinear.squareplus,
    "swish": nonlinear.silu,
    "tanh_shrink": nonlinear.tanh_shrink,
}
