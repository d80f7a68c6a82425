"""Layers of an .h5 file whose names are not the network's: taken by their order, as Keras' `load_weights` takes all.

Keras' published files were saved under other names than its networks have today: the numbers of layers without a name
began at 1, a classifier was called otherwise.
"""

import re
from collections.abc import Sequence

from convlab.files.keras.weights.contents import LayerWeights, Stored
from convlab.storage import hdf5

__all__ = ["by_order"]

NUMBER = re.compile(r"_\d+$")


def by_order(found: dict[str, Stored], layers: Sequence[LayerWeights]) -> dict[str, Stored]:
    """Return what a file holds by the network's names, where the order alone tells them: else by its own names.

    That is where both have as many layers, of the same shapes one after the other, and no name contradicts it.

    Parameters
    ----------
    found
        The arrays by the name of their layer, in the order of the file.
    layers
        What is asked for, in Keras' order.
    """
    wanted = [layer for layer in layers if layer.has_weights]
    names = {layer.name for layer in wanted}
    if found.keys() == names or len(found) != len(wanted) or any(layer.layers for layer in wanted):
        return found
    pairs = list(zip(wanted, found, strict=True))
    strange = all(_may_be(layer.name, name, names, found) and _fits(layer, found[name]) for layer, name in pairs)
    return {layer.name: found[name] for layer, name in pairs} if strange else found


def _may_be(wanted: str, name: str, names: set[str], found: dict[str, Stored]) -> bool:
    """Return whether a layer may be what the file calls so: no name is another's, numbers apart."""
    if NUMBER.sub("", wanted) == NUMBER.sub("", name):
        return True
    return name not in names and wanted not in found


def _fits(layer: LayerWeights, stored: Stored) -> bool:
    shapes = [hdf5.get_dataset(stored.group, path) for path in stored.paths]
    return sorted(one.shape for one in shapes if one is not None) == sorted(layer.shapes.values())
