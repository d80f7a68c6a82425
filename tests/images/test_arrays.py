"""Arrays and lists become inputs: which value is black, which is white, and when that is doubtful."""

import warnings

import numpy as np
import pytest
from PIL import Image

from convlab.images.preprocessing import UNIT_GREY, VGG
from convlab.images.reading import prepare
from support.files.pictures import COLOUR, GREY, as_is, photo


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 255, 7]], np.uint8), [0, 255, 7]),
        (np.array([[0, 65535, 257]], np.uint16), [0, 255, 1]),
        (np.array([[0, 65535, 257]], ">u2"), [0, 255, 1]),
        (np.array([[False, True, True]]), [0, 255, 255]),
        (np.array([[0, 255, 7]], np.int64), [0, 255, 7]),
        (np.array([[0, 255, 7]], np.uint32), [0, 255, 7]),
        (np.array([[0, 255, 7.5]], np.float64), [0, 255, 7.5]),
        (np.array([[0, 255, 7.5]], np.float16), [0, 255, 7.5]),
        ([[0, 255, 7.5]], [0, 255, 7.5]),
        ([[True, False, True]], [255, 0, 255]),
        ([[np.True_, np.False_, np.True_]], [255, 0, 255]),
        ([[[0], [255], [7]]], [0, 255, 7]),
    ],
)
def test_the_scale_of_arrays(values, expected):
    assert as_is(values, GREY, size=(1, 3)).ravel().tolist() == expected


def test_floats_follow_the_preprocessing():
    values = np.linspace(0, 1, 143).reshape(11, 13)
    np.testing.assert_allclose(as_is(values, UNIT_GREY)[..., 0], values, rtol=2e-7)
    x = as_is(np.stack([values * 255] * 3, axis=-1), VGG)
    np.testing.assert_allclose(x[..., 0], values * 255 - 103.939, atol=2e-5)


def test_span_says_what_is_black_and_white():
    values = [[-1, 0, 1]]
    for source in (values, np.array(values, np.int8), np.array(values, np.float32)):
        assert as_is(source, GREY, size=(1, 3), span=(-1, 1)).ravel().tolist() == [0, 127.5, 255]
    assert as_is(values, GREY, size=(1, 3), span=(1, -1)).ravel().tolist() == [255, 127.5, 0]  # a negative
    assert as_is([[0, 1, 1]], UNIT_GREY, size=(1, 3), span=(0, 1)).ravel().tolist() == [0, 1, 1]
    bits = np.array([[True, False, True]])
    assert as_is(bits, GREY, size=(1, 3), span=(0, 2)).ravel().tolist() == [127.5, 0, 127.5]


def test_span_holds_for_files_too(tmp_path):
    pixels = np.array([[0, 51, 102]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "dark.png")
    assert as_is(tmp_path / "dark.png", GREY, size=(1, 3), span=(0, 102)).ravel().tolist() == [0, 127.5, 255]
    assert as_is(tmp_path / "dark.png", GREY, size=(1, 3), span=(0, 255)).ravel().tolist() == [0, 51, 102]


def test_a_connectivity_matrix_becomes_an_input():
    matrix = np.random.default_rng(0).uniform(-1, 1, (70, 70))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1)
    x = prepare(matrix, (224, 224, 3), VGG, span=(-1, 1))
    pixels = np.asarray(
        Image.fromarray(((matrix + 1) * 127.5).astype(np.float32)).resize((224, 224), Image.Resampling.BILINEAR)
    )
    expected = pixels[..., None] - np.array([103.939, 116.779, 123.68], np.float32)
    np.testing.assert_allclose(x, expected[None], atol=5e-5)
    nearest = as_is(matrix, GREY, size=(140, 140), span=(-1, 1), resample="nearest")[..., 0]
    np.testing.assert_array_equal(nearest, ((matrix + 1) * 127.5).astype(np.float32).repeat(2, 0).repeat(2, 1))


