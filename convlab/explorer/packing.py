"""Many explanations in a page: what they share is held once, what follows from the rest not at all.

page/data.js makes of them again what `told_explanation` would have said.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from convlab.errors import ConvlabError
from convlab.explanation.explanation import Explanation
from convlab.explorer.document import Shown
from convlab.explorer.explanations import At, explanation_at, order_of, told_place
from convlab.explorer.strict import Digits
from convlab.explorer.values import recorded
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, Shape

STRONGEST = 4  # channels of a patch that are held where not all of them are
UNITS = 16  # units of a vector that are explained where not all of them are, the largest


def packed_explanations(shown: Shown, acts: Activations, name: str, every: bool) -> dict[str, Any]:
    """Return explanations of a layer by their places, "z,y,x,channel", and the kernels of its channels.

    Of each of its numbers, or of each channel's largest, and then with the strongest channels of the patch alone.
    """
    held: dict[str, Any] = {"kernels": {}}
    pack, values = Packing(acts, shown.places, held["kernels"], every), acts[name][0]
    for at in _every(values.shape) if every else _strongest(values):
        try:
            why = explanation_at(shown.model, acts, name, at)
        except ConvlabError:
            continue
        held[",".join("" if side is None else str(side) for side in at)] = pack(why)
    return held


class Packing:
    """Makes what is held of each explanation of one layer.

    Parameters
    ----------
    acts : Activations
    places : mapping of str to int
        As of `told_explanation`.
    kernels : dict
        Gets the first kernel of each channel.
    every : bool
        Whether the page has all numbers exactly, and so every patch.
    """

    def __init__(self, acts: Activations, places: Mapping[str, int], kernels: dict[str, Any], every: bool) -> None:
        self._acts, self._kernels, self._every = acts, kernels, every
        self._places, self._digits = places, Digits()
        self._seen: dict[int, Array] = {}

    def __call__(self, why: Explanation) -> dict[str, Any]:
        """Return what is held of one."""
        told = told_place(why, self._places, self._digits)
        channels = why.place.channels
        if channels.step == 1:  # else it stays
            told["channels"] = {"first": channels.start, "count": len(channels)}
        if why.place.padding.any():
            told["padding"] = why.place.padding.tolist()
        parts = {} if self._is_in_the_page(why) else {"patch": why.patch}
        with np.errstate(invalid="ignore"):
            if not (why.patch * why.kernel == why.products).all():
                parts["products"] = why.products
        if self._every:
            if not self._is_known(why):
                parts["kernel"] = why.kernel
        elif why.patch.shape[2] > STRONGEST:
            parts["kernel"] = why.kernel
            told |= {"kept": (kept := sorted(order_of(why)[:STRONGEST].tolist())), "of": why.patch.shape[2]}
            parts = {part: array[:, :, kept] for part, array in parts.items()}
        else:
            parts["kernel"] = why.kernel
        return told | {part: self._digits.of(array) for part, array in parts.items()}

    def _is_known(self, why: Explanation) -> bool:
        """Tell whether the kernel is the channel's that is held; hold it, if none is yet."""
        if why.channel not in self._seen:
            self._seen[why.channel] = why.kernel
            self._kernels[str(why.channel)] = self._digits.of(why.kernel)
        return np.array_equal(self._seen[why.channel], why.kernel)

    def _is_in_the_page(self, why: Explanation) -> bool:
        """Tell whether the patch is cells of a layer whose numbers the page has exactly."""
        if not self._every or len(why.sources) > 1 or why.place.slices is not None:
            return False
        values = recorded(self._acts, why.source)
        if values is None or values.ndim > 3 or values.dtype != np.float32:
            return False
        maps = values.reshape((1,) * (3 - values.ndim) + values.shape)
        return np.array_equal(why.place.cells(maps), why.patch)


def _every(shape: Shape) -> Iterator[At]:
    """Yield all places of a layer, channel by channel: what they share lies side by side, and packs well."""
    size = (1,) * (4 - len(shape)) + shape
    for channel in range(size[3]):
        for z, y, x in np.ndindex(size[:3]):
            yield (z if len(shape) > 3 else None), y, x, channel


def _strongest(values: Array) -> Iterable[At]:
    """Return the place of the largest number of each channel; of a vector the largest units."""
    finite = np.where(np.isnan(values), -np.inf, values)
    if values.ndim == 1:
        return [(None, 0, 0, unit) for unit in np.argsort(-finite, kind="stable")[:UNITS].tolist()]
    size = (1,) * (4 - values.ndim) + values.shape
    largest = finite.reshape(-1, size[3]).argmax(axis=0)
    places = zip(*(side.tolist() for side in np.unravel_index(largest, size[:3])), strict=True)
    return [((z if values.ndim > 3 else None), y, x, channel) for channel, (z, y, x) in enumerate(places)]
