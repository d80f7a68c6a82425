"""Layers that do something only while a network is trained."""

from dataclasses import dataclass
from typing import ClassVar

from convlab.layers.base import Layer, Layout
from convlab.runtime.arrays import Array


@dataclass(eq=False)
class Identity(Layer):
    """What goes in comes out.

    Parameters
    ----------
    name : str
        What the network calls it.
    """

    keeps_order: ClassVar[bool] = True
    layout: ClassVar[Layout] = "any"

    name: str

    def __call__(self, x: Array) -> Array:
        """Return x itself."""
        return x

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient itself."""
        return (gradient,)


class Dropout(Identity):
    """Silences random units in training, and does nothing here.

    Parameters
    ----------
    name : str
        What the network calls it.
    """


class SpatialDropout1D(Identity):
    """Silences random channels of a sequence in training, and does nothing here.

    Parameters
    ----------
    name : str
        What the network calls it.
    """


class SpatialDropout2D(Identity):
    """Silences random channels of an image in training, and does nothing here.

    Parameters
    ----------
    name : str
        What the network calls it.
    """


class SpatialDropout3D(Identity):
    """Silences random channels of a volume in training, and does nothing here.

    Parameters
    ----------
    name : str
        What the network calls it.
    """


class AlphaDropout(Identity):
    """Sets random units to SELU's lower limit in training, and does nothing here.

    Parameters
    ----------
    name : str
        What the network calls it.
    """


class GaussianDropout(Identity):
    """Multiplies by random numbers around 1 in training, and does nothing here.

    Parameters
    ----------
    name : str
        What the network calls it.
    """


class GaussianNoise(Identity):
    """Adds random numbers in training, and does nothing here.

    Parameters
    ----------
    name : str
        What the network calls it.
    """


class ActivityRegularization(Identity):
    """Adds to the loss in training, and does nothing here.

    Parameters
    ----------
    name : str
        What the network calls it.
    """
