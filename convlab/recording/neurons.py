"""The strongest single units of a layer."""

from typing import NamedTuple

import numpy as np

from convlab.errors import ShapeError
from convlab.runtime.arrays import Array


class Neuron(NamedTuple):
    """One unit: its value, and where it is, (y, x, channel) in a layer of maps or (unit,) in a dense one."""

    value: float
    index: tuple[int, ...]  # type: ignore[assignment]  # hides tuple.index, of no use here


def strongest(layer: str, activation: Array, k: int, image: int) -> list[Neuron]:
    """Return the k units of one image of an activation (N, ...) with the largest values, largest first.

    See `Activations.neurons`.
    """
    if not -len(activation) <= image < len(activation):
        raise ShapeError(f"neurons: image {image} of layer {layer!r} is not one of the {len(activation)} recorded")
    if k < 0:
        raise ShapeError(f"neurons: k is {k}, expected 0 or more")
    values = activation[image].reshape(-1)
    numbers = len(values) - int(np.isnan(values).sum())
    best = np.argsort(-values, kind="stable")[: min(k, numbers)]  # NaN is sorted to the end
    places = np.stack(np.unravel_index(best, activation.shape[1:]), axis=1)
    return [Neuron(float(values[i]), tuple(place)) for i, place in zip(best, places.tolist(), strict=True)]
