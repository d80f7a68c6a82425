"""The base of all layers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from math import prod
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeAlias

import numpy as np

from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.layers.functions import ACTIVATIONS
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, ArrayLike, Shape, as_floats, kind_of, like, module_of, on_host
from convlab.runtime.once import once
from convlab.wording import unknown
from convlab_kernels.window import Pair, Window
from convlab_kernels.window3d import Window3D

ONE_CELL = Window((1, 1))
Layout: TypeAlias = Literal["any", "axis", "channels_last"] | None
_CLASSES: dict[str, type["Layer"]] = {}


class Held(NamedTuple):
    """Weights by name, and what was made from these very ones: both change at once, whoever computes meanwhile."""

    weights: Mapping[str, Array]
    prepared: dict[Hashable, Any]

    @quiet
    def like(self, name: str, x: Array) -> Any:
        """Return a weight in the type and on the device of x; None if there is none."""
        weight = self.weights.get(name)
        return None if weight is None else like(weight, x)


class Layer(ABC):
    """What all layers share: a name, weights of known shapes, and the shape of what comes out.

    Attributes
    ----------
    name : str
    input_shapes : tuple of shapes
        Of each input, without the batch; known once the layer is built into a model.
    input_shape, output_shape : tuple of int
        The first of them, and what comes out.
    shapes : mapping of str to tuple of int
        The shapes of the weights, in Keras' order.
    window : Window, Window3D, "varies" or None
        The cells of the input that one output sees; None where it sees all of them, "varies" where that is no
        window at an even pace.
    activation : str
        The function applied last ("linear": none).
    arity : int or None
        How many inputs it takes; None: any number from 1 up.
    keeps_order : bool
        Whether each number that it makes belongs where one stands that it is given: what lies in the order of an
        image still does.
    activates : bool
        Whether it is an activation function, and nothing else.
    mixes_channels : bool
        Whether no channel that it makes is about one of those that it is given more than about the others.
    layout : "any", "axis", "channels_last" or None
        What it is to the layer in which order the axes of its input are. "any": nothing, so long as what it is given
        besides are single numbers, and its function sees one number at a time. "axis": nothing but which of them is
        its `axis`. "channels_last": it takes a sequence, an image or a volume, with the channels last; where Keras
        has such a layer, it may have them first. None: anything else.
    main_weight : str or None
        Its weight that is applied last, whose last axes are the output channels; None where there is none, or where
        something comes between it and the output.
    """

    name: str
    input_shapes: tuple[Shape, ...] = ()
    output_shape: Shape = ()
    shapes: Mapping[str, Shape] = MappingProxyType({})
    window: Window | Window3D | Literal["varies"] | None = ONE_CELL
    activation: str = "linear"
    arity: ClassVar[int | None] = 1
    keeps_order: ClassVar[bool] = False
    activates: ClassVar[bool] = False
    mixes_channels: ClassVar[bool] = False
    layout: ClassVar[Layout] = None
    main_weight: ClassVar[str | None] = None
    _held: Held

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the class be found by its name."""
        super().__init_subclass__(**options)
        _CLASSES.setdefault(cls.__name__, cls)

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make a layer that holds nothing yet."""
        layer = super().__new__(cls)
        layer._held = Held({}, {})
        return layer

    @property
    def kind(self) -> str:
        """The name of its class; of a layer around another, of both."""
        return type(self).__name__

    @property
    def input_shape(self) -> Shape:
        """Shape of the (first) input, without the batch."""
        return self.input_shapes[0] if self.input_shapes else ()

    def build(self, *input_shapes: Shape) -> Shape:
        """Fix the input shapes, and with them the weights' shapes; return the output shape."""
        self.input_shapes = input_shapes
        try:
            self.check_inputs()
            self._fix_shapes(self.weight_shapes())
            self.output_shape = self.infer_shape()
        except ShapeError as error:
            shapes = " and ".join(map(str, input_shapes))
            raise ShapeError(f"layer {self.name!r} on an input of {shapes}: {error}") from None
        return self.output_shape

    def check_inputs(self) -> None:
        """Raise ShapeError unless there are as many inputs as the layer takes."""
        if self.arity is None and not self.input_shapes:
            raise ShapeError("no inputs, expected at least 1")
        if self.arity is not None and len(self.input_shapes) != self.arity:
            raise ShapeError(f"{len(self.input_shapes)} inputs, expected {self.arity}")

    def _fix_shapes(self, shapes: dict[str, Shape]) -> None:
        if self.shapes and shapes != self.shapes:
            raise ShapeError(f"needs weights of {shapes}, but an earlier call of the layer has {self.shapes}")
        self.shapes = shapes

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shapes of the weights for `self.input_shape`, in Keras' order."""
        return {}

    def infer_shape(self) -> Shape:
        """Return the output shape for `self.input_shape`."""
        return self.input_shape

    def multiply_adds(self, output_shape: Shape) -> int:
        """Products of an input with a weight that it takes to compute one image's output."""
        return 0

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(map(prod, self.shapes.values()))

    @property
    def weights(self) -> Mapping[str, Array]:
        """The weights by name, read-only; `set_weights` changes them."""
        return MappingProxyType(self._weighted().weights)

    def _weighted(self) -> Held:
        """Return what the layer holds; WeightsError where weights are needed and there are none."""
        if self.shapes and not self._held.weights:
            raise WeightsError(
                f"layer {self.name!r} has no weights: give convlab.load a file with weights=..., or 0 for random ones"
            )
        return self._held

    def weight_as(self, name: str, x: Array) -> Any:
        """Return a weight in the type and on the device of the input, which decide; None if there is none.

        What was copied to a GPU is kept there.
        """
        if module_of(x) is not np:
            return self.prepared(name, x, lambda weight: weight)
        held = self._weighted()
        weight = held.weights.get(name)
        return weight if weight is None or weight.dtype == x.dtype else held.like(name, x)

    def prepared(self, name: str, x: Array, make: Callable[[Any], Any], *how: Hashable) -> Any:
        """Return what `make` makes of a weight in the type and on the device of x.

        It is kept for each `how`, until the weights change.
        """
        held = self._weighted()
        return once(held.prepared, (name, kind_of(x), *how), lambda: make(held.like(name, x)))

    def option_as(self, name: str, x: Array) -> Any:
        """Return an option that is an array in the type and on the device of the input, once made and kept."""
        return once(self._held.prepared, (name, kind_of(x)), lambda: like(getattr(self, name), x))

    def set_weights(self, **weights: ArrayLike) -> None:
        """Replace the named weights. A read-only array that owns its numbers is kept, any other is copied."""
        kept = dict(self._held.weights)
        for name, array in weights.items():
            if name not in self.shapes:
                raise WeightsError(f"layer {self.name!r}: {unknown('weight', name, self.shapes)}")
            floats = on_host(as_floats(array)[0])
            if floats.shape != self.shapes[name]:
                raise WeightsError(
                    f"layer {self.name!r}: {name} has shape {floats.shape}, expected {self.shapes[name]}"
                )
            owned = not floats.flags.writeable and floats.base is None  # nobody can write to it, here or elsewhere
            kept[name] = floats if owned else floats.copy()
            kept[name].flags.writeable = False
        if missing := [name for name in self.shapes if name not in kept]:
            raise WeightsError(f"layer {self.name!r}: {', '.join(missing)} not given")
        self._held = Held(kept, {})

    def drop_prepared(self) -> None:
        """Forget what was prepared from the weights; it is prepared again when it is needed."""
        self._held = Held(self._held.weights, {})

    @abstractmethod
    def __call__(self, x: Array, /) -> Array:
        """Compute a batch: (N, *input_shape) -> (N, *output_shape)."""


