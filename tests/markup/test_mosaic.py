"""The mosaic: whole pixels, every channel, marks for what has no colour."""

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError
from convlab.markup.mosaic import DEAD, GAP, NOT_FINITE, default_columns
from convlab.markup.scale import Scale

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("channels", [1, 3, 6, 20, 67, 512])
def test_every_channel_is_there_pixel_by_pixel(channels):
    maps = RNG.random((2, 5, 7, channels), np.float32)
    maps[1, 0, 0], maps[1, 0, 1] = 1.0, 0.0  # so that every channel spans 0..1 and levels are known
    columns, zoom, gap = default_columns(channels), 3, 2
    picture = convlab.mosaic(maps, columns, zoom=zoom, gap=gap, image=1)
    rows = -(-channels // columns)
    assert picture.dtype == np.uint8
    assert picture.shape == (rows * (5 * zoom + gap) - gap, columns * (7 * zoom + gap) - gap)
    for channel in range(channels):
        top, left = channel // columns * (5 * zoom + gap), channel % columns * (7 * zoom + gap)
        tile = picture[top : top + 5 * zoom, left : left + 7 * zoom]
        expected = np.rint(maps[1, :, :, channel] * 255).astype(np.uint8)
        assert np.array_equal(tile, np.kron(expected, np.ones((zoom, zoom), np.uint8)))


def test_gaps_and_empty_places_are_white():
    picture = convlab.mosaic(np.zeros((2, 3, 5)), columns=3, gap=4)
    marks = np.full(picture.shape, 255, np.uint8)
    for top, left in [(0, 0), (0, 7), (0, 14), (6, 0), (6, 7)]:
        marks[top : top + 2, left : left + 3] = 0
    assert np.array_equal(picture, marks)


def test_no_gap():
    assert convlab.mosaic(np.ones((2, 3, 4)), columns=4, gap=0).shape == (2, 12)


def test_a_dense_layer_is_cells_of_one_pixel():
    picture = convlab.mosaic(np.array([[0.0, 2.0, 1.0]]), columns=3, gap=0, scale="shared")
    assert picture.tolist() == [[0, 255, 128]]


def test_shared_scale_keeps_channels_comparable_and_own_scales_do_not():
    maps = np.zeros((1, 2, 2))
    maps[0, 0] = 1.0, 4.0
    assert convlab.mosaic(maps, columns=2, gap=0, scale="shared")[0].tolist() == [64, 0, 255, 0]
    assert convlab.mosaic(maps, columns=2, gap=0, scale="channel")[0].tolist() == [255, 0, 255, 0]


def test_signed_values_have_zero_in_the_middle():
    maps = np.array([[[-2.0], [0.0], [1.0]]])
    assert convlab.mosaic(maps, gap=0).tolist() == [[0, 128, 191]]


def test_standardised_scale_is_mean_plus_minus_two_deviations():
    maps = np.array([[[0.0], [1.0], [2.0], [3.0]]])  # mean 1.5, deviation sqrt(1.25)
    expected = np.rint((maps[0, :, 0] - 1.5 + 2 * np.sqrt(1.25)) / (4 * np.sqrt(1.25)) * 255)
    assert np.array_equal(convlab.mosaic(maps, gap=0, scale="standardised")[0], expected)


@pytest.mark.parametrize("scale", ["shared", "channel", "standardised"])
def test_constant_channels_do_not_divide_by_zero(scale):
    assert convlab.mosaic(np.full((2, 3, 5), 7.0), scale=scale).shape[0] > 0


def test_dead_channels_are_hatched_and_not_finite_values_magenta():
    maps = np.ones((6, 8, 3))
    maps[:, :, 1] = 0
    maps[2, 3, 2] = np.nan
    maps[0, 1, 2] = np.inf
    picture = convlab.mosaic(maps, columns=3, gap=1, colors="auto")
    assert {tuple(pixel) for pixel in picture[:, 9:17].reshape(-1, 3)} == set(DEAD)
    magenta = (picture == NOT_FINITE).all(axis=2)
    assert sorted(map(tuple, np.argwhere(magenta))) == [(0, 19), (2, 21)]
    assert (picture[:, 8] == GAP).all()


def test_colours_are_the_colormaps():
    import matplotlib

    maps = np.array([[[0.0], [1.0]]])
    ends = (matplotlib.colormaps["magma"]([0.0, 1.0], bytes=True))[:, :3]
    assert np.array_equal(convlab.mosaic(maps, gap=0, colors="magma")[0], ends)


def test_the_activation_is_left_alone():
    maps = RNG.random((4, 5, 3))
    maps.flags.writeable = False
    before = maps.copy()
    convlab.mosaic(maps, colors="auto")
    assert np.array_equal(maps, before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convlab.mosaic(np.ones((2, 3, 4, 5, 6))), r"shape \(2, 3, 4, 5, 6\), expected \(N, H, W, C\)"),
        (lambda: convlab.mosaic(np.ones((2, 0, 4, 5))), "none of them 0"),
        (lambda: convlab.mosaic(np.ones((2, 3, 4, 5)), image=2), "image 2 of a batch of 2 does not exist"),
        (lambda: convlab.mosaic(np.ones((2, 3, 4)), scale="best"), "'best' is unknown: use shared, channel"),
        (lambda: convlab.mosaic(np.ones((2, 3, 4)), zoom=0), "zoom 0"),
        (lambda: convlab.mosaic(np.ones((2, 3, 4)), columns=-1), "-1 columns, expected at least 1"),
        (lambda: convlab.mosaic(np.ones((2, 3, 4)), columns=0), "0 columns, expected at least 1"),
        (
            lambda: convlab.mosaic(np.ones((2, 3, 4)), colors="jett"),
            "'jett'; did you mean 'jet'",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


def test_default_columns_make_full_rows_where_they_can():
    assert {n: default_columns(n) for n in (1, 3, 6, 16, 20, 64, 128, 256, 512)} == {
        1: 1, 3: 3, 6: 3, 16: 8, 20: 5, 64: 16, 128: 16, 256: 32, 512: 32,
    }  # fmt: skip


def test_a_scale_says_what_it_is():
    maps = np.array([[[0.0, -3.0], [2.0, 1.0]]])
    assert str(Scale.of(maps, "shared")) == "one scale for all channels: -3 to 3"
    assert str(Scale.of(maps, "channel")) == "each channel on its own scale, symmetric about 0"
    assert str(Scale.of(abs(maps), "channel")) == "each channel on its own scale, from 0 to its maximum"
    assert str(Scale.of(maps, "standardised")) == "each channel's mean ± 2 standard deviations"


def test_what_is_not_finite_does_not_move_the_scale():
    maps = np.random.default_rng(0).normal(1000, 1, (9, 8, 1))
    whole = Scale.of(maps[:5], "standardised")
    maps[5:] = np.nan
    part = Scale.of(maps, "standardised")
    assert np.allclose([part.low, part.high], [whole.low, whole.high])
    maps[5:] = np.inf
    assert np.allclose(Scale.of(maps, "channel").high, maps[:5].max())


def test_a_constant_channel_lies_on_its_mean():
    assert convlab.mosaic(np.full((2, 3, 1), 7.0), scale="standardised").tolist() == [[128] * 3] * 2


def test_single_cells_share_their_scale():
    assert convlab.mosaic(np.array([[1.0, 4.0, 2.0]]), gap=0, columns=3).tolist() == [[64, 255, 128]]
    assert str(Scale.of(np.ones((1, 1, 3)), "channel")) == "one scale for all channels: 0 to 1"


def test_default_columns_know_wide_and_tall_tiles():
    assert default_columns(16, height=4, width=900) == 1
    assert default_columns(16, height=300, width=4) == 16
    assert default_columns(32, height=60, width=120) == 8
