"""What every method of attribution returns: the values as they were computed, and what they are of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convlab.errors import UnsupportedError
from convlab.model.model import Model
from convlab.model.receptive_field import Field
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array

Progress = Callable[[int, int], None]
"""What a function that takes long is given to call after each step, with how many are done and of how many."""


@dataclass(frozen=True, eq=False, repr=False)
class Attribution:
    """Where in an input, or in a layer, a number comes from, by one method. Nothing is normalised.

    Attributes
    ----------
    values : array (N, H', W'), or (N, ...) in the shape of the input
        In the cells of the layer; signed, unless the method says otherwise.
    method : str
        "grad_cam", ...
    target : str
        The number: "class 6 (Shirt)".
    layer : str
        The layer, or input, in whose cells the values lie.
    note : str
        What was done.
    acts : Activations
        The recording.
    network : Model
    numbers : dict of str to float
        What the method says of itself: of integrated gradients, by how much they miss completeness.
    """

    values: Array
    method: str
    target: str
    layer: str
    note: str
    acts: Activations
    network: Model
    numbers: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.method} of {self.target} in {self.network.title}, by {self.layer}: {self.values.shape}>"

    @property
    def told(self) -> str:
        """What was done, with the numbers."""
        numbers = (f"{name.replace('_', ' ')} {value:.2g}" for name, value in self.numbers.items())
        return "; ".join([self.note, *numbers])

    @property
    def maps(self) -> Array:
        """The values as maps (N, H', W'): of an input the sum over its channels."""
        return self.values if self.values.ndim == 3 else self.values.sum(axis=-1)

    @property
    def source(self) -> str | None:
        """The input that the layer sees; None where it sees several."""
        return self.network.graph.inputs_behind[self.layer]

    def at_pixels(self) -> Array:
        """Return the maps at each pixel of the input, (N, H, W): bilinear between the middles of what the units see.

        Where the cells of the layer tile the image this is what others call half-pixel centres (PyTorch's
        `interpolate(align_corners=False)`); a border and an uneven stride are where they are.

        Raises
        ------
        UnsupportedError
            For a layer whose units have no places in the image, or see several inputs.
        """
        seen = self.network.receptive_fields()[self.layer]
        if not self.source or not isinstance(seen, Field) or len(seen.jump) != 2:
            raise UnsupportedError(f"{self.method}: the units of {self.layer!r} have no places in the image")
        maps, size = self.maps, self.network.shapes[self.source][:2]
        for axis, pixels in enumerate(size):
            middle = (seen.start[axis] + seen.end[axis]) / 2
            maps = _between(maps, (np.arange(pixels) - middle) / seen.jump[axis], axis + 1)
        return maps

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        told = {"method": self.method, "target": self.target, "layer": self.layer, "note": self.note}
        return told | {"numbers": self.numbers, "values": self.values.tolist()}


def _between(maps: Array, at: Array, axis: int) -> Array:
    """Return maps at places along an axis, in cells, linearly between them; beyond the ends as there."""
    at = at.clip(0, maps.shape[axis] - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, maps.shape[axis] - 1)
    share = (at - low).reshape([-1 if i == axis else 1 for i in range(maps.ndim)]).astype(maps.dtype)
    return maps.take(low, axis) * (1 - share) + maps.take(high, axis) * share
