"""The document: what a page is told of a network and of what it made of one image, but for the numbers themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convlab.errors import ConvlabError
from convlab.explanation.explanation import explain
from convlab.explorer.layers import told_layers
from convlab.explorer.picture import seen_picture
from convlab.explorer.statistics import told_numbers
from convlab.explorer.strict import number
from convlab.explorer.timing import seconds_of
from convlab.explorer.values import recorded
from convlab.model.labels import labels_of
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.recording.prediction import predict

TOP = 5


@dataclass(frozen=True)
class Shown:
    """A network, a recording of it or none yet, and what is said about both.

    Attributes
    ----------
    model : Model
    acts : Activations or None
    command : str
        What shows the same from a terminal.
    told : sequence of str
        What was done to the picture.
    generation : int
        Counts the images that were shown; 0 before the first.
    live : bool
        Whether somebody answers what the page does not hold.
    """

    model: Model
    acts: Activations | None
    command: str
    told: Sequence[str] = field(default_factory=tuple)
    generation: int = 0
    live: bool = False

    @property
    def places(self) -> dict[str, int]:
        """The place of each input and layer in the document."""
        return {name: i for i, name in enumerate(self.model.shapes)}


def document(shown: Shown) -> dict[str, Any]:
    """Return the document, in plain types."""
    model, acts = shown.model, shown.acts
    layers = told_layers(model)
    if acts is not None:
        _add_numbers(layers, model, acts)
    return {
        "title": model.title,
        "model": model.name,
        "live": shown.live,
        "generation": shown.generation,
        "command": shown.command,
        "told": [*shown.told, *_notes(model)],
        "picture": None if acts is None else seen_picture(acts),
        "top": [] if acts is None else _top(acts),
        "labels": {
            str(place): list(labels) for name, place in shown.places.items() if (labels := labels_of(model, name))
        },
        "layers": layers,
    }


def _notes(model: Model) -> list[str]:
    """Return the network's notes, with the name of the file of weights alone: a page may be passed on."""
    if model.receipt is None:
        return list(model.notes)
    return [note.replace(model.receipt.file, Path(model.receipt.file).name) for note in model.notes]


def _add_numbers(layers: list[dict[str, Any]], model: Model, acts: Activations) -> None:
    """Say of each layer what its numbers are like, if it was recorded, and how long it took."""
    seconds = seconds_of(model, acts)
    for layer in layers:
        values = recorded(acts, layer["name"])
        explains = values is not None and layer["inputs"] and _explains(model, acts, layer["name"])
        layer.update(explains=bool(explains), seconds=seconds.get(layer["name"]))
        if values is not None and values.size:
            layer.update(told_numbers(values), encoding="float32")


def _explains(model: Model, acts: Activations, name: str) -> bool:
    """Tell whether a layer can be explained: by trying."""
    try:
        explain(model, acts, name)
    except ConvlabError:
        return False
    return True


def _top(acts: Activations) -> list[dict[str, Any]]:
    """Return the largest scores of the (first) output, where it is a vector."""
    name, values = next(iter(acts.outputs.items()))
    scores = np.asarray(values[0])
    found = predict(name, scores, acts.functions.get(name, acts.activation), acts.labels, TOP)
    channels = np.argsort(-scores, kind="stable")[: len(found.scores)] if found.scores else ()
    return [
        {"channel": int(channel), "label": label, "value": number(value)}
        for channel, (label, value) in zip(channels, found.scores, strict=True)
    ]
