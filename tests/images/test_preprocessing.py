"""What a preprocessing makes of pixels, how it is undone and printed, and when it warns."""

import dataclasses
import warnings
from importlib import import_module

import numpy as np
import pytest

from convlab.errors import ImageError, ShapeError
from convlab.images.preprocessing import MODES, UNIT_GREY, VGG, Preprocessing, assumed, standard
from support.recorded import answer

TF, RAW, TORCH = MODES["tf"], MODES["raw"], MODES["torch"]


def photo(seed=0, shape=(2, 5, 7, 3)):
    """Return pixels that reach both ends of 0..255 in every channel."""
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
    return pixels


# ---- apply


def in_keras(pixels, mode):
    """Return what Keras makes of pixels."""

    def ask():
        utils = import_module("keras.src.applications.imagenet_utils")
        return utils.preprocess_input(pixels.copy(), data_format="channels_last", mode=mode)

    return answer("keras", ("preprocess_input", mode, pixels), ask)


def test_vgg_equals_keras():
    pixels = photo()
    np.testing.assert_array_equal(VGG.apply(pixels), in_keras(pixels.astype(np.float32), "caffe"))


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_the_modes_equal_keras(mode):
    pixels = photo()
    expected = in_keras(pixels.astype(np.float64), mode)
    # a mean, a difference and a scale rounded to float32: three roundings of numbers up to the largest result
    tolerance = 3 * np.finfo(np.float32).eps * np.abs(expected).max()
    np.testing.assert_allclose(MODES[mode].apply(pixels), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("mode", "ends"), [("raw", (0, 255)), ("unit", (0, 1)), ("tf", (-1, 1))])
def test_modes_of_one_channel(mode, ends):
    x = standard(mode, 1).apply(np.array([0, 255], np.uint8).reshape(1, 1, 2, 1))
    np.testing.assert_allclose(x.ravel(), ends, rtol=1e-7)


@pytest.mark.parametrize(
    ("mode", "channels", "message"),
    [
        ("units", 3, "no preprocessing 'units'; did you mean 'unit'"),
        ("torch", 1, "preprocessing torch makes 3 channels, the network takes 1"),
        ("raw", 4, "preprocessing raw makes 3 channels, the network takes 4"),
    ],
)
def test_modes_that_do_not_fit_are_refused(mode, channels, message):
    with pytest.raises(ImageError, match=message):
        standard(mode, channels)


@pytest.mark.parametrize(("rescales", "name"), [(True, "raw"), (False, "unit")])
def test_what_is_assumed_warns_where_it_is_applied_and_finds_nothing_wrong(rescales, name):
    preprocessing = assumed(rescales, channels=3)
    with pytest.warns(UserWarning, match=rf"assumed {name}: RGB.* \(to choose: preprocessing="):
        x = preprocessing.apply(photo())
    np.testing.assert_array_equal(x, MODES[name].apply(photo()))
    preprocessing.check(x * 999)  # warnings are errors here


def test_vgg_makes_bgr():
    red = np.zeros((1, 2, 3, 3), np.uint8)
    red[..., 0] = 255
    x = VGG.apply(red)
    assert x[0, 1, 2].tolist() == pytest.approx([-103.939, -116.779, 255 - 123.68], abs=1e-5)


def test_unit_grey_equals_a_division_by_255():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 8, 32, 1)
    np.testing.assert_array_equal(UNIT_GREY.apply(pixels), pixels.astype(np.float32) / np.float32(255))


def test_mean_goes_before_scale():
    x = TF.apply(np.array([0, 127.5, 255], np.float32).reshape(1, 1, 1, 3))
    assert x.ravel().tolist() == [-1, 0, 1]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("preprocessing", [VGG, UNIT_GREY, TF, RAW])
def test_apply_gives_contiguous_float32_and_leaves_the_pixels(preprocessing, dtype):
    pixels = np.asfortranarray(photo()[..., : len(preprocessing.channels)].astype(dtype))
    before = pixels.copy()
    pixels.flags.writeable = False
    x = preprocessing.apply(pixels)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    assert x.shape == pixels.shape
    assert not np.shares_memory(x, pixels)
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("shape", [(5, 7, 3), (2, 5, 7, 1), (2, 5, 7, 4)])
@pytest.mark.parametrize("step", ["apply", "restore"])
def test_other_shapes_are_refused(step, shape):
    with pytest.raises(ShapeError, match=r"^preprocessing vgg-caffe: shape \(.*\); expected \(N, H, W, 3\)$"):
        getattr(VGG, step)(np.zeros(shape, np.float32))


# ---- restore


@pytest.mark.parametrize("preprocessing", [VGG, UNIT_GREY, TF, RAW])
def test_restore_undoes_apply(preprocessing):
    pixels = photo()[..., : len(preprocessing.channels)]
    restored = preprocessing.restore(preprocessing.apply(pixels))
    assert restored.dtype == np.uint8
    np.testing.assert_array_equal(restored, pixels)


def test_restore_rounds_clips_and_survives_nan():
    x = np.array([-0.3, 0.4999, 0.503, 1.7, np.nan, np.inf, -np.inf], np.float32).reshape(1, 1, 7, 1)
    before = x.copy()
    assert UNIT_GREY.restore(x).ravel().tolist() == [0, 127, 128, 255, 0, 255, 0]
    np.testing.assert_array_equal(x, before)


