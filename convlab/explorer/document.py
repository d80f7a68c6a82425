"""The document: what a page is told of a network and of what it made of one image, but for the numbers themselves."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convlab.errors import ConvlabError
from convlab.explanation.explanation import explain
from convlab.explorer.attributions import HELD, METHODS
from convlab.explorer.cards import add_cards, group_cards, network_card
from convlab.explorer.groups import folded_at_first, path_of
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
OWN_OPTIONS = re.compile(r" --(?:out (?:'[^']*'|\S+)|no-browser)")  # which `convlab explain` has not
POINT = "Point at a layer to read what it does; click it to see all of its channels."


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
    add_cards(layers)
    groups, folded = group_cards(layers), folded_at_first([layer["group"] for layer in layers])
    for layer in layers:
        layer["group"] = [path_of(layer["group"][: depth + 1]) for depth in range(len(layer["group"]))]
    empty = (
        f"{'Drop an image on this page' if shown.live else f'Run {shown.command} with an image'} to see the numbers."
    )
    return {
        "title": model.title,
        "card": network_card(model.title, layers, POINT if shown.generation else empty),
        "groups": groups,
        "folded": folded,
        "empty": empty,
        "model": model.name,
        "live": shown.live,
        "generation": shown.generation,
        "command": shown.command,
        "explain": OWN_OPTIONS.sub("", shown.command.replace("convlab explore", "convlab explain", 1)),
        "told": [*shown.told, *_notes(model)],
        "methods": METHODS if shown.live else HELD,
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
        {"channel": int(channel), "label": label, "quoted": shlex.quote(label), "value": number(value)}
        for channel, (label, value) in zip(channels, found.scores, strict=True)
    ]
