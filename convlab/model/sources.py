"""Where a network's numbers come from, in words: its weights, its preprocessing, its labels, and what is a guess."""

from collections.abc import Mapping, Sequence

from convlab.errors import ShapeError
from convlab.images.preprocessing import Preprocessing
from convlab.layers import Layer
from convlab.model.graph import Graph
from convlab.model.receipt import Receipt
from convlab.runtime.arrays import Array
from convlab.wording import listed

RANDOM = "random weights"
SHOWN = 6  # names of layers in a note

Drawn = Mapping[str, Mapping[str, Array]]
"""The weights by layer that were drawn at random."""


def still_random(layers: Mapping[str, Layer], drawn: Drawn) -> tuple[str, ...]:
    """Return the layers that still have the weights that were drawn for them."""
    return tuple(name for name, weights in drawn.items() if layers[name]._held.weights is weights)


def check_labels(graph: Graph, labels: Sequence[str]) -> None:
    """Raise ShapeError unless there are as many names as classes: two for one unit, which tells them apart."""
    classes = (2,) if graph.output_shape == (1,) and len(labels) == 2 else graph.output_shape
    if classes != (len(labels),):
        raise ShapeError(f"model {graph.name!r}: {len(labels)} labels for an output of {graph.output_shape}")


def describe_sources(
    preprocessing: Preprocessing | None, receipt: Receipt | None, random_layers: Sequence[str], labels_assumed: bool
) -> tuple[str, ...]:
    """Return the notes of `Model.notes`."""
    notes = []
    if preprocessing:
        guess = ", a guess: the file does not say" if preprocessing.assumed else ""
        notes.append(f"input made by {preprocessing}{guess}")
    notes += receipt.notes if receipt else ()
    if random_layers:
        notes.append(f"{RANDOM} in {listed(random_layers, SHOWN)}: what comes out means nothing")
    if labels_assumed:
        notes.append("names of the classes: ImageNet's, a guess from their number")
    return tuple(notes)
