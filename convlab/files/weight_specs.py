"""The weights that an architecture asks of a file."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from convlab.errors import WeightsError
from convlab.runtime.arrays import Shape

__all__ = ["Image", "LayerWeights", "Rows", "WantedWeights", "change_of_order", "check_rows", "rows_in_order"]

Image: TypeAlias = tuple[int, ...]  # (H, W, C), or (D, H, W, C)
Rows: TypeAlias = Image | str


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
        For a layer behind a Flatten: the (H, W, C), or (D, H, W, C), that was flattened. In PyTorch and in OIHW files
        it was (C, H, W), which no shape betrays; with this, the rows of the kernel are put in order. Text,
        "'cat' (Concatenate)", names the layer behind which the order cannot be told.
    keras_name
        What Keras calls it where that is another name: "conv1" inside the model "encoder".
    layers
        The layers of a nested model, in Keras' order, with those that have no weights: Keras 3 counts them.
    written
        The class that the file's author used, where that has another name today, or is around it: "TimeDistributed".
    """

    name: str
    kind: str
    shapes: Mapping[str, Shape]
    flattened: Rows | None = None
    keras_name: str = ""
    layers: tuple["LayerWeights", ...] = ()
    written: str = ""

    @property
    def image(self) -> Image | None:
        """The (H, W, C) that was flattened into the rows of its kernel."""
        return None if isinstance(self.flattened, str) else self.flattened

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
class WantedWeights:
    """What a network asks of a file, whoever wrote it.

    Attributes
    ----------
    layers
        Every layer once, in order of execution.
    nested
        The same as Keras sees them, models inside models.
    left_out
        Layers of the full architecture that the network leaves out: not unexpected when the file has them.
    chain
        Whether each layer feeds the next, so that any order of the layers is the order of execution.
    backend
        What ran the network, as far as its architecture says.
    renamed
        Whether files may have other names for its layers, whose order tells them.
    """

    layers: Sequence[LayerWeights]
    nested: Sequence[LayerWeights]
    left_out: Collection[str] = ()
    chain: bool = True
    backend: str | None = None
    renamed: bool = False


def check_rows(path: Path, layers: Iterable[LayerWeights]) -> None:
    """Refuse a file with channels first for a layer to whose inputs that may have given any order."""
    for layer in layers:
        if isinstance(layer.flattened, str):
            raise WeightsError(
                f"{path}: {layer.name}: the order of its rows behind {layer.flattened} cannot be told; load a file of"
                " Keras whose kernels are HWIO"
            )


def rows_in_order(rows: NDArray[np.float32], image: Image) -> NDArray[np.float32]:
    """Return rows (C*H*W, ...) as (H*W*C, ...)."""
    *sides, channels = image
    first = rows.reshape(channels, *sides, *rows.shape[1:])
    return np.moveaxis(first, 0, len(sides)).reshape(rows.shape)


def change_of_order(image: Image) -> str:
    """Return what `rows_in_order` does, "CHW -> HWC", in words for a receipt."""
    sides = "DHW"[-len(image) + 1 :]
    return f"C{sides} -> {sides}C"
