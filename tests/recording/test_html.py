"""The thumbnails of the notebook table."""

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
from PIL import Image

import convlab


def thumbnails(acts):
    """Return the pictures in a recording's table."""
    pictures = re.findall(r"base64,([^']+)'", acts._repr_html_())
    return [np.asarray(Image.open(BytesIO(b64decode(picture)))) for picture in pictures]


def test_a_dense_layer_is_a_bar_with_a_cell_for_each_unit():
    units = np.array([[0.0, 3.0, 1.0]])
    acts = convlab.Activations({"fc": units}, {"fc": "Dense"}, {"x": units}, {"y": units}, "net")
    (bar,) = thumbnails(acts)
    expected = convlab.mosaic(units.reshape(1, 1, 3, 1), zoom=4, colors="auto")
    assert np.array_equal(bar, np.concatenate([expected] * 3))


def test_a_convolution_shows_its_most_varied_channels_in_their_order():
    maps = np.random.default_rng(0).random((1, 5, 7, 20)) * 2.0 ** -np.arange(20)
    acts = convlab.Activations({"conv": maps}, {"conv": "Conv2D"}, {"x": maps}, {"y": maps[:, 0, 0]}, "net")
    (strip,) = thumbnails(acts)
    assert np.array_equal(strip, convlab.mosaic(maps[..., :8], 8, zoom=9, gap=2, colors="auto"))
