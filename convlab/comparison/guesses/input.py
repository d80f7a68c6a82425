"""Guesses about what went into the network: x (N, H, W, C) -> what another preparation would have made of the image.

Each function yields (details, changed x). Where the network's preprocessing is known, pixels (0..255, in the
network's order of channels) are worked out from it.
"""

from collections.abc import Iterator

import numpy as np

from convlab.comparison.suspect import Guess
from convlab.images.preprocessing import Preprocessing
from convlab.runtime.arrays import Array

Changes = Iterator[tuple[str, Array]]

CAFFE_MEAN = (123.68, 116.779, 103.939)  # of ImageNet's pixels, RGB
TORCH_MEAN, TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the same in 0..1, as torchvision's


def channels_reversed(x: Array, made: Preprocessing | None) -> Changes:
    """Turn RGB into BGR, or back, after the mean was subtracted or before."""
    if x.ndim == 4 and x.shape[-1] == 3:
        yield "", x[..., ::-1]
        if made and made.mean:
            yield " before the mean is subtracted", _prepared(_pixels(x, made)[..., ::-1], made)


def mean_not_subtracted(x: Array, made: Preprocessing | None) -> Changes:
    """Leave the mean in."""
    if made and made.mean:
        yield "", (x + np.multiply(made.mean, made.scale)).astype(x.dtype)


def mean_subtracted(x: Array, _: Preprocessing | None) -> Changes:
    """Subtract a mean of ImageNet."""
    if x.ndim == 4 and x.shape[-1] == 3:
        for order, step in (("RGB", 1), ("BGR", -1)):
            mean = np.array(CAFFE_MEAN[::step], x.dtype)
            yield f" ({', '.join(f'{m:g}' for m in mean)}: ImageNet's, {order})", x - mean


def another_range(x: Array, made: Preprocessing | None) -> Changes:
    """Move pixels from one of the usual ranges to another."""
    if made and made.mean:
        pixels = _pixels(x, made)
        yield " (0..1 pixels, no mean subtracted)", pixels / 255
        yield " (-1..1 pixels, no mean subtracted)", pixels / 127.5 - 1
        yield " (0..1 pixels, the mean for 0..255 subtracted)", _prepared(pixels / 255, made)
    yield " (0..255 instead of 0..1)", x * 255
    yield " (0..1 instead of 0..255)", x / 255
    yield " (-1..1 instead of 0..255)", x / 127.5 - 1
    yield " (0..255 instead of -1..1)", (x + 1) * 127.5
    yield " (-1..1 instead of 0..1)", x * 2 - 1
    yield " (0..1 instead of -1..1)", (x + 1) / 2


def torchvision_normalised(x: Array, made: Preprocessing | None) -> Changes:
    """Prepare pixels as torchvision's models expect them."""
    if x.ndim == 4 and x.shape[-1] == 3:
        reverse = made is not None and made.channels == "BGR"
        unit = (_pixels(x, made) / 255)[..., ::-1] if made and reverse else _unit(x, made)
        yield "", ((unit - np.array(TORCH_MEAN)) / np.array(TORCH_DEVIATION)).astype(x.dtype)


def range_and_channels(x: Array, made: Preprocessing | None) -> Changes:
    """Change range or mean, and the order of the channels as well."""
    if x.ndim == 4 and x.shape[-1] == 3:
        for change in (mean_not_subtracted, mean_subtracted, another_range, torchvision_normalised):
            for details, changed in change(x, made):
                yield f": {_SENTENCES[change]}{details}", changed[..., ::-1]


def height_and_width_swapped(x: Array, _: Preprocessing | None) -> Changes:
    """Turn rows into columns."""
    if x.ndim == 4:
        yield "", x.swapaxes(1, 2)


def _pixels(x: Array, made: Preprocessing) -> Array:
    return (x / made.scale + np.array(made.mean or 0.0)).astype(x.dtype)


def _prepared(pixels: Array, made: Preprocessing) -> Array:
    return ((pixels - np.array(made.mean or 0.0)) * made.scale).astype(pixels.dtype)


def _unit(x: Array, made: Preprocessing | None) -> Array:
    if made:
        return _pixels(x, made) / 255
    return x / 255 if x.max(initial=0) > 1 else x


_SENTENCES = {
    mean_not_subtracted: "the mean is not subtracted",
    mean_subtracted: "a mean is subtracted from the input",
    another_range: "the input's pixels have another range",
    torchvision_normalised: "the input is normalised as for torchvision's models",
}

INPUT_GUESSES = (
    Guess("channels reversed", "the input's channels are reversed (RGB/BGR)", channels_reversed),
    *(Guess(change.__name__.replace("_", " "), sentence, change) for change, sentence in _SENTENCES.items()),
    Guess("height and width swapped", "the input's height and width are swapped", height_and_width_swapped),
    Guess("range and channels", "the input's channels are reversed (RGB/BGR) and more", range_and_channels),
)
