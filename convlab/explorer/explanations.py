"""An explanation as a page takes it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convlab.backward.result import Gradients
from convlab.explanation.explanation import Explanation, explain
from convlab.explanation.text import headline, place_lines, sum_line, verdict
from convlab.explorer.strict import Digits, shortened
from convlab.explorer.wording import typeset, written
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.wording import counted

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
        "title": headline(why).removeprefix(f"{why.model}, "),
        "place_line": typeset("; ".join(place_lines(why))),
        "heading": _heading(why),
        "summed": _summed(why),
        "sum_line": typeset(sum_line(why)),
        "verdict": typeset(verdict(why)),
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


def _heading(why: Explanation) -> str:
    """Return what to call the terms of the sum."""
    if len(why.channel_sums) < 2:
        return "It comes from"
    if len(why.sources) > 1:
        return "What it reaches" if why.target else "The inputs"
    return "The strongest products" if why.patch[:, :, 0].size == 1 else "The strongest channels"


def _summed(why: Explanation) -> str:
    """Return what was done to the patch: to all its channels where each has one number, else to one channel."""
    if why.winner:
        return "largest of the patch"
    if len(why.sources) > 1:
        return f"of {len(why.sources)} layers"
    count = why.products.size if len(why.place.rows) * len(why.place.columns) == 1 else why.products[:, :, :1].size
    if why.trained or count != 1:
        return f"sum of {counted(count, 'product')}"
    return "handed on" if why.kernel.item() == 1 else f"scaled by {written(why.kernel.item(), 6)}"


def _place_of(source: str, places: Mapping[str, int]) -> int:
    """Return the place of a layer, also where it gives back what it takes before its activation function."""
    return places[source if source in places else source.removesuffix("/pre")]