# ---- check


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("preprocessing", [VGG, UNIT_GREY, TF, RAW, TORCH])
def test_no_warning_for_what_apply_makes(preprocessing, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        preprocessing.check(preprocessing.apply(photo()[..., : len(preprocessing.channels)]).astype(dtype))


@pytest.mark.parametrize("preprocessing", [VGG, UNIT_GREY, TF])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_no_warning_for_flat_input(preprocessing, value):
    channels = len(preprocessing.channels)
    x = np.full((2, 5, 7, channels), value, np.float32)
    x += np.linspace(0, 1e-4, channels, dtype=np.float32)  # the channels of a flat colour differ
    x[0] -= np.float32(1e-4)  # hardly any variance
    preprocessing.check(x)


@pytest.mark.parametrize("flat", [(0, 0, 0), (255, 255, 255), (124, 117, 104), (12, 200, 90)])
def test_no_warning_for_one_colour(flat):
    VGG.check(VGG.apply(np.full((1, 4, 5, 3), flat, np.uint8)))


def test_no_warning_for_nan_an_empty_batch_or_another_shape():
    VGG.check(np.full((1, 4, 5, 3), np.nan, np.float32))
    VGG.check(np.zeros((0, 4, 5, 3), np.float32))
    VGG.check(np.full((1, 4, 5, 6), 999.0))
    VGG.check(np.full((4, 5, 3), 999.0))


RNG = np.random.default_rng(1)
UNIT = RNG.random((2, 5, 7, 3), np.float32)
SIGNED = UNIT * 2 - 1


@pytest.mark.parametrize(
    ("preprocessing", "x", "message"),
    [
        (
            VGG,
            UNIT,
            r"input spans 0\.0\d+..0\.9\d+, but vgg-caffe makes -123\.7..151\.1: looks like pixels from 0 to 1",
        ),
        (VGG, SIGNED, r"input spans -0\.9\d+..0\.9\d+, .*: looks like pixels from -1 to 1; use model\.prepare$"),
        (VGG, photo(), r"input spans 0..255, .*: looks like raw 0-255 pixels; use model\.prepare$"),
        (VGG, photo() - 300.0, r"input spans -300..-45, .*: no picture gives that; use model\.prepare$"),
        (RAW, UNIT, r", but raw makes 0..255: looks like pixels from 0 to 1; use model\.prepare$"),
        (RAW, photo() - 1.0, r"input spans -1..254, but raw makes 0..255: no picture gives that"),
        (TF, photo(), r"input spans 0..255, but tf makes -1..1: looks like raw 0-255 pixels"),
        (
            UNIT_GREY,
            photo()[..., :1],
            r"input spans 0..255, but unit makes 0..1: looks like raw 0-255 pixels",
        ),
        (UNIT_GREY, SIGNED[..., :1], r"input spans -0\.9\d+..0\.\d+, but unit makes 0..1: no picture gives"),
    ],
)
def test_warnings(preprocessing, x, message):
    with pytest.warns(UserWarning, match=message) as caught:
        preprocessing.check(x)
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)
    assert caught[0].filename == __file__  # the caller's line, not one inside convlab


def test_each_channel_has_its_own_limits():
    x = np.zeros((1, 2, 3, 3), np.float32)
    x[..., 0] = 151.0  # blue may: 255 - 103.939
    VGG.check(x)
    with pytest.warns(UserWarning, match="input spans 0..151, but vgg-caffe makes"):
        VGG.check(x[..., ::-1])  # red may not: 255 - 123.68


def test_the_edge_of_the_range_is_where_it_is_stated():
    x = np.zeros((1, 2, 3, 1), np.float32)
    x[0, 0, 0] = 1.0009
    UNIT_GREY.check(x)
    x[0, 0, 0] = 1.0011
    with pytest.warns(UserWarning, match=r"input spans 0..1\.001"):
        UNIT_GREY.check(x)


# ---- the object


@pytest.mark.parametrize(
    ("preprocessing", "line"),
    [
        (VGG, "vgg-caffe: RGB -> BGR, 0-255, minus (103.939, 116.779, 123.68)"),
        (UNIT_GREY, "unit: grey, 0-255 -> 0-1"),
        (RAW, "raw: RGB, 0-255"),
        (
            TORCH,
            "torch: RGB, 0-255, minus (123.675, 116.28, 103.53), times (0.0171248, 0.017507, 0.0174292)",
        ),
        (Preprocessing("m", "L", (127.5,), 0.5), "m: grey, 0-255, minus (127.5), times 0.5"),
    ],
)
def test_str(preprocessing, line):
    assert str(preprocessing) == line


def test_it_is_a_value():
    assert dataclasses.replace(VGG) == VGG
    assert len({VGG, dataclasses.replace(VGG), UNIT_GREY}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        VGG.scale = 2.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channels": "GBR"}, r"preprocessing p: channels 'GBR'; use 'RGB', 'BGR' or 'L'"),
        ({"channels": "L", "mean": (1.0, 2.0)}, r"preprocessing p: 2 means for channels 'L'; give 1 or none"),
        ({"channels": "RGB", "scale": 0.0}, r"preprocessing p: scale 0\.0; it must be finite and not 0"),
        ({"channels": "RGB", "scale": (1.0, 2.0)}, "preprocessing p: 2 scales for channels 'RGB'; give 3 or one"),
        ({"channels": "L", "scale": (0.0,)}, r"preprocessing p: scale \(0\.0,\); it must be finite and not 0"),
        ({"channels": "RGB", "scale": float("nan")}, r"preprocessing p: scale nan"),
    ],
)
def test_impossible_fields_are_refused(fields, message):
    with pytest.raises(ImageError, match=message):
        Preprocessing("p", **fields)
