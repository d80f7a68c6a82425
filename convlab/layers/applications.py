"""Layers that networks of `keras.applications` bring along; they are Keras' own, and data like all others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from convlab.layers.base import Layer
from convlab.layers.checks import check_numbers
from convlab.layers.identity import Identity
from convlab.layers.merging import Merge
from convlab.ops.elementwise import add, merged
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, Shape


@dataclass(eq=False)
class CustomScaleLayer(Merge):
    """The first input, plus `scale` times the second; of Inception-ResNet-v2, arXiv 1602.07261, section 3.3.

    Parameters
    ----------
    name : str
        What the network calls it.
    scale : float
        What the formula says.

    Raises
    ------
    UnsupportedError
        For an option that is not a number of at least 0.
    """

    scale: float = 1.0
    arity = 2

    def __post_init__(self) -> None:
        """Refuse what is no number."""
        check_numbers(self, scale=self.scale)

    def merge(self, inputs: list[Any]) -> Array:
        """Scale the second and add it."""
        return add(inputs[0], merged("multiply", inputs[1], inputs[1].dtype.type(self.scale)))

    def shares(self, gradient: Array, inputs: list[Any], output: Array) -> Sequence[Array]:
        """Return the gradient, and for the second its multiple."""
        return gradient, gradient * gradient.dtype.type(self.scale)


@dataclass(eq=False)
class LayerScale(Layer):
    """Each channel times a weight gamma (C,); of ConvNeXt, from Touvron et al., arXiv 2103.17239, section 2.

    Parameters
    ----------
    name : str
        What the network calls it.
    """

    keeps_order: ClassVar[bool] = True

    name: str

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shape (C,)."""
        return {"gamma": shape[-1:]}

    @quiet
    def __call__(self, x: Array) -> Array:
        """Scale each channel of (N, ..., C)."""
        return merged("multiply", x, self.weight_as("gamma", x))

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient, each channel times its weight."""
        return (self(gradient),)


class StochasticDepth(Identity):
    """Leaves out a whole branch at random in training, and does nothing here; of ConvNeXt.

    Parameters
    ----------
    name : str
        What the network calls it.
    """
