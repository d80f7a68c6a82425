"""What an architecture asks of a file of weights, and what the file says it holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import h5py

from convlab.layers import Shape

__all__ = ["Contents", "LayerWeights", "Stored"]


@dataclass(frozen=True)
class LayerWeights:
    """What one layer, or one model used as a layer, asks of a file.

    Attributes
    ----------
    name
        The layer's name, "block1_conv1"; in a nested model "encoder/conv1".
    kind
        Its Keras class, "Conv2D".
    shapes
        The shape of each of its arrays, in Keras' order: {"kernel": (3, 3, 3, 64), "bias": (64,)}.
    flattened
        For a dense layer behind a Flatten: the (H, W, C) that was flattened. In OIHW files it was (C, H, W),
        which no shape betrays; with this, the rows of the kernel are put in order.
    keras_name
        What Keras calls it where that is another name: "conv1" inside the model "encoder".
    layers
        The layers of a nested model, in Keras' order, with those that have no weights: Keras 3 counts them.
    """

    name: str
    kind: str
    shapes: Mapping[str, Shape]
    flattened: tuple[int, int, int] | None = None
    keras_name: str = ""
    layers: tuple["LayerWeights", ...] = ()

    @property
    def stored_name(self) -> str:
        """The name that a file knows it by."""
        return self.keras_name or self.name

    def leaves(self, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], "LayerWeights"]]:
        """Yield every layer with weights, itself or inside, with the stored names that lead to it."""
        path = (*above, self.stored_name)
        if self.shapes:
            yield path, self
        for layer in self.layers:
            yield from layer.leaves(path)

    @property
    def has_weights(self) -> bool:
        """Whether it, or a layer inside it, asks for any array."""
        return next(self.leaves(), None) is not None


@dataclass(frozen=True)
class Stored:
    """The arrays of one layer in a file: paths inside a group, in Keras' order."""

    group: h5py.Group
    paths: list[str]


@dataclass(frozen=True)
class Contents:
    """What a file says it holds: its layers that have weights, and whether Theano wrote their kernels."""

    layout: str
    theano: bool
    layers: dict[str, Stored]
