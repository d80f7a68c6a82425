"""Layers that do something only while a network is trained."""

from dataclasses import dataclass

from convlab.layers.base import Layer
from convlab.runtime.arrays import Array


@dataclass(eq=False)
class Identity(Layer):
    """What goes in comes out."""

    name: str

    def __call__(self, x: Array) -> Array:
        """Return x itself."""
        return x


class Dropout(Identity):
    """Silences random units in training."""


class SpatialDropout1D(Identity):
    """Silences random channels of a row in training."""


class SpatialDropout2D(Identity):
    """Silences random channels of an image in training."""


class SpatialDropout3D(Identity):
    """Silences random channels of a volume in training."""


class AlphaDropout(Identity):
    """Sets random units to SELU's lower limit in training."""


class GaussianDropout(Identity):
    """Multiplies by random numbers around 1 in training."""


class GaussianNoise(Identity):
    """Adds random numbers in training."""


class ActivityRegularization(Identity):
    """Adds to the loss in training."""
