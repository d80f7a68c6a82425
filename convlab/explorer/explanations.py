"""An explanation as a page takes it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convlab.backward.result import Gradients
from convlab.explanation.explanation import Explanation, explain
from convlab.explanation.text import field_line, headline, sum_line, verdict, window_line
from convlab.explorer.strict import Digits, shortened
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array

At = Sequence[int | None]  # z (None where there are no slices), y, x, channel


def explanation_at(model: Model, acts: Activations, name: str, at: At) -> Explanation:
    """Return the explanation of one number of the first image, or of gradients, by its place in what a page draws."""
    z, y, x, channel = at
    return explain(model, acts, name, y, x, channel, z=z, backward=isinstance(acts, Gradients))


def told_explanation(why: Explanation, places: Mapping[str, int], digits: Digits) -> dict[str, Any]:
    """Return what a page is told of an explanation.

    Parameters
    ----------
    why
        The explanation.
    places : mapping of str to int
        The place of each input and layer in the document.
    digits
        What the numbers are written with; it remembers those that it has seen.
    """
    return {
        **told_place(why, places, digits),
        **{part: digits.of(getattr(why, part)) for part in ("patch", "kernel", "products")},
        "padding": why.place.padding.tolist(),
        "kept": list(range(why.patch.shape[2])),
        "sums": digits.of(why.channel_sums),
        "order": order_of(why).tolist(),
    }


def order_of(why: Explanation) -> Array:
    """Return the places of the patch's channels, those that add most first."""
    return np.argsort(-np.abs(np.nan_to_num(why.channel_sums, nan=np.inf)), kind="stable")


def told_place(why: Explanation, places: Mapping[str, int], digits: Digits) -> dict[str, Any]:
    """Return what there is to tell but for the numbers that are multiplied, and what follows from them."""
    return {
        "layer": places[why.layer],
        "at": {"z": why.z, "y": why.y, "x": why.x, "channel": why.channel},
        "headline": headline(why),
        "window_line": window_line(why),
        "field_line": field_line(why),
        "sum_line": sum_line(why),
        "verdict": verdict(why),
        "sources": [_place_of(name, places) for name in why.sources],
        "slices": None if why.place.slices is None else why.place.inside,
        "rows": list(why.place.rows),
        "columns": list(why.place.columns),
        "channels": list(why.place.channels),
        "trained": why.trained,
        "winner": why.winner,
        "bias": digits[why.bias],
        "before": shortened(why.before),
        "function": why.function,
        "after": shortened(why.after),
        "recorded": digits[why.recorded],
        "tolerance": shortened(why.tolerance, 3),
        "agrees": why.agrees,
        "field_in_image": why.field_in_image,
    }


def _place_of(source: str, places: Mapping[str, int]) -> int:
    """Return the place of a layer, also where it gives back what it takes before its activation function."""
    return places[source if source in places else source.removesuffix("/pre")]
