"""A network as such: its graph, its labels, where its numbers come from, and how it shows itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

from convlab.errors import LayerNameError, ShapeError, WeightsError
from convlab.images.preprocessing import Preprocessing
from convlab.layers import Layer
from convlab.model.graph import INPUT, Graph, build_graph
from convlab.model.inputs import prepare_input
from convlab.model.nodes import Node
from convlab.model.receipt import Receipt
from convlab.model.receptive_field import Field
from convlab.model.sources import RANDOM, Drawn, check_labels, describe_sources, still_random
from convlab.model.summary import Summary, one_line, summarise
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, Shape
from convlab.wording import unknown


class Network:
    """A network as such: its graph of layers, and what is to be known of it.

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
    """

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

    @classmethod
    def of(cls, graph: Graph) -> Self:
        """Return the network of a graph."""
        model = cls.__new__(cls)
        model._start(graph, None, None)
        return model

    @classmethod
    def sequential(cls, name: str, input_shape: Shape, layers: Sequence[Layer], **options: Any) -> Self:
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

    def __repr__(self) -> str:
        return one_line(self.graph)

    def _repr_html_(self) -> str:
        return self.summary().html(repr(self)[1:-1])

    def receptive_fields(self) -> dict[str, Field | Literal["varies"] | None]:
        """Return what each input and node sees of the image: a box; all (None), boxes at no one pace ("varies")."""
        return self.graph.receptive_fields()

    def check_made(self, acts: Activations) -> None:
        """Refuse a recording that another network made (ShapeError), or other weights of this one (WeightsError).

        One from a file does not say which did.
        """
        if acts.network is not None and acts.network.graph is not self.graph:
            raise ShapeError(
                f"model {self.name!r}: the recording is of another network ({acts.model!r}), with weights or"
                " silenced channels of its own: run this one on the input first"
            )
        for layer, before in zip(self.layers, acts.weights, strict=False):
            if layer._held.weights is not before:
                raise WeightsError(
                    f"model {self.name!r}: layer {layer.name!r} got other weights after the recording was made: run"
                    " the network on the input again"
                )

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
