"""Calls of Keras' layers turned into a graph of convlab's, one after the other."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import Any, NoReturn

from convlab.errors import LayerNameError, ShapeError, UnsupportedError, WeightsError
from convlab.files.keras.config.axes import dims_between_forms, moved_shape
from convlab.files.keras.config.calls import Inliner, Step
from convlab.files.keras.config.channels_first import (
    Tensor,
    is_along_an_axis,
    is_channels_first,
    moved_inputs,
    takes_moved,
)
from convlab.files.keras.config.function_options import FunctionOptions
from convlab.files.keras.config.graph import LayerConfig, ModelConfig
from convlab.files.keras.config.layers import LAYERS
from convlab.files.keras.config.masks import HEEDING, mask_on
from convlab.files.keras.config.operations import OPERATIONS
from convlab.files.keras.config.options import Options, is_list, is_whole, shown
from convlab.layers import Lambda, Layer, Permute, over_time
from convlab.layers.base import Walk
from convlab.model.graph import Graph, GraphBuilder
from convlab.model.nodes import Node
from convlab.runtime.arrays import Shape
from convlab.wording import say, unknown
from convlab_kernels.window import Window
from convlab_kernels.window3d import Window3D

Functions = Mapping[str, Callable[[Any], Any]]
LAMBDA = "Lambda"
LARGEST = 2**40  # numbers in one activation: more is a mistake, or a trap
LARGEST_LAYER = 2**31  # numbers in the weights of one layer
AXES = 8  # of one activation; NumPy ends at 64


class Builder:
    """Builds one graph; knows the file's name for messages, and the major version of Keras that wrote it.

    Attributes
    ----------
    neutral : dict
        Options that no layer here reads, at a value that changes nothing, "groups=1", and the layers that have them.
    precisions : dict
        Types other than float32 that the file computes in, "mixed_float16", and the layers.
    guessed : dict
        What depends on what ran the network, where nobody says that, and the layers.
    """

    nodes: GraphBuilder

    def __init__(self, where: str, keras: int, functions: Functions, backend: str | None = None) -> None:
        self.where, self.keras, self.functions, self.backend = where, keras, functions, backend
        self.tensors: dict[str, Tensor] = {}
        self.layers: dict[str, Layer] = {}
        self.made_from: dict[str, LayerConfig] = {}
        self.forms: dict[str, bool] = {}
        self.masks: dict[str, str] = {}
        self.neutral: defaultdict[str, list[str]] = defaultdict(list)
        self.precisions: defaultdict[str, list[str]] = defaultdict(list)
        self.guessed: defaultdict[str, list[str]] = defaultdict(list)

    @contextmanager
    def naming_file(self) -> Iterator[None]:
        """Put the file's name before what is said of the network."""
        try:
            yield
        except (LayerNameError, ShapeError, UnsupportedError) as error:
            raise type(error)(f"{self.where}: {error}") from None

    def damaged(self, what: str) -> NoReturn:
        """Raise WeightsError."""
        raise WeightsError(f"{self.where}: the model's config is damaged: {what}")

    def graph(self, config: ModelConfig, inliner: Inliner, input_shape: Shape | None) -> Graph:
        """Return the network's graph; `input_shape` replaces that of a single input."""
        if input_shape is not None and len(inliner.inputs) > 1:
            raise ShapeError(f"{self.where}: input_shape is for one input, found {', '.join(inliner.inputs)}")
        moved = moved_inputs(inliner.steps)
        for name in inliner.inputs:
            shape = self.input_shape(name, config.layers.get(name), name in moved, input_shape)
            self.check_size(name, shape)
            self.tensors[name] = Tensor(name, shape, name in moved and len(shape) > 1)
        with self.naming_file():
            self.nodes = GraphBuilder(config.name, {name: tensor.shape for name, tensor in self.tensors.items()})
        for step in inliner.steps:
            self.add(step)
        self.check_functions(inliner.steps)
        for name in inliner.outputs:
            if name in self.nodes.inputs:
                raise UnsupportedError(f"{self.where}: output {shown(name)} is an input: there is nothing to compute")
        with self.naming_file():
            return self.nodes.graph(dict.fromkeys(inliner.outputs))

    def input_shape(self, name: str, layer: LayerConfig | None, moved: bool, given: Shape | None) -> Shape:
        """Return an input's shape as convlab has it, without the batch."""
        if layer is None or layer.kind != "InputLayer":
            self.damaged(f"it has no input {shown(name)}")
        shape = layer.options.get("batch_shape")
        options = Options(self.where, name, layer.kind, layer.options, 0, moved, self.keras)
        options.take("optional", None)  # whether None will do, too
        options.refuse_rest()
        if given is not None:
            if not is_list(given) or not given or not all(is_whole(n, 1) for n in given):
                raise ShapeError(f"{self.where}: input_shape is {shown(given)}, expected (H, W, C)")
            return tuple(given)
        if shape is None:
            raise UnsupportedError(f"{self.where}: input {shown(name)} has no shape: give {_a_shape()}")
        if not is_list(shape) or len(shape) < 2 or not all(n is None or is_whole(n, 1) for n in shape):
            self.damaged(f"the shape of input {shown(name)} is {shown(shape)}, expected [null, H, W, C]")
        if None in shape[1:]:
            raise UnsupportedError(
                f"{self.where}: input {shown(name)} has the shape {shown(tuple(shape))} with open sides:"
                f" give {_a_shape()}"
            )
        own = tuple(shape[1:])
        return moved_shape(own) if moved else own

    def add(self, step: Step) -> None:
        """Add the nodes of a call: one, but for an activation that needs a node of its own."""
        inputs = [self.tensors[name] for name in step.inputs]
        if not inputs:
            self.damaged(f"layer {shown(step.layer)} takes nothing")
        self.mask(step)
        moved = self.forms.setdefault(step.layer, takes_moved(step, inputs))
        after = step.config.after or _along_an_axis(step.config, moved)
        if after is None:
            self.call(step, inputs, moved)
            return
        options = {**step.config.options, "activation": None}
        linear = replace(step, node=f"{step.node}/linear", config=replace(step.config, options=options, after=None))
        self.call(linear, inputs, moved)
        self.add(Step(step.node, f"{step.layer}/{after.name}", after, (linear.node,), steps=step.steps))

    def mask(self, step: Step) -> None:
        """Follow a mask of steps through a call; refuse a layer that would heed it."""
        source = mask_on(step.config, step.layer, self.masks, step.inputs)
        if source is None:
            return
        if step.config.kind in HEEDING:
            raise UnsupportedError(
                f"{self.where}: layer {shown(step.layer)} ({step.config.kind}) leaves out the steps that layer"
                f" {shown(source)} masks, which convlab does not load; without a mask, it does"
            )
        self.masks[step.node] = source

    def call(self, step: Step, inputs: Sequence[Tensor], moved: bool) -> None:
        """Add the node of a call, and before it what brings its inputs into their form."""
        inputs = [self.arrange(x, moved) for x in inputs]
        if not all(x.shape for x in inputs):
            raise UnsupportedError(
                f"{self.where}: layer {shown(step.layer)} is called on a single number of each picture, which convlab"
                " does not load; keep an axis of size 1"
            )
        if step.steps >= min(len(x.shape) for x in inputs):
            raise ShapeError(
                f"{self.where}: layer {shown(step.layer)} is TimeDistributed, {step.steps} deep, on an input of"
                f" {inputs[0].shape}: expected (T, ...)"
            )
        first = bool(step.steps) and is_channels_first(step.config.kind, step.config.options)
        if first:
            inputs = [self.turn(x, step.steps, "channels_last") for x in inputs]
        if step.layer not in self.layers:
            self.layers[step.layer] = self.make(step, len(inputs[0].shape) + 1 - step.steps, inputs[0].moved)
            self.made_from[step.layer] = step.config
        elif self.made_from[step.layer] != step.config:
            raise UnsupportedError(
                f"{self.where}: two layers, one of them maybe the activation of another, would be named"
                f" {shown(step.layer)}: rename one"
            )
        self.append(step.node, self.layers[step.layer], inputs, moved)
        if first:
            self.tensors[step.node] = self.turn(self.tensors[step.node], step.steps, "channels_first")

    def arrange(self, x: Tensor, moved: bool) -> Tensor:
        """Return a tensor in the moved form, or in Keras' own."""
        rank = len(x.shape)
        if rank < 2 or x.moved == moved:
            return x
        name = f"{x.name}/{'channels_last' if moved else 'channels_first'}"
        if name not in self.tensors:
            self.append(name, Permute(name, dims_between_forms(rank, moved)), [x], moved)
        return self.tensors[name]

    def turn(self, x: Tensor, steps: int, form: str) -> Tensor:
        """Return a tensor of steps, whose channels Keras has first, with the channels of each last, or back again."""
        rank = len(x.shape) - steps
        if rank < 2:
            return x
        name = f"{x.name}/{form}"
        if name not in self.tensors:
            dims = (axis + steps for axis in dims_between_forms(rank, form == "channels_last"))
            self.append(name, Permute(name, (*range(1, steps + 1), *dims)), [x], moved=False)
        return self.tensors[name]

    def append(self, name: str, layer: Layer, inputs: Sequence[Tensor], moved: bool) -> None:
        """Add a node."""
        with self.naming_file():
            node = self.nodes.add(Node(name, layer, tuple(x.name for x in inputs)))
        if layer.parameters > LARGEST_LAYER:
            raise ShapeError(
                f"{self.where}: layer {shown(layer.name)} has {layer.parameters:,} weights,"
                f" expected at most {LARGEST_LAYER:,}"
            )
        self.check_size(layer.name, node.output_shape)
        self.check_size(layer.name, _padded(node.input_shapes[0], node.window))
        self.tensors[name] = Tensor(name, node.output_shape, moved and len(node.output_shape) > 1)

    def check_size(self, name: str, shape: Shape) -> None:
        """Refuse an input, or what a layer makes of one, that is too large or has too many axes."""
        if len(shape) > AXES:
            raise ShapeError(f"{self.where}: {shown(name)} has {len(shape):,} axes, expected at most {AXES}")
        if prod(shape) > LARGEST:
            raise ShapeError(
                f"{self.where}: {shown(name)} would make {prod(shape):,} numbers of one input,"
                f" expected at most {LARGEST:,}"
            )

    def make(self, step: Step, rank: int, moved: bool) -> Layer:
        """Make a layer from its options; refuse what is set and not known."""
        config, title = step.config, step.config.function or step.config.kind
        values = self.interpolated(step.layer, config.options)
        kind = FunctionOptions if config.function else Options
        options = kind(self.where, config.name, title, values, rank, moved, self.keras)
        makers: Mapping[str, Callable[[str, Any], Layer]] = OPERATIONS if config.kind in OPERATIONS else LAYERS
        try:
            if config.kind == LAMBDA:
                options.ignore_rest()
                return over_time(Lambda(step.layer, self.function(step.layer)), step.steps)
            made = makers[config.kind](step.layer, options)
        except (ShapeError, UnsupportedError) as error:
            named = str(error).startswith(f"{self.where}: ")
            raise error if named else type(error)(f"{self.where}: {error}") from None
        self.note(step.layer, options)
        return over_time(made, step.steps)

    def interpolated(self, name: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a layer's options with the interpolation that "bicubic" was on what ran the network."""
        if values.get("interpolation") != "bicubic":
            return values
        if self.keras > 2 and self.backend is None:
            self.guessed["interpolation='bicubic'"].append(name)
        return {**values, "interpolation": "bicubic_torch"} if self.backend == "torch" else values

    def function(self, name: str) -> Callable[[Any], Any]:
        """Return what the user gave for a layer whose function is Python code in the file."""
        if name not in self.functions:
            raise UnsupportedError(
                f"layer {shown(name)} is a Lambda, whose function is code, and convlab runs none from a file; in"
                f" Python, give one that does the same to an array: convlab.load(..., functions={{{shown(name)}: f}})"
            )
        return self.functions[name]

    def check_functions(self, steps: Sequence[Step]) -> None:
        """Refuse a function for a layer that is no Lambda."""
        known = list(dict.fromkeys(step.layer for step in steps if step.config.kind == LAMBDA))
        for name in self.functions:
            if name not in known:
                raise LayerNameError(f"{self.where}: functions: {unknown('Lambda layer', name, known)}")

    def note(self, name: str, options: Options) -> None:
        """Keep what is said on the receipt of a layer's options."""
        for option in options.refuse_rest():
            self.neutral[option].append(name)
        precision = options.precision()
        if precision not in (None, "float32"):
            self.precisions[str(precision)].append(name)


def _padded(shape: Shape, window: Walk) -> Shape:
    """Return the shape of a layer's input with the cells that a window needs around it."""
    if isinstance(window, Window) and len(shape) in (2, 3):
        height, width, channels = (1, *shape)[-3:]
        (top, bottom), (left, right) = window.pads((height, width))
        return top + height + bottom, left + width + right, channels
    if isinstance(window, Window3D):
        depth, height, width, channels = shape
        pads = window.pads((depth, height, width))
        return (*(before + n + after for (before, after), n in zip(pads, shape, strict=False)), channels)
    return shape


def _along_an_axis(config: LayerConfig, moved: bool) -> LayerConfig | None:
    """Return, as a layer, an activation function along Keras' last axis where that is not our last, or glu."""
    function: Any = config.options.get("activation")
    if config.kind == "Activation" or not is_along_an_axis(function) or not (moved or function == "glu"):
        return None
    return LayerConfig(function, "Activation", {"activation": function}, ())


def _a_shape() -> str:
    return say("input_shape=(H, W, C)", "--input-shape H,W,C")
