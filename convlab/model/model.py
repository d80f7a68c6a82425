"""A network: an ordered graph of named layers that runs, with or without a recording."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from functools import partial
from typing import Any, Literal

import numpy as np

from convlab.deprecation import Renamed
from convlab.errors import LayerNameError
from convlab.images.preprocessing import Preprocessing
from convlab.layers import Layer
from convlab.model.caches import Caches, Fused
from convlab.model.edits import silenced
from convlab.model.execution import compute, keep
from convlab.model.fusion import fuse
from convlab.model.graph import INPUT, Graph, build_graph
from convlab.model.inputs import prepare_input, read_inputs
from convlab.model.nodes import Node
from convlab.model.receipt import Receipt
from convlab.model.receptive_field import Field
from convlab.model.selection import Record, check_budget, largest, select
from convlab.model.sources import RANDOM, Drawn, check_labels, describe_sources, still_random
from convlab.model.summary import Summary, one_line, summarise
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, Shape
from convlab.runtime.buffer_pool import BufferPool
from convlab.runtime.device import check_device, device_memory
from convlab.runtime.once import preparing
from convlab.runtime.policy import using_policy, worth_compiling
from convlab.wording import unknown

__all__ = ["INPUT", "Model", "Node", "Record"]


class Model:
    """A network of layers that are executed in order.

    Attributes
    ----------
    name : str
    inputs : dict of str to tuple of int
        Name and shape, without the batch, of each input.
    outputs : tuple of str
        The nodes whose values the network returns.
    input_shape, output_shape : tuple of int
        The only input's and output's, (H, W, C) and (classes,); ShapeError where there are several.
    shapes : dict of str to tuple of int
        The shape of every input and of every node's output.
    nodes : tuple of Node
        The calls, in order of execution; each takes earlier nodes or inputs, by name.
    preprocessing : Preprocessing or None
        How an image becomes an input.
    labels : tuple of str or None
        Names of the outputs.
    receipt : Receipt or None
        What was read from which weight file.
    labels_assumed : bool
        Whether nobody said that these are the names, but their number.
    drawn : mapping of str to mapping
        The weights by layer that were drawn at random; see `random_layers`.
    propagate_nan : bool
        Whether NaN and infinities must stay where definitions put them. At first False: fast kernels may spread them.
    device : str
        "cpu" or "cuda": where it is computed (see `to`).
    tf32 : bool
        Whether a GPU's tensor cores may round factors to 10 bits (TF32). At first False: the accuracy of float32.
    """

    strict = Renamed("propagate_nan")

    def __init__(
        self,
        name: str,
        inputs: Shape | Mapping[str, Shape],
        nodes: Sequence[Node],
        preprocessing: Preprocessing | None = None,
        labels: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
    ) -> None:
        named = inputs if isinstance(inputs, Mapping) else {INPUT: inputs}
        self._start(build_graph(name, named, nodes, outputs), preprocessing, labels)

    def _start(self, graph: Graph, preprocessing: Preprocessing | None, labels: Sequence[str] | None) -> None:
        self.graph, self.preprocessing = graph, preprocessing
        self.labels, self.labels_assumed = None if labels is None else tuple(labels), False
        if self.labels is not None:
            check_labels(graph, self.labels)
        self.receipt: Receipt | None = None
        self.drawn: Drawn = {}
        self.propagate_nan, self.device, self.tf32 = False, "cpu", False
        self._caches = Caches()

    @classmethod
    def of(cls, graph: Graph) -> "Model":
        """Return the network of a graph."""
        model = cls.__new__(cls)
        model._start(graph, None, None)
        return model

    @classmethod
    def sequential(cls, name: str, input_shape: Shape, layers: Sequence[Layer], **options: Any) -> "Model":
        """Return the model in which each layer feeds the next."""
        sources = [INPUT, *(layer.name for layer in layers)]
        nodes = [Node(layer.name, layer, (source,)) for layer, source in zip(layers, sources, strict=False)]
        return cls(name, input_shape, nodes, **options)

    @property
    def name(self) -> str:
        """What the network is called."""
        return self.graph.name

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """Name and shape, without the batch, of each input."""
        return self.graph.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The nodes whose values the network returns."""
        return self.graph.outputs

    @property
    def input_shape(self) -> Shape:
        """The only input's shape, without the batch."""
        return self.graph.input_shape

    @property
    def output_shape(self) -> Shape:
        """The only output's shape, without the batch."""
        return self.graph.output_shape

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every input and of every node's output."""
        return self.graph.shapes

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The calls, in order of execution."""
        return self.graph.nodes

    @property
    def random_layers(self) -> tuple[str, ...]:
        """The layers whose weights are still those that were drawn at random."""
        return still_random(self.graph.layers, self.drawn)

    @property
    def title(self) -> str:
        """The name as pictures and texts show it: with a word on weights that are random."""
        return f"{self.name} ({RANDOM})" if self.random_layers else self.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of where its numbers come from: preprocessing, weights, names, and what is a guess."""
        return describe_sources(self.preprocessing, self.receipt, self.random_layers, self.labels_assumed)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer once, in order of execution."""
        return tuple(self.graph.layers.values())

    def __contains__(self, name: object) -> bool:
        return name in self.graph.layers

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, name: str | int) -> Layer:
        """Return the layer of that name, or the one that stands there in order of execution: -1 is the last."""
        if isinstance(name, int) and -len(self.layers) <= name < len(self.layers):
            return self.layers[name]
        if name not in self.graph.layers:
            raise LayerNameError(unknown("layer", name, self.graph.layers))
        return self.graph.layers[name]

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes over: not what is made again when it is needed."""
        return {**vars(self), "_caches": Caches()}

    def __repr__(self) -> str:
        return one_line(self.graph)

    def _repr_html_(self) -> str:
        return self.summary().html(repr(self)[1:-1])

    def receptive_fields(self) -> dict[str, Field | Literal["varies"] | None]:
        """Return what each input and node sees of the image: a box; all (None), boxes at no one pace ("varies")."""
        return self.graph.receptive_fields()

    def summary(self) -> Summary:
        """Return the table of layers: shapes, parameters, multiply-adds, receptive fields."""
        return summarise(self.graph, self.notes)

    def prepare(self, source: Any, *, fit: str = "stretch", resample: str = "bilinear", span: Any = None) -> Array:
        """Return an image, or a list of them, as the network's input (N, H, W, C) float32.

        `source` is a path, PIL image, array or nested list, or a list of these. `fit` says how a picture gets the
        input's shape: "stretch", as Keras does, or "crop", which takes its middle. `resample` is "nearest" (Keras'
        `load_img`), "bilinear", "bicubic", "lanczos", "box" or "hamming". `span=(black, white)`: of an array.
        More, and the errors: `convlab.images.reading.prepare`; for no images `convlab.images.volumes.prepare_arrays`.
        """
        return prepare_input(self.graph, self.preprocessing, source, fit=fit, resample=resample, span=span)[0]

    def to(self, device: str) -> "Model":
        """Compute the network on "cpu" or on "cuda", an NVIDIA GPU, from now on; return the network.

        On a GPU what is computed stays there, as arrays of CuPy: `predict` returns them; a recording copies a layer
        to the host when it is asked for. UnsupportedError, with what to do, where there is no GPU to use.
        """
        check_device(device)
        if device != self.device:
            self.drop_prepared()
            self.device = device
        return self

    def predict(self, x: Any) -> Any:
        """Return the output, keeping nothing else.

        Parameters
        ----------
        x : array (N, *input_shape)
            As `run` takes it.

        Returns
        -------
        array (N, *output_shape)
            Of CuPy for a network on a GPU; for several outputs, such arrays by name.

        Raises
        ------
        ShapeError, WeightsError
            As of `run`.
        """
        outputs = self._predict(read_inputs(self.graph, x, self.preprocessing, self.device))
        return outputs if len(outputs) > 1 else outputs[self.outputs[0]]

    def _predict(self, sources: dict[str, Array]) -> dict[str, Array]:
        """Return the outputs for inputs, both by name."""
        first: Any = next(iter(sources.values()))
        if first.dtype != np.float32:
            with self.computing(len(first), self._caches.pool):
                return compute(self.graph, sources)
        fused = self._fused()
        with self.computing(len(first), self._caches.pool):
            if self.device == "cuda" and len(first) == 1:
                kind = (first.device.id, self.propagate_nan, self.tf32)
                return fused.cuda_graphs.predict(kind, partial(compute, fused.graph), sources)
            return compute(fused.graph, sources)

    def _fused(self) -> Fused:
        """Return the fused graph, made again where a layer has got other weights."""
        weights, caches = [layer._held.weights for layer in self.layers], self._caches
        fused = caches.fused
        if fused is None or not fused.is_of(weights):
            with preparing():
                fused = caches.fused
                if fused is None or not fused.is_of(weights):
                    fused = caches.fused = Fused(weights, fuse(self.graph))
        return fused

    @contextmanager
    def computing(self, images: int, pool: BufferPool | None = None) -> Iterator[None]:
        """Compute what is computed in the block as the network decides for a batch, into a pool or fresh arrays."""
        scoped = nullcontext() if pool is None or self.device != "cpu" else pool.scope()
        with (
            device_memory(self.device, lambda: largest(self.graph, images)),
            scoped as scope,
            using_policy(worth_compiling(self.graph.multiply_adds, images), scope, self.propagate_nan, self.tf32),
        ):
            yield

    def drop_prepared(self) -> None:
        """Give back the memory of what was prepared from the weights, and of buffers; they are made again."""
        self._caches = Caches()
        for layer in self.layers:
            layer.drop_prepared()

    def run(self, x: Any, record: Record = "all", *, pre: bool = False, max_bytes: int | None = None) -> Activations:
        """Run the network and keep what its layers compute.

        Parameters
        ----------
        x : array (N, *input_shape)
            For a network with several inputs: arrays by name, or a sequence of them in the order of `inputs`.
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

        Raises
        ------
        ShapeError
            For an input of another shape, or several of different batches.
        LayerNameError
            Where `record` names no layer of the network, or selects none.
        BudgetError
            For a recording of more than `max_bytes`.
        WeightsError
            For a network without weights.
        """
        sources = read_inputs(self.graph, x, self.preprocessing, self.device)
        wanted = select(self.graph, record, pre)
        if max_bytes is not None:
            check_budget(self.graph, wanted, next(iter(sources.values())), max_bytes)
        everything = all(node.name in wanted for node in self.nodes)
        images = len(next(iter(sources.values())))
        with self.computing(images, self._caches.recordings if everything else None):
            recorded = keep(self.graph, sources, wanted, self.device)
        return Activations(
            **recorded,
            model=self.name,
            note=RANDOM if self.random_layers else "",
            preprocessing=self.preprocessing,
            labels=self.labels,
            network=self,
        )

    def ablate(self, channels: Mapping[str, Iterable[int]]) -> "Model":
        """Return a copy of the network in which channels are silenced: their outputs are 0 whatever comes in.

        The copy shares the weights and is recorded under the same names, so that its activations and predictions can
        be compared with the original's.

        Parameters
        ----------
        channels : mapping of str to sequence of int
            Layer name -> numbers of channels (the last axis of its output; of a dense layer, units), as in
            {"block4_conv2": [3, 17]}. A layer called twice is silenced in both calls, `name/2` in the second alone.
            The zeros stand after the layer's own activation function, and before whatever follows as another layer.

        Raises
        ------
        LayerNameError
            Where the network has no such layer.
        ShapeError
            Where a list is empty, or a layer has no such channel.
        """
        ablated = copy(self)
        ablated.graph = silenced(self.graph, channels)
        return ablated
