"""Arrays that were read from a file become a network's weights."""

from collections.abc import Mapping

from convlab.model.model import Model
from convlab.model.receipt import Receipt
from convlab.runtime.arrays import Array

__all__ = ["adopt"]


def adopt(model: Model, arrays: Mapping[str, Mapping[str, Array]], receipt: Receipt) -> None:
    """Give a network arrays by layer and name, which nobody else holds: they are kept, not copied."""
    for name, by_role in arrays.items():
        for array in by_role.values():
            array.flags.writeable = False  # so the layer need not copy it
        model[name].set_weights(**by_role)
    model.receipt = receipt
