"""A network: an ordered graph of named layers that runs, with or without a recording."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from convlab.activations import Activations
from convlab.arrays import Array, as_floats
from convlab.errors import BudgetError, LayerNameError, ShapeError, UnsupportedError
from convlab.geometry import Field
from convlab.layers import ACTIVATIONS, Activated, Layer, Shape
from convlab.names import unknown
from convlab.preprocessing import Preprocessing
from convlab.summary import Summary, summarise

if TYPE_CHECKING:
    from convlab.files.receipt import Receipt

INPUT = "input"
"""The name by which a node refers to the network's input."""

Record = str | Iterable[str] | Callable[[str], bool]


@dataclass(frozen=True)
class Node:
    """One call of a layer. A layer called twice has two nodes: `name` and `name/2`."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]


class Model:
    """A network of layers that are executed in order.

    Attributes
    ----------
    name : str
    input_shape, output_shape : tuple of int
        Without the batch: (H, W, C), (classes,).
    shapes : dict of str to tuple of int
        The output shape of every node, and `INPUT`'s.
    nodes : tuple of Node
        The calls, in order of execution; each input is the name of an earlier node or `INPUT`.
    preprocessing : Preprocessing or None
        How an image becomes an input.
    labels : tuple of str or None
        Names of the outputs.
    receipt : Receipt or None
        What was read from which weight file.
    """

    def __init__(
        self,
        name: str,
        input_shape: Shape,
        nodes: Sequence[Node],
        preprocessing: Preprocessing | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        self.name, self.input_shape, self.nodes = name, _sides(name, input_shape), tuple(nodes)
        self.preprocessing = preprocessing
        self.labels = None if labels is None else tuple(labels)
        self.receipt: Receipt | None = None
        self.shapes = {INPUT: self.input_shape}
        self._layers: dict[str, Layer] = {}
        if not self.nodes:
            raise ShapeError(f"model {name!r} has no layers")
        for node in self.nodes:
            self._build(node)
        if self.labels is not None and self.output_shape != (len(self.labels),):
            raise ShapeError(f"model {name!r}: {len(self.labels)} labels for an output of {self.output_shape}")
        self._last_use = {source: i for i, node in enumerate(self.nodes) for source in node.inputs}

    def _build(self, node: Node) -> None:
        if not node.name.isprintable() or node.name in ("", ".", "..") or node.name.endswith("/pre"):
            raise LayerNameError(f"model {self.name!r}: {node.name!r} cannot be a layer's name")
        if node.name in self.shapes:
            raise ShapeError(f"model {self.name!r}: two layers are named {node.name!r}")
        if self._layers.setdefault(node.layer.name, node.layer) is not node.layer:
            raise ShapeError(f"model {self.name!r}: two layers are named {node.layer.name!r}")
        if len(node.inputs) != 1:
            raise ShapeError(f"model {self.name!r}: layer {node.name!r} has {len(node.inputs)} inputs, it takes 1")
        for source in node.inputs:
            if source not in self.shapes:
                raise ShapeError(
                    f"model {self.name!r}: layer {node.name!r} takes {source!r}, which is no earlier layer"
                )
        self.shapes[node.name] = node.layer.build(*(self.shapes[source] for source in node.inputs))

    @classmethod
    def sequential(cls, name: str, input_shape: Shape, layers: Sequence[Layer], **options: Any) -> "Model":
        """Return the model in which each layer feeds the next."""
        sources = [INPUT, *(layer.name for layer in layers)]
        nodes = [Node(layer.name, layer, (source,)) for layer, source in zip(layers, sources, strict=False)]
        return cls(name, input_shape, nodes, **options)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer once, in order of execution."""
        return tuple(self._layers.values())

    @property
    def output_shape(self) -> Shape:
        """Shape of the last node's output, without the batch."""
        return self.shapes[self.nodes[-1].name]

    def __contains__(self, name: object) -> bool:
        return name in self._layers

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, name: str) -> Layer:
        """Return the layer of that name."""
        if name not in self._layers:
            raise LayerNameError(unknown("layer", name, self._layers))
        return self._layers[name]

    def __repr__(self) -> str:
        """Return one line; the table is `str(model.summary())`."""
        parameters = sum(layer.parameters for layer in self.layers)
        return (
            f"<Model {self.name}: {len(self.layers)} layers, {parameters:,} parameters,"
            f" {self.input_shape} -> {self.output_shape}>"
        )

    def receptive_fields(self) -> dict[str, Field | None]:
        """Return, for each node, the box of the image its units see; None: all of the image."""
        fields: dict[str, Field | None] = {INPUT: Field() if len(self.input_shape) == 3 else None}
        for node in self.nodes:
            before, window = fields[node.inputs[0]], node.layer.window
            size = self.shapes[node.inputs[0]]
            fields[node.name] = before.through(window, (size[0], size[1])) if before and window else None
        return fields

    def summary(self) -> Summary:
        """Return the table of layers: shapes, parameters, multiply-adds, receptive fields."""
        return summarise(self)

    def prepare(self, source: Any, **options: Any) -> Array:
        """Return an image, or a list of them, as the network's input (N, H, W, C) float32.

        `source` is a path, PIL image, array or nested list, or a list of these; for the options (`fit`, `resample`,
        `span`) and the errors see `convlab.files.images.prepare`.
        """
        if self.preprocessing is None:
            raise UnsupportedError(f"model {self.name!r} has no preprocessing: give run() an array of your own")
        from convlab.files.images import prepare

        height, width, channels = self.input_shape
        return prepare(source, (height, width, channels), self.preprocessing, **options)

    def predict(self, x: Any) -> Array:
        """Return the output (N, *output_shape) for x (N, *input_shape), keeping nothing else."""
        x = self._input(x)
        _, _, output = deque(self._execute(x), maxlen=1).pop()
        return _unshared(output, [x])

    def run(self, x: Any, record: Record = "all", *, pre: bool = False, max_bytes: int | None = None) -> Activations:
        """Run the network and keep what its layers compute.

        Parameters
        ----------
        x : array (N, *input_shape)
        record : "all", names, or a function from a name to bool
            Which nodes to keep.
        pre : bool
            Also keep, as `name/pre`, what a kept layer computed before its activation function.
        max_bytes : int, optional
            Refuse (BudgetError), before anything is computed, a recording of more than this.

        Returns
        -------
        Activations
            name -> array, in order of execution.
        """
        x = self._input(x)
        wanted = self._select(record, pre)
        if max_bytes is not None:
            self._check_budget(wanted, x, max_bytes)
        kept: dict[str, Array] = {}
        kinds: dict[str, str] = {}
        source, output = x.copy(), x
        for node, before, output in self._execute(x, wanted):
            for name, array in ((f"{node.name}/pre", before), (node.name, output)):
                if array is not None and name in wanted:
                    kept[name] = _unshared(array, [x, *kept.values()])
                    kinds[name] = type(node.layer).__name__
        last = self.nodes[-1]
        return Activations(
            kept,
            kinds,
            input=source,
            output=kept[last.name] if last.name in kept else _unshared(output, [x, *kept.values()]),
            model=self.name,
            preprocessing=self.preprocessing,
            labels=self.labels,
            activation=last.layer.activation,
        )

    def _execute(self, x: Array, wanted: Iterable[str] = ()) -> Iterator[tuple[Node, Array | None, Array]]:
        """Yield (node, value before its activation if wanted, value), forgetting values nobody needs any more."""
        values = {INPUT: x}
        for i, node in enumerate(self.nodes):
            inputs = [values[source] for source in node.inputs]
            before, after = _call(node.layer, inputs, f"{node.name}/pre" in wanted)
            values[node.name] = after
            for source in node.inputs:
                if self._last_use[source] == i:
                    values.pop(source, None)
            yield node, before, after

    def _input(self, x: Any) -> Array:
        if isinstance(x, str | PathLike):
            raise ShapeError(f"model {self.name!r}: {x!s} is no array; model.prepare makes one from a picture")
        (x,) = as_floats(x)
        if x.shape[1:] != self.input_shape:
            raise ShapeError(
                f"model {self.name!r}: input has shape {x.shape}, expected (N, {str(self.input_shape)[1:]};"
                " model.prepare makes one from a picture"
            )
        if self.preprocessing is not None:
            self.preprocessing.check(x)
        return x

    def _select(self, record: Record, pre: bool) -> dict[str, Shape]:
        """Return name -> shape of what is to be kept, in order of execution."""
        names = {}
        for node in self.nodes:
            if _has_activation(node.layer):
                names[f"{node.name}/pre"] = self.shapes[node.name]
            names[node.name] = self.shapes[node.name]
        if record == "all":
            asked = {node.name for node in self.nodes}
        elif callable(record):
            asked = {node.name for node in self.nodes if record(node.name)}
        else:
            asked = {record} if isinstance(record, str) else set(record)
        for name in sorted(asked - set(names)):
            raise LayerNameError(unknown("layer", name, names))
        if not asked:
            available = ", ".join(node.name for node in self.nodes)
            raise LayerNameError(f"record= selects no layer; available: {available}")
        if pre:
            asked |= {f"{name}/pre" for name in asked}
        return {name: shape for name, shape in names.items() if name in asked}

    def _check_budget(self, wanted: dict[str, Shape], x: Array, max_bytes: int) -> None:
        sizes = {name: len(x) * prod(shape) * x.itemsize for name, shape in wanted.items()}
        if sum(sizes.values()) > max_bytes:
            table = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
            raise BudgetError(
                f"recording {len(x)} image(s) of {self.name!r} takes {sum(sizes.values()):,} bytes, more than"
                f" max_bytes={max_bytes:,}; narrow record= or the batch. Bytes by layer: {table}"
            )


def _sides(name: str, input_shape: Sequence[int]) -> Shape:
    if not isinstance(input_shape, Sequence) or not all(isinstance(n, Integral) and n > 0 for n in input_shape):
        raise ShapeError(
            f"model {name!r}: input shape {input_shape!r}, expected whole numbers of at least 1, as (H, W, C)"
        )
    return tuple(int(n) for n in input_shape)


def _has_activation(layer: Layer) -> TypeGuard[Activated]:
    return isinstance(layer, Activated) and layer.activation != "linear"


def _call(layer: Layer, inputs: list[Array], keep_before: bool) -> tuple[Array | None, Array]:
    if not (keep_before and _has_activation(layer)):
        return None, layer(*inputs)
    before = layer.linear(*inputs)
    return before, ACTIVATIONS[layer.activation](before)


def _unshared(array: Array, others: Iterable[Array]) -> Array:
    """Return the array, or a copy if it is (a view of) one of the others: a recording is never aliased."""
    return array.copy() if any(np.may_share_memory(array, other) for other in others) else array
