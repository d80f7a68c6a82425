"""Attributions as a page takes them: which there are, and their values in a layer's cells and at the pixels."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from convlab import attribution
from convlab.attribution.methods import BY_INPUT, BY_LAYER
from convlab.attribution.result import Attribution
from convlab.errors import UnsupportedError
from convlab.explorer.strict import shortened
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.wording import unknown

PLACES = 4  # digits of what is shown as a colour
METHODS = (*BY_LAYER, *BY_INPUT)
HELD = ("grad_cam", "gradient")  # of the first class, in a page that is a file


def attributed(model: Model, acts: Activations, method: str, number: int, layer: str | None) -> Attribution:
    """Return where one of the methods sees what speaks for a class; a layer is for those by layer."""
    if method not in METHODS:
        raise UnsupportedError(unknown("method", method, METHODS))
    options = {"layer": layer} if method in BY_LAYER else {}
    with np.errstate(invalid="ignore", over="ignore"):  # where the recording has infinities
        found: Attribution = getattr(attribution, method)(model, acts, number, **options)
    return found


def told_attribution(found: Attribution, places: Mapping[str, int], *, pixels: bool = True) -> dict[str, Any]:
    """Return what a page is told of an attribution of the first image, with or without what it is at the pixels."""
    maps = found.maps[0]
    return {
        "layer": places[found.layer],
        "method": found.method,
        "target": found.target,
        "note": found.told,
        "shape": maps.shape,
        "values": _written(maps),
        "pixels": _pixels(found) if pixels else None,
    }


def _pixels(found: Attribution) -> dict[str, Any] | None:
    try:
        with np.errstate(invalid="ignore"):  # what is infinite has no numbers beside it
            pixels = found.at_pixels()[0]
    except UnsupportedError:
        return None
    height, width = pixels.shape
    return {"width": width, "height": height, "values": _written(pixels)}


def _written(values: Array) -> list[float | str]:
    return [shortened(value, PLACES) for value in values.reshape(-1).tolist()]
