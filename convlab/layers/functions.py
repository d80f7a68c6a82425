"""The activation functions by the names that Keras gives them, each with what is true of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import inf

from convlab.errors import UnsupportedError
from convlab.ops import distributions, nonlinear, piecewise
from convlab.ops.finish import NOTHING, Finish
from convlab.runtime.arrays import Array
from convlab.wording import unknown


@dataclass(frozen=True)
class ActivationFunction:
    """A function of arrays (..., C), and what others must know of it.

    Attributes
    ----------
    apply : function
        Array -> array of the same shape.
    slope_of_output, slope_of_input : function or None
        Its derivative, number by number, from what comes out, or where that does not tell, from what goes in.
    distribute : function or None
        Where results depend on several numbers: (gradient, what came out) -> the gradient by what went in.
    along_channels : bool
        Whether a result depends on all numbers along the last axis; else each on one number alone.
    ceiling : float or None
        Where kernels that apply it themselves clip from above, beside 0 from below; None: they cannot.
    cancels : bool
        Whether it subtracts what may be nearly the same, so that its result has the rounding of larger numbers.
    """

    apply: Callable[[Array], Array]
    slope_of_output: Callable[[Array], Array] | None = None
    slope_of_input: Callable[[Array], Array] | None = None
    distribute: Callable[[Array, Array], Array] | None = None
    along_channels: bool = False
    ceiling: float | None = None
    cancels: bool = False

    @cached_property
    def finish(self) -> Finish:
        """How a kernel that makes sums applies it to them."""
        if self.ceiling is not None:
            return Finish(relu=True, ceiling=self.ceiling)
        return NOTHING if self.apply is _same else Finish(function=self.apply)

    def __call__(self, x: Array) -> Array:
        """Apply it to (..., C)."""
        return self.apply(x)

    def pull_back(self, gradient: Array, output: Array, given: Callable[[], Array]) -> Array:
        """Return the gradient by what went in, which is asked for, `given()`, only where the output does not tell."""
        if self.distribute is not None:
            return self.distribute(gradient, output)
        if self.slope_of_input is not None:
            return gradient * self.slope_of_input(given())
        return gradient if self.slope_of_output is None else gradient * self.slope_of_output(output)


def _same(x: Array) -> Array:
    return x


ACTIVATIONS: dict[str, ActivationFunction] = {
    "linear": ActivationFunction(_same),
    "relu": ActivationFunction(piecewise.relu, slope_of_output=piecewise.relu_slope, ceiling=inf),
    "tanh": ActivationFunction(nonlinear.tanh, slope_of_output=nonlinear.tanh_slope),
    "sigmoid": ActivationFunction(nonlinear.sigmoid, slope_of_output=nonlinear.sigmoid_slope),
    "softmax": ActivationFunction(
        distributions.softmax, distribute=distributions.softmax_pull_back, along_channels=True
    ),
    "celu": ActivationFunction(
        nonlinear.elu, slope_of_output=nonlinear.elu_slope
    ),  # they differ only where alpha is not 1, which no name says
    "elu": ActivationFunction(nonlinear.elu, slope_of_output=nonlinear.elu_slope),
    "exponential": ActivationFunction(nonlinear.exponential, slope_of_output=nonlinear.exponential_slope),
    "gelu": ActivationFunction(nonlinear.gelu, slope_of_input=nonlinear.gelu_slope),
    "gelu_tanh": ActivationFunction(
        nonlinear.gelu_tanh, slope_of_input=nonlinear.gelu_tanh_slope
    ),  # Keras' gelu(approximate=True)
    "hard_shrink": ActivationFunction(piecewise.hard_shrink, slope_of_output=piecewise.hard_shrink_slope),
    "hard_sigmoid": ActivationFunction(piecewise.hard_sigmoid, slope_of_input=piecewise.hard_sigmoid_slope),
    "hard_sigmoid_keras2": ActivationFunction(
        piecewise.hard_sigmoid_keras2, slope_of_input=piecewise.hard_sigmoid_keras2_slope, cancels=True
    ),  # another of that name
    "hard_silu": ActivationFunction(piecewise.hard_silu, slope_of_input=piecewise.hard_silu_slope),
    "hard_swish": ActivationFunction(piecewise.hard_silu, slope_of_input=piecewise.hard_silu_slope),
    "hard_tanh": ActivationFunction(piecewise.hard_tanh, slope_of_output=piecewise.hard_tanh_slope),
    "leaky_relu": ActivationFunction(piecewise.leaky_relu, slope_of_output=piecewise.leaky_relu_slope),
    "log_sigmoid": ActivationFunction(nonlinear.log_sigmoid, slope_of_input=nonlinear.log_sigmoid_slope),
    "log_softmax": ActivationFunction(
        distributions.log_softmax, distribute=distributions.log_softmax_pull_back, along_channels=True, cancels=True
    ),
    "mish": ActivationFunction(nonlinear.mish, slope_of_input=nonlinear.mish_slope),
    "relu6": ActivationFunction(piecewise.relu6, slope_of_output=piecewise.relu6_slope, ceiling=6.0),
    "selu": ActivationFunction(nonlinear.selu, slope_of_output=nonlinear.selu_slope),
    "silu": ActivationFunction(nonlinear.silu, slope_of_input=nonlinear.silu_slope),
    "soft_shrink": ActivationFunction(piecewise.soft_shrink, slope_of_output=piecewise.soft_shrink_slope),
    "softplus": ActivationFunction(nonlinear.softplus, slope_of_input=nonlinear.softplus_slope),
    "softsign": ActivationFunction(nonlinear.softsign, slope_of_output=nonlinear.softsign_slope),
    "sparse_plus": ActivationFunction(piecewise.sparse_plus, slope_of_input=piecewise.sparse_plus_slope),
    "sparse_sigmoid": ActivationFunction(piecewise.sparse_sigmoid, slope_of_input=piecewise.sparse_sigmoid_slope),
    "sparsemax": ActivationFunction(
        distributions.sparsemax, distribute=distributions.sparsemax_pull_back, along_channels=True, cancels=True
    ),
    "squareplus": ActivationFunction(nonlinear.squareplus, slope_of_input=nonlinear.squareplus_slope),
    "swish": ActivationFunction(nonlinear.silu, slope_of_input=nonlinear.silu_slope),
    "tanh_shrink": ActivationFunction(
        nonlinear.tanh_shrink, slope_of_input=nonlinear.tanh_shrink_slope, cancels=True
    ),
}


def check_activation(layer: str, activation: str) -> None:
    """Raise UnsupportedError unless a layer's activation function is known."""
    if activation not in ACTIVATIONS:
        raise UnsupportedError(f"layer {layer!r}: {unknown('activation', activation, ACTIVATIONS)}")