def test_a_list_is_a_batch_each_prepared_by_itself(tmp_path):
    first, second = photo(11, 13), photo(29, 17, channels=0, seed=1)
    Image.fromarray(first).save(tmp_path / "a.png")
    sources = [tmp_path / "a.png", second, Image.fromarray(first), second.tolist(), np.stack([first, first])]
    x = prepare(sources, (7, 5, 3), VGG)
    assert x.shape == (6, 7, 5, 3)
    one, two, three = (prepare(s, (7, 5, 3), VGG)[0] for s in (first, second, second.astype(int)))
    for got, expected in zip(x, (one, two, one, three, one, one), strict=True):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(prepare((first,), (7, 5, 3), VGG)[0], one)


def test_anything_with_an_array_inside():
    class Frame:
        def __array__(self, dtype=None, copy=None):
            return photo()

    np.testing.assert_array_equal(as_is(Frame()), photo())


@pytest.mark.parametrize("preprocessing", [COLOUR, VGG, GREY])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_arrays_stay_as_they_are_and_are_not_aliased(preprocessing, dtype):
    values = photo().astype(dtype)[:, ::-1]
    values.flags.writeable = False
    x = prepare(values, (11, 13, len(preprocessing.channels)), preprocessing)
    assert not np.shares_memory(x, values)
    np.testing.assert_array_equal(values, photo()[:, ::-1])


# warnings


@pytest.mark.parametrize(
    ("values", "preprocessing", "options", "message"),
    [
        ([0, 0.25, 1.0], COLOUR, {}, r"array \(1, 3\): values span 0..1, but 0..255 is read as black"),
        ([0, 1, 1], COLOUR, {}, r"values span 0..1, but 0..255 is read as black..white; pass span="),
        ([0.0, 2.5, 5.2], COLOUR, {}, r"values span 0..5\.2, but 0..255 is read as black..white; pass span="),
        ([-1.0, 0, 9], COLOUR, {}, r"values span -1..9, but 0..255 is read as black..white"),
        ([3, 256, 9], COLOUR, {}, r"values span 3..256, but 0..255"),
        ([0.5, 255, 9], UNIT_GREY, {}, r"values span 0\.5..255, but 0..1 is read as"),
        ([-1, 0, 1.5], UNIT_GREY, {"span": (-1, 1)}, r"values span -1..1\.5, but -1..1 is read as"),
        ([-1, 0, 1.5], UNIT_GREY, {"span": (1, -1)}, r"values span -1..1\.5, but 1..-1 is read as"),
    ],
)
def test_values_off_the_assumed_scale_warn_and_are_used_as_found(values, preprocessing, options, message):
    shape = (1, 3, len(preprocessing.channels))
    with pytest.warns(UserWarning, match=message) as caught:
        x = prepare(np.array([values]), shape, preprocessing, **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert (x.shape, x.dtype) == ((1, *shape), np.float32)
    black, white = options.get("span", preprocessing.float_range)
    expected = (np.array(values) - black) / (white - black) * (1 if preprocessing is UNIT_GREY else 255)
    np.testing.assert_allclose(x[0, 0, :, 0], expected, rtol=1e-6)


def test_a_warning_names_the_file_or_the_place_in_the_list(tmp_path):
    np.save(tmp_path / "unit.npy", np.full((3, 4), 0.5))
    with pytest.warns(UserWarning, match=r"unit\.npy: values span 0\.5..0\.5, but 0..255"):
        prepare(tmp_path / "unit.npy", (3, 4, 1), GREY)
    with pytest.warns(UserWarning, match=r"^image 1 of the list, array \(3, 4\): values span"):
        prepare([photo(3, 4, 0), np.full((3, 4), 0.5)], (3, 4, 1), GREY)


@pytest.mark.parametrize(
    ("values", "preprocessing", "options"),
    [
        (np.zeros((1, 3)), GREY, {}),  # all black
        (np.array([[0.0, 255.02, -0.02]]), GREY, {}),  # rounding
        (np.array([[0.0, 1.00005, -0.00005]]), UNIT_GREY, {}),
        (np.array([[0.0, 0.5, 1.0]]), GREY, {"span": (0, 255)}),  # said, so meant
    ],
)
def test_no_warning_where_the_scale_can_be_right(values, preprocessing, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_is(values, preprocessing, size=(1, 3), **options)
