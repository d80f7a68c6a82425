"""Weighted sums of everything."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers.base import ONE_CELL, Activated, Walk
from convlab.layers.checks import check_count, options_of
from convlab.layers.functions import ACTIVATIONS, check_activation
from convlab.ops.linear import multiply
from convlab.runtime.arrays import Array, Shape, module_of
from convlab.runtime.policy import kernels


@dataclass(eq=False)
class Dense(Activated):
    """Each output a weighted sum of all values along the last axis: (..., in) to (..., out).

    Its weights are kernel (in, out) and bias (out,).

    Parameters
    ----------
    name : str
        What the network calls it.
    units : int
        How many outputs.
    activation : str
        Applied to the sums; a name in `ACTIVATIONS`.
    use_bias : bool
        Whether each output channel has a number that is added to it.

    Raises
    ------
    ShapeError
        For no units; in a network, for an input without axes.
    UnsupportedError
        For an activation function that is not known.
    """

    main_weight: ClassVar[str | None] = "kernel"
    mixes_channels: ClassVar[bool] = True

    name: str
    units: int
    activation: str = "linear"
    use_bias: bool = True

    def __post_init__(self) -> None:
        """Refuse what has no meaning or is not known."""
        check_activation(self.name, self.activation)
        with options_of(self.name):
            check_count("units", self.units)

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        if not shape:
            raise ShapeError("expected (..., features)")
        return {"kernel": (shape[-1], self.units)} | ({"bias": (self.units,)} if self.use_bias else {})

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (..., out)."""
        return (*shape[:-1], self.units)

    def window_on(self, shape: Shape) -> Walk:
        """Return that of one cell, of a vector None: all of it."""
        return None if len(shape) == 1 else ONE_CELL

    def multiply_adds(self, shape: Shape) -> int:
        """In * out, at each place of an image."""
        return prod(shape) * self.units

    def linear(self, x: Array) -> Array:
        """Multiply and add the bias, without the activation function."""
        return self.multiply(x, ops.NOTHING)

    def __call__(self, x: Array) -> Array:
        """Compute (N, ..., in) to (N, ..., out); activation functions that the kernel has are fused into it."""
        finish = ACTIVATIONS[self.activation].finish
        return self.linear(x) if finish is ops.NOTHING else self.multiply(x, finish)

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Return the gradient (N, ..., in) = (N, ..., out) @ kernel.T."""
        if compiled := kernels("dense", gradient, x.size * self.units):
            rows = module_of(x).ascontiguousarray
            turned = self.prepared("kernel", x, lambda w: compiled.Dense(rows(w.T)), "turned")
            return ops.run_dense(turned, gradient)
        return multiply(gradient, self.weight_as("kernel", x).T)

    def multiply(self, x: Array, finish: ops.Finish) -> Array:
        """Multiply and add the bias, and apply an activation function to the sums."""
        bias = self.weight_as("bias", x)
        if compiled := kernels("dense", x, x.size * self.units):
            return ops.run_dense(self.prepared("kernel", x, compiled.Dense, "dense"), x, bias, finish)
        return multiply(x, self.weight_as("kernel", x), bias, finish)
