"""Guesses that need nothing but the two arrays of the layer.

Each function yields (details, ours, theirs): what is to be compared instead of the two.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from convlab import ops
from convlab.comparison.suspect import Guess, Suspect
from convlab.runtime.arrays import Array

Views = Iterator[tuple[str, Array, Array]]
LISTED, MOST = 8, 4096  # channels written out, channels matched with one another


def batch_mixed_up(suspect: Suspect) -> Views:
    """Give each of their images the one of ours that is nearest to it."""
    ours, theirs = suspect.ours, suspect.theirs
    if len(ours) > 1 and ours.shape == theirs.shape:
        order = _order(_distances(ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)))
        yield f": each image in the place of ({_listed(order)})", ours[order], theirs


def one_image_throughout(suspect: Suspect) -> Views:
    """Give all of their images the one of ours that is nearest to them."""
    ours, theirs = suspect.ours, suspect.theirs
    if len(ours) > 1 and ours.shape == theirs.shape:
        distances = _distances(ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1))
        image = int(distances.sum(axis=0).argmin())
        yield f" {image} throughout", np.broadcast_to(ours[image], ours.shape), theirs


def channels_first(suspect: Suspect) -> Views:
    """Move the second axis to the end, where the shape is the same either way."""
    ours, theirs = suspect.ours, suspect.theirs
    if ours.ndim > 2 and theirs.ndim > 2:
        yield f"{suspect.sides[1]} is channels first", ours, np.moveaxis(theirs, 1, -1)
        yield f"{suspect.sides[0]} is channels first", np.moveaxis(ours, 1, -1), theirs


def channels_in_another_order(suspect: Suspect) -> Views:
    """Give each of their channels the one of ours that is nearest to it."""
    ours, theirs = suspect.ours, suspect.theirs
    if not suspect.is_input and ours.ndim > 1 and ours.shape == theirs.shape and ours.shape[-1] <= MOST:
        channels = ours.shape[-1]
        order = _order(_distances(ours.reshape(-1, channels).T, theirs.reshape(-1, channels).T))
        backwards = np.array_equal(ours[..., order], ours[..., ::-1])
        yield ": reversed" if backwards else f": ({_listed(order)})", ours[..., order], theirs


def height_and_width_swapped(suspect: Suspect) -> Views:
    """Turn rows into columns."""
    if suspect.ours.ndim == 4:
        yield "", suspect.ours.swapaxes(1, 2), suspect.theirs


def relu_missing(suspect: Suspect) -> Views:
    """Rectify what they have, unless the layer is known to have no activation function."""
    last = suspect.nodes[-1].layer if suspect.nodes else None
    if last is None or last.activates or last.activation != "linear":
        yield " (ReLU)", suspect.ours, ops.relu(suspect.theirs)


def relu_applied(suspect: Suspect) -> Views:
    """Rectify what we have."""
    yield "", ops.relu(suspect.ours), suspect.theirs


def flattened_otherwise(suspect: Suspect) -> Views:
    """Read a row of numbers as (C, H, W) that is (H, W, C), or the other way round."""
    ours = suspect.ours
    for image in suspect.images:
        if ours.ndim == 2 and ours.shape[1] == prod(image):
            for details, row in flat_orders(ours, image):
                yield details, row, suspect.theirs
            return


def flat_orders(x: Array, image: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """Yield x (N, H*W*C) in the order (C, H, W), and x taken for (C, H, W) in the order (H, W, C)."""
    *sides, channels = image
    last, first = x.reshape(-1, *image), x.reshape(-1, channels, *sides)
    size = " x ".join(map(str, sides))
    yield f": channels first, {channels} x {size}", np.moveaxis(last, -1, 1).reshape(x.shape)
    yield f": channels last, {size} x {channels}", np.moveaxis(first, 1, -1).reshape(x.shape)


def _distances(ours: Array, theirs: Array) -> Array:
    """Return the squared L2 distances (theirs, ours) of rows, but for |theirs|^2, which is the same in a row."""
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    squares: Array = np.square(a).sum(axis=1) - 2 * (b @ a.T)
    return squares


def _order(distances: Array) -> Array:
    """Return a permutation: for each of theirs its own where none is nearer, else the nearest of ours still free."""
    order = np.arange(len(distances))
    free = others = np.flatnonzero(np.diagonal(distances) > distances.min(axis=1))
    for i in others:
        nearest = distances[i, free].argmin()
        order[i], free = free[nearest], np.delete(free, nearest)
    return order


def _listed(order: Array) -> str:
    return ", ".join(map(str, order[:LISTED])) + (", ..." if len(order) > LISTED else "")


VALUE_GUESSES = (
    Guess("batch mixed up", "the images of the batch are mixed up", batch_mixed_up),
    Guess("one image throughout", "the batch is image", one_image_throughout),
    Guess("channels first", "", channels_first),
    Guess("activation missing", "its activation function is missing", relu_missing),
    Guess("ReLU applied", "a ReLU is applied to it", relu_applied),
    Guess("flatten order", "it is flattened in another order", flattened_otherwise),
    Guess("height and width swapped", "its height and width are swapped", height_and_width_swapped),
)

LAST_GUESSES = (  # what any reordering answers to, so only where nothing more exact does
    Guess("channels in another order", "its channels are in another order", channels_in_another_order),
)
