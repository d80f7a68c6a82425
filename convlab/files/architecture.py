"""What is known of a network before its weights are read."""

from collections.abc import Iterable
from dataclasses import dataclass

from convlab.files.keras.order import keras_order
from convlab.model.model import Model

__all__ = ["Architecture", "KerasLayer"]


@dataclass(frozen=True)
class KerasLayer:
    """A layer as Keras sees it, which is how a file holds its weights.

    Attributes
    ----------
    name, kind
        Keras' own name and class, in today's spelling: "conv1", "Conv2D".
    layer
        The name of the convlab layer it became; None for inputs and for models.
    layers
        Of a model that is used as a layer: its own, in the order of its config.
    written
        Its class in the file's own spelling, where that is another, or is around it: "TimeDistributed".
    """

    name: str
    kind: str
    layer: str | None
    layers: tuple["KerasLayer", ...] = ()
    written: str = ""


@dataclass(frozen=True)
class Architecture:
    """A network without its weights, and its layers as Keras sees them.

    Attributes
    ----------
    neutral, precision, guessed
        What the receipt is to say of options that change nothing, of types that are not float32, and of what depends
        on what ran the network where its file does not say that.
    backend
        What ran the network, as far as its config says.
    left_out
        Names of layers that belong to the architecture, and not to this network: files may hold them.
    renamed
        Whether its published files have other names for its layers, whose order tells them.
    """

    model: Model
    layers: tuple[KerasLayer, ...]
    neutral: tuple[str, ...] = ()
    precision: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    backend: str | None = None
    left_out: tuple[str, ...] = ()
    renamed: bool = False

    @classmethod
    def of(cls, model: Model, left_out: Iterable[str] = (), renamed: bool = False) -> "Architecture":
        """Return a network, whose layers Keras calls as they are called here."""
        layers = (KerasLayer(name, type(model[name]).__name__, name) for name in keras_order(model.graph))
        return cls(model, tuple(layers), left_out=tuple(left_out), renamed=renamed)