def class_of(kind: str) -> type[Layer]:
    """Return the class of a layer of that kind, of the inner one where one is around another; Layer if it is unknown.

    A recording tells the kinds of its layers, and may be read where the network is not.
    """
    return _CLASSES.get(kind.rpartition("(")[2].rstrip(")"), Layer)


class Spatial(Layer):
    """A layer on sequences, images or volumes, with the channels last."""

    layout: ClassVar[Layout] = "channels_last"


class Activated(Layer):
    """A layer with an activation function of its own after what it computes."""

    @abstractmethod
    def linear(self, x: Array) -> Array:
        """Compute the batch without the activation function."""

    def __call__(self, x: Array) -> Array:
        """Compute the batch: (N, *input_shape) -> (N, *output_shape)."""
        return ACTIVATIONS[self.activation](self.linear(x))


def check_activation(layer: Layer) -> None:
    """Raise UnsupportedError unless the layer's activation function is known."""
    if layer.activation not in ACTIVATIONS:
        raise UnsupportedError(f"layer {layer.name!r}: {unknown('activation', layer.activation, ACTIVATIONS)}")


def image_size(shape: Shape) -> Pair:
    """Return (H, W) of an image's shape (H, W, C); ShapeError for another."""
    if len(shape) != 3:
        raise ShapeError("expected (H, W, C)")
    return shape[0], shape[1]
