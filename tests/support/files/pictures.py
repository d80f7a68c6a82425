"""Pictures of noise, and short ways to prepare them or to see them refused."""

import numpy as np
import pytest
from PIL import Image

from convlab.errors import ImageError
from convlab.images.preprocessing import Preprocessing
from convlab.images.reading import prepare

GREY = Preprocessing("grey", "L")  # these two leave the 0..255 scale as it is, so that tests can read it
COLOUR = Preprocessing("colour", "RGB")


def photo(height=11, width=13, channels=3, seed=0):
    """Return uint8 noise (height, width, channels), or (height, width) for channels 0."""
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def as_is(source, preprocessing=COLOUR, size=(11, 13), **options):
    """Prepare one picture of `size` (nothing is resampled); return it as (H, W, C)."""
    x = prepare(source, (*size, len(preprocessing.channels)), preprocessing, **options)
    assert x.dtype == np.float32
    assert x.shape == (1, *size, len(preprocessing.channels))
    return x[0]


def stored(path):
    """Return what Pillow finds in a file, loaded and closed."""
    with Image.open(path) as image:
        image.load()
        return image


def fails(source, message, *, preprocessing=GREY, **options):
    """Expect ImageError with `message` in one line; return the text."""
    with pytest.raises(ImageError, match=message) as caught:
        prepare(source, (7, 5, len(preprocessing.channels)), preprocessing, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
