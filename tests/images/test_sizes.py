"""A picture of another size than the network's is stretched as Pillow and Keras would, or cropped."""

import numpy as np
import pytest
from PIL import Image

from convlab.images.reading import prepare, prepare_telling
from support.files.pictures import COLOUR, GREY, as_is, fails, photo

FILTERS = ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]


def resized(image, size, resample):
    """Return what Pillow makes of the image at `size` (height, width)."""
    return np.asarray(image.resize(size[::-1], Image.Resampling[resample.upper()]))


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize("size", [(7, 5), (23, 31), (19, 8)])
def test_8_bits_are_resized_exactly_as_pillow_does(size, resample):
    image = Image.fromarray(photo(11, 13))
    expected = resized(image, size, resample)
    np.testing.assert_array_equal(as_is(image, size=size, fit="stretch", resample=resample), expected)
    expected = resized(image.convert("L"), size, resample)
    np.testing.assert_array_equal(as_is(image, GREY, size, fit="stretch", resample=resample)[..., 0], expected)


@pytest.mark.parametrize("resample", FILTERS)
def test_floats_are_resized_as_pillow_does_without_ringing_past_black_and_white(resample):
    values = (np.random.default_rng(0).random((11, 13)) > 0.5) * np.float32(255)
    expected = resized(Image.fromarray(values), (23, 31), resample)
    x = as_is(values, GREY, (23, 31), fit="stretch", resample=resample)[..., 0]
    np.testing.assert_array_equal(x, expected.clip(0, 255))
    assert (expected.min() < -5) == (resample in ("bicubic", "lanczos"))


@pytest.mark.parametrize("resample", FILTERS)
def test_values_outside_the_span_are_not_clipped_by_resizing(resample):
    values = np.repeat(np.repeat([[-90.0, 400.0, 20.0]], 9, 0), 9, 1)  # flat areas, wide enough for every filter
    with pytest.warns(UserWarning, match=r"values span -90..400"):
        x = as_is(values, GREY, (18, 54), fit="stretch", resample=resample)
    assert (x.min(), x.max()) == (-90, 400)


def test_the_default_is_to_stretch_and_bilinear():
    image = Image.fromarray(photo(11, 13))
    np.testing.assert_array_equal(as_is(image, size=(8, 5)), resized(image, (8, 5), "bilinear"))


def test_to_crop_is_bilinear_too():
    image = Image.fromarray(photo(11, 13))
    expected = resized(image, (8, 9), "bilinear")[:, 2:7]  # 13 * 8 / 11 = 9.45
    np.testing.assert_array_equal(as_is(image, size=(8, 5), fit="crop"), expected)


@pytest.mark.parametrize(
    ("shape", "size", "fit", "told"),
    [
        ((11, 13), (8, 5), "stretch", "13 x 11 pixels stretched to 5 x 8"),
        ((11, 13), (8, 5), "crop", "13 x 11 pixels resized until they cover 5 x 8, and cut to their middle"),
        ((10, 14), (5, 7), "stretch", "14 x 10 pixels resized to 7 x 5"),
        ((10, 14), (5, 7), "crop", "14 x 10 pixels resized to 7 x 5"),
        ((10, 14), (10, 14), "stretch", None),
    ],
)
def test_what_is_done_to_a_picture_is_told(shape, size, fit, told):
    x, lines = prepare_telling(photo(*shape), (*size, 3), COLOUR, fit=fit)
    np.testing.assert_array_equal(x[0], as_is(photo(*shape), size=size, fit=fit))
    assert lines == ([told] if told else [])


def coordinates(height, width):
    """Return a picture whose red is the row and whose green is the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows * 0], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "size", "top", "left"),
    [
        ((60, 81), (60, 50), 0, 16),  # 31 left over: round(15.5) is 16
        ((60, 79), (60, 50), 0, 14),  # 29: round(14.5) is 14
        ((60, 80), (60, 50), 0, 15),
        ((97, 40), (50, 40), 24, 0),
        ((60, 50), (60, 50), 0, 0),
    ],
)
def test_crop_cuts_the_centre_without_resampling(shape, size, top, left):
    x = as_is(coordinates(*shape), size=size, fit="crop")
    np.testing.assert_array_equal(x, coordinates(*shape)[top : top + size[0], left : left + size[1]])


@pytest.mark.parametrize(
    ("shape", "size", "rows", "columns"),
    [
        ((20, 50), (10, 10), range(1, 20, 2), range(17, 36, 2)),  # halved, 7.5 columns cut, rounded to 8
        ((90, 30), (20, 10), range(16, 75, 3), range(1, 30, 3)),  # a third
        ((5, 9), (10, 12), np.arange(10) // 2, np.arange(3, 15) // 2),  # doubled
    ],
)
def test_crop_scales_the_shorter_side_to_the_target(shape, size, rows, columns):
    x = as_is(coordinates(*shape), size=size, fit="crop", resample="nearest")
    assert x[:, 0, 0].tolist() == list(rows)
    assert x[0, :, 1].tolist() == list(columns)


def test_stretch_keeps_every_edge():
    x = as_is(coordinates(20, 60), size=(10, 12), fit="stretch", resample="nearest")
    assert x[:, 0, 0].tolist() == list(range(1, 20, 2))
    assert x[0, :, 1].tolist() == list(range(2, 60, 5))


@pytest.mark.parametrize("fit", ["crop", "stretch"])
@pytest.mark.parametrize("resample", FILTERS)
def test_nothing_is_resampled_at_the_right_size(fit, resample):
    values = np.random.default_rng(0).random((11, 13)) * 255
    x = as_is(values, GREY, fit=fit, resample=resample)
    np.testing.assert_array_equal(x[..., 0], values.astype(np.float32))


def test_a_picture_too_thin_to_crop(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    thin = np.zeros((3, 900), np.uint8)
    fails(
        thin,
        r": a picture of 3x900 \(height x width\) scaled to cover 7x5 would be 7x2100, .*fit='stretch'",
        fit="crop",
    )
    assert prepare(thin, (7, 5, 1), GREY, fit="stretch").shape == (1, 7, 5, 1)
