"""The base of all layers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from copy import copy
from dataclasses import is_dataclass
from math import prod
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeAlias

import numpy as np

from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.layers.described import Described
from convlab.layers.functions import ACTIVATIONS
from convlab.layers.html import weights_table
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, ArrayLike, Shape, as_floats, kind_of, like, module_of, on_host
from convlab.runtime.once import once
from convlab.wording import say, unknown
from convlab_kernels.window import Window
from convlab_kernels.window3d import Window3D

ONE_CELL = Window((1, 1))
Layout: TypeAlias = Literal["any", "axis", "channels_last"] | None
KernelAxes: TypeAlias = Literal["IO", "OI", "CM"]
Walk: TypeAlias = Window | Window3D | Literal["varies"] | None
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


class Layer(Described, ABC):
    """What all layers share: a name, options, and weights of known shapes.

    Nothing of a call is kept. What depends on the inputs is a function of their shapes, which leave out the batch: of
    one shape where a layer has one input, else of as many as it has inputs.

    Attributes
    ----------
    name : str
    shapes : mapping of str to tuple of int
        The shapes of the weights, in Keras' order; known once the layer is built into a model.
    window : Window, Window3D, "varies" or None
        The cells of the input that one output sees; None where it sees all of them, "varies" where that is no
        window at an even pace. Where the input's shape decides, `window_on` says it.
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
    reshapes : bool
        Whether it does no more than give the same numbers another shape.
    kernel_axes : "IO", "OI" or "CM"
        The last axes of its kernel: those of the inputs and of the outputs, or the other way round; or the channels
        and how many are made of each.
    main_weight : str or None
        Its weight that is applied last, whose last axes are the output channels; None where there is none, or where
        something comes between it and the output.
    positive_weights : tuple of str
        Those that mean nothing below 0, such as a variance.
    """

    name: str
    shapes: Mapping[str, Shape] = MappingProxyType({})
    window: Walk = ONE_CELL
    activation: str = "linear"
    arity: ClassVar[int | None] = 1
    keeps_order: ClassVar[bool] = False
    activates: ClassVar[bool] = False
    mixes_channels: ClassVar[bool] = False
    layout: ClassVar[Layout] = None
    reshapes: ClassVar[bool] = False
    kernel_axes: ClassVar[KernelAxes] = "IO"
    main_weight: ClassVar[str | None] = None
    positive_weights: tuple[str, ...] = ()
    edits: ClassVar[object] = object()  # another one whenever an option or weights of any layer were set
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

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an option, or what the layer holds."""
        super().__setattr__(name, value)
        Layer.edits = object()

    def __post_init__(self) -> None:
        """Check the options, and parse them, where a layer has some; called again where one is changed."""

    def build(self, *input_shapes: Shape) -> Shape:
        """Check the input shapes, fix the weights' shapes, and return the output shape."""
        try:
            self.check_inputs(*input_shapes)
            self._fix_shapes(self.weight_shapes(*input_shapes))
            return self.infer_shape(*input_shapes)
        except ShapeError as error:
            shapes = " and ".join(map(str, input_shapes))
            raise ShapeError(f"layer {self.name!r} on an input of {shapes}: {error}") from None

    def check_inputs(self, *shapes: Shape) -> None:
        """Raise ShapeError unless there are as many inputs as the layer takes."""
        if self.arity is None and not shapes:
            raise ShapeError("no inputs, expected at least 1")
        if self.arity is not None and len(shapes) != self.arity:
            raise ShapeError(f"{len(shapes)} inputs, expected {self.arity}")

    def _fix_shapes(self, shapes: dict[str, Shape]) -> None:
        if not self.shapes:
            self.shapes = shapes
        elif shapes != self.shapes:
            raise ShapeError(f"needs weights of {shapes}, but an earlier call of the layer has {self.shapes}")

    def weight_shapes(self, shape: Shape, /) -> dict[str, Shape]:
        """Return the shapes of the weights, in Keras' order."""
        return {}

    def infer_shape(self, shape: Shape, /) -> Shape:
        """Return the output shape."""
        return shape

    def window_on(self, shape: Shape, /) -> Walk:
        """Return the cells of the input that one output sees, as `window` says it."""
        return self.window

    def multiply_adds(self, shape: Shape, /) -> int:
        """Products of an input with a weight that it takes to compute one image's output."""
        return 0

    def fan_in(self, weight: str, shape: Shape, /) -> float:
        """Return how many products a kernel adds up for one output: those along all its axes but the last."""
        return prod(self.weight_shapes(shape)[weight][:-1])

    def _repr_html_(self) -> str:
        return weights_table(f"{self!r}: {self.parameters:,} parameters", self._held.weights)

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(map(prod, self.shapes.values()))

    @property
    def weights(self) -> Mapping[str, Array]:
        """The weights by name, read-only; `set_weights` changes them."""
        return MappingProxyType(self._weighted().weights)

    def get_weights(self) -> list[Array]:
        """Return the weights in a list, as Keras does; `weights` has them by name."""
        return [self.weights[name] for name in self.shapes if name in self.weights]

    def _weighted(self) -> Held:
        """Return what the layer holds; WeightsError where weights are needed and there are none."""
        if self.shapes and not self._held.weights:
            which = say("convlab.load a file with weights=...", "a file with --weights")
            raise WeightsError(f"layer {self.name!r} has no weights: give {which}, or 0 for random ones")
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

    def altered(
        self,
        weights: Mapping[str, ArrayLike] | None = None,
        shapes: Mapping[str, Shape] | None = None,
        **options: Any,
    ) -> Self:
        """Return a layer like this one but for some weights, their shapes, and options; this one stays as it is.

        All other weights are shared, and so is what was prepared, unless weights change, or an option that it may
        have been made with: any but the activation function, which is applied last.
        """
        other = copy(self)
        if shapes is not None:
            other.shapes = shapes
        if options:
            if not is_dataclass(self):
                raise UnsupportedError(f"layer {self.name!r} is a {self.kind}, whose options cannot be altered")
            vars(other).update(options)
            other.__post_init__()
        if options.keys() - {"activation"}:
            other.drop_prepared()
        if weights:
            other.set_weights(**weights)
        return other

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient by each input, from that by the output: what the layer's derivative makes of it.

        Parameters
        ----------
        gradient : array (N, *output shape)
        inputs : tuple of arrays
            What the layer was given.
        output : array
            What it made of them.

        Raises
        ------
        UnsupportedError
            For a layer that has no derivative, or none that convlab knows.
        """
        if self.reshapes:
            return (gradient.reshape(inputs[0].shape),)
        raise UnsupportedError(f"layer {self.name!r} is a {self.kind}, through which convlab has no gradient")

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


class SeveralInputs(Layer):
    """A layer of several inputs, or any number: what depends on their shapes takes as many."""

    def weight_shapes(self, *_: Shape) -> dict[str, Shape]:
        """Return none."""
        return {}

    @abstractmethod
    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return the output shape."""

    def window_on(self, *_: Shape) -> Walk:
        """Return the cells of each input that one output sees, as `window` says it."""
        return self.window

    def multiply_adds(self, *_: Shape) -> int:
        """Products of two inputs, or of an input with a weight, that it takes to compute one image's output."""
        return 0

    def fan_in(self, weight: str, *shapes: Shape) -> float:
        """Return how many products a kernel adds up for one output: those along all its axes but the last."""
        return prod(self.weight_shapes(*shapes)[weight][:-1])

    @abstractmethod
    def __call__(self, *inputs: Array) -> Array:
        """Compute a batch of the inputs: (N, *shape) each."""


class Pooling(Spatial):
    """What pooling layers share, over a window or over all."""


class Activated(Layer):
    """A layer with an activation function of its own after what it computes."""

    @abstractmethod
    def linear(self, x: Array) -> Array:
        """Compute the batch without the activation function."""

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Return the gradient by the input, from that by what `linear` makes of it."""
        raise UnsupportedError(f"layer {self.name!r} is a {self.kind}, through which convlab has no gradient")

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Pull back through the activation function, then through what comes before it."""
        (x,) = inputs
        before = ACTIVATIONS[self.activation].pull_back(gradient, output, lambda: self.linear(x))
        return (self.pull_back_linear(before, x),)

    def __call__(self, x: Array) -> Array:
        """Compute the batch: (N, *input_shape) -> (N, *output_shape)."""
        return ACTIVATIONS[self.activation](self.linear(x))
