"""Every kind of picture becomes the input it should, and every bad one a single clear line."""

import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from convlab.errors import ImageError
from convlab.files.images import prepare
from convlab.preprocessing import UNIT_GREY, VGG, Preprocessing

GREY = Preprocessing("grey", "L")  # these two leave the 0..255 scale as it is, so that tests can read it
COLOUR = Preprocessing("colour", "RGB")
FILTERS = ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]


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


# ---- files


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.ppm", "a.webp", "A.PNG"])
def test_lossless_colour_files(tmp_path, name):
    pixels = photo()
    Image.fromarray(pixels).save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    np.testing.assert_array_equal(as_is(tmp_path / name), pixels)
    np.testing.assert_array_equal(as_is(str(tmp_path / name)), pixels)


def test_jpeg_is_what_pillow_decodes(tmp_path):
    Image.fromarray(photo()).save(tmp_path / "a.jpg")
    np.testing.assert_array_equal(as_is(tmp_path / "a.jpg"), np.asarray(stored(tmp_path / "a.jpg")))


def test_grey_file_to_colour_and_colour_file_to_grey(tmp_path):
    grey, colour = photo(channels=0), photo()
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(colour).save(tmp_path / "colour.png")
    np.testing.assert_array_equal(as_is(tmp_path / "grey.png"), np.stack([grey] * 3, axis=-1))
    luma = (colour.astype(int) @ [19595, 38470, 7471] + 0x8000) >> 16  # BT.601 in 16-bit fixed point
    np.testing.assert_array_equal(as_is(tmp_path / "colour.png", GREY)[..., 0], luma)


def test_bilevel_and_palette_files(tmp_path):
    bits = photo(channels=0) > 127
    Image.fromarray(bits).save(tmp_path / "bits.png")
    assert stored(tmp_path / "bits.png").mode == "1"
    np.testing.assert_array_equal(as_is(tmp_path / "bits.png", GREY)[..., 0], bits * 255)
    palette = Image.fromarray(photo()).quantize(17)
    palette.save(tmp_path / "palette.png")
    assert stored(tmp_path / "palette.png").mode == "P"
    np.testing.assert_array_equal(as_is(tmp_path / "palette.png"), np.asarray(palette.convert("RGB")))


def over_white(pixels):
    colour, alpha = pixels[..., :-1].astype(float), pixels[..., -1:] / 255
    return np.round(colour * alpha + 255 * (1 - alpha))


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_lies_over_white(tmp_path, channels):
    pixels = photo(channels=channels)
    pixels[0, 0, -1], pixels[0, 1, -1] = 0, 255
    Image.fromarray(pixels).save(tmp_path / "alpha.png")
    assert stored(tmp_path / "alpha.png").mode == {2: "LA", 4: "RGBA"}[channels]
    x = as_is(tmp_path / "alpha.png")
    np.testing.assert_array_equal(x, np.broadcast_to(over_white(pixels), (11, 13, 3)))
    assert x[0, 0].tolist() == [255, 255, 255]
    if channels == 2:  # grey stays exactly that grey on its way through colour
        np.testing.assert_array_equal(as_is(tmp_path / "alpha.png", GREY), over_white(pixels))


def test_a_transparent_palette_entry_and_a_transparent_colour_are_white(tmp_path):
    palette = Image.new("P", (13, 11), 1)
    palette.putpalette([0, 0, 0, 200, 10, 20])
    palette.putpixel((2, 3), 0)
    palette.save(tmp_path / "a.gif", transparency=0)
    colour = Image.new("RGB", (13, 11), (200, 10, 20))
    colour.putpixel((2, 3), (1, 2, 3))
    colour.save(tmp_path / "a.png", transparency=(1, 2, 3))
    for name in ("a.gif", "a.png"):
        x = as_is(tmp_path / name)
        assert x[3, 2].tolist() == [255, 255, 255]
        assert x[0, 0].tolist() == [200, 10, 20]


def test_float_alpha_array_lies_over_white():
    pixels = photo(channels=4)
    x = as_is(pixels / 255.0, UNIT_GREY, fit="stretch")[..., 0]
    colour = pixels[..., :3] / 255 * (pixels[..., 3:] / 255) + 1 - pixels[..., 3:] / 255
    np.testing.assert_allclose(x, colour @ [0.299, 0.587, 0.114], atol=2e-7)


def test_16_bit_png_keeps_its_precision(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (11, 13), dtype=np.uint16)
    deep[0, :3] = 0, 65535, 257 * 100 + 1
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert stored(tmp_path / "deep.png").mode == "I;16"
    x = as_is(tmp_path / "deep.png", GREY)[..., 0]
    np.testing.assert_array_equal(x, (deep / 257).astype(np.float32))
    assert x[0, 1] == 255.0
    assert 100 < x[0, 2] < 100.01


def test_16_bit_pgm_and_tiff_of_either_byte_order(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (11, 13), dtype=np.uint16)
    deep[0, :2] = 0, 65535
    (tmp_path / "deep.pgm").write_bytes(b"P5 13 11 65535\n" + deep.astype(">u2").tobytes())
    Image.frombytes("I;16B", (13, 11), deep.astype(">u2").tobytes()).save(tmp_path / "big.tiff")
    Image.fromarray(deep).save(tmp_path / "little.tiff")
    for name in ("deep.pgm", "big.tiff", "little.tiff"):
        np.testing.assert_array_equal(as_is(tmp_path / name, GREY)[..., 0], (deep / 257).astype(np.float32))


def test_cmyk_jpeg(tmp_path):
    cmyk = Image.fromarray(photo()).convert("CMYK")
    cmyk.save(tmp_path / "cmyk.jpg", quality=100)
    image = stored(tmp_path / "cmyk.jpg")
    assert image.mode == "CMYK"
    np.testing.assert_array_equal(as_is(tmp_path / "cmyk.jpg"), np.asarray(image.convert("RGB")))
    Image.new("CMYK", (13, 11), (0, 255, 255, 0)).save(tmp_path / "red.tiff")
    assert as_is(tmp_path / "red.tiff")[5, 5].tolist() == [255, 0, 0]


UPRIGHT = {  # EXIF orientation -> how the stored rows and columns become the upright picture
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("name", ["turned.jpg", "turned.png"])
def test_exif_orientation(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(photo(16, 24)).save(tmp_path / name, exif=exif, quality=95)
    with Image.open(tmp_path / name) as image:
        expected = UPRIGHT[orientation](np.asarray(image))
        np.testing.assert_array_equal(as_is(image, size=expected.shape[:2]), expected)  # a PIL image, too
    np.testing.assert_array_equal(as_is(tmp_path / name, size=expected.shape[:2]), expected)


def test_float_tiff_is_read_on_the_scale_of_float_arrays(tmp_path):
    values = np.random.default_rng(0).random((11, 13), np.float32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    np.testing.assert_allclose(as_is(tmp_path / "a.tiff", UNIT_GREY)[..., 0], values, rtol=3e-7)
    Image.fromarray(values * 255).save(tmp_path / "b.tiff")
    np.testing.assert_array_equal(as_is(tmp_path / "b.tiff", GREY)[..., 0], values * np.float32(255))


def frame_count(path):
    with Image.open(path) as image:
        return image.n_frames


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (13, 11), colour) for colour in ("red", "lime", "blue")]
    for name in ("a.gif", "a.png", "a.webp", "a.tiff"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert frame_count(tmp_path / name) == 3
        np.testing.assert_allclose(as_is(tmp_path / name)[4, 5], [255, 0, 0], atol=1.1)  # webp is lossy


@pytest.mark.parametrize(("shape", "batch"), [((11, 13), 1), ((11, 13, 1), 1), ((11, 13, 3), 1), ((2, 11, 13, 3), 2)])
def test_npy(tmp_path, shape, batch):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "a.npy", values)
    x = prepare(tmp_path / "a.npy", (11, 13, 3), COLOUR)
    np.testing.assert_array_equal(x, np.broadcast_to(values.reshape(batch, 11, 13, -1), (batch, 11, 13, 3)))


# ---- PIL images


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_pil_modes(mode):
    image = Image.fromarray(photo()).convert(mode)
    np.testing.assert_array_equal(as_is(image), np.asarray(image.convert("RGB")))


def test_pil_mode_i_is_an_array_of_ints():
    values = photo(channels=0).astype(np.int32)
    np.testing.assert_array_equal(as_is(Image.fromarray(values), GREY)[..., 0], values)


# ---- arrays and lists


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


# ---- size


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize("size", [(7, 5), (23, 31), (19, 8)])
def test_8_bits_are_resized_exactly_as_pillow_does(size, resample):
    image = Image.fromarray(photo(11, 13))
    expected = np.asarray(image.resize(size[::-1], Image.Resampling[resample.upper()]))
    np.testing.assert_array_equal(as_is(image, size=size, fit="stretch", resample=resample), expected)
    grey = image.convert("L")
    expected = np.asarray(grey.resize(size[::-1], Image.Resampling[resample.upper()]))
    np.testing.assert_array_equal(as_is(image, GREY, size, fit="stretch", resample=resample)[..., 0], expected)


@pytest.mark.parametrize("resample", FILTERS)
def test_floats_are_resized_as_pillow_does_without_ringing_past_black_and_white(resample):
    values = (np.random.default_rng(0).random((11, 13)) > 0.5) * np.float32(255)
    expected = np.asarray(Image.fromarray(values).resize((31, 23), Image.Resampling[resample.upper()]))
    x = as_is(values, GREY, (23, 31), fit="stretch", resample=resample)[..., 0]
    np.testing.assert_array_equal(x, expected.clip(0, 255))
    assert (expected.min() < -5) == (resample in ("bicubic", "lanczos"))


@pytest.mark.parametrize("resample", FILTERS)
def test_values_outside_the_span_are_not_clipped_by_resizing(resample):
    values = np.repeat(np.repeat([[-90.0, 400.0, 20.0]], 9, 0), 9, 1)  # flat areas, wide enough for every filter
    with pytest.warns(UserWarning, match=r"values span -90..400"):
        x = as_is(values, GREY, (18, 54), fit="stretch", resample=resample)
    assert (x.min(), x.max()) == (-90, 400)


def test_the_default_is_crop_and_bilinear():
    image = Image.fromarray(photo(11, 13))
    expected = np.asarray(image.resize((9, 8), Image.Resampling.BILINEAR))[:, 2:7]  # 13 * 8 / 11 = 9.45
    np.testing.assert_array_equal(as_is(image, size=(8, 5)), expected)


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
    x = as_is(coordinates(*shape), size=size)
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
    x = as_is(coordinates(*shape), size=size, resample="nearest")
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


def test_a_real_photograph(shared):
    path = shared / "photos" / "chelsea.png"
    x = prepare(path, (224, 224, 3), VGG)
    with Image.open(path) as image:
        assert image.size == (451, 300)
        pixels = np.asarray(image.resize((336, 224), Image.Resampling.BILINEAR))[:, 56:280]
    np.testing.assert_array_equal(VGG.restore(x)[0], pixels)
    np.testing.assert_array_equal(x, VGG.apply(pixels[None]))
    VGG.check(x)


# ---- nothing is modified


def test_sources_stay_as_they_are(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.png"
    Image.fromarray(photo(channels=4)).save(path, exif=exif)
    data = path.read_bytes()
    prepare(path, (7, 5, 1), UNIT_GREY)
    assert path.read_bytes() == data
    with Image.open(path) as image:
        prepare(image, (7, 5, 1), UNIT_GREY)
        assert (image.mode, image.size, image.getexif()[0x0112]) == ("RGBA", (13, 11), 6)
        np.testing.assert_array_equal(np.asarray(image), photo(channels=4))


@pytest.mark.parametrize("preprocessing", [COLOUR, VGG, GREY])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_arrays_stay_as_they_are_and_are_not_aliased(preprocessing, dtype):
    values = photo().astype(dtype)[:, ::-1]
    values.flags.writeable = False
    x = prepare(values, (11, 13, len(preprocessing.channels)), preprocessing)
    assert not np.shares_memory(x, values)
    np.testing.assert_array_equal(values, photo()[:, ::-1])


def test_the_engine_does_not_load_pillow_before_it_is_needed():
    code = "import sys, convlab.preprocessing; assert 'PIL' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- warnings


@pytest.mark.parametrize(
    ("values", "preprocessing", "options", "message"),
    [
        (
            np.array([[0, 0.25, 1.0]]),
            COLOUR,
            {},
            r"array \(1, 3\): values span 0..1, but 0..255 is read as black",
        ),
        (
            np.array([[0, 1, 1]]),
            COLOUR,
            {},
            r"values span 0..1, but 0..255 is read as black..white; pass span=",
        ),
        (np.array([[-1.0, 0, 9]]), COLOUR, {}, r"values span -1..9, but 0..255 is read as black..white"),
        (np.array([[3, 256, 9]]), COLOUR, {}, r"values span 3..256, but 0..255"),
        (np.array([[0.5, 255, 9]]), UNIT_GREY, {}, r"values span 0\.5..255, but 0..1 is read as"),
        (
            np.array([[-1, 0, 1.5]]),
            UNIT_GREY,
            {"span": (-1, 1)},
            r"values span -1..1\.5, but -1..1 is read as",
        ),
        (
            np.array([[-1, 0, 1.5]]),
            UNIT_GREY,
            {"span": (1, -1)},
            r"values span -1..1\.5, but 1..-1 is read as",
        ),
    ],
)
def test_values_off_the_assumed_scale_warn_and_are_used_as_found(values, preprocessing, options, message):
    with pytest.warns(UserWarning, match=message) as caught:
        x = as_is(values, preprocessing, size=(1, 3), **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    black, white = options.get("span", preprocessing.float_range)
    expected = (values[0] - black) / (white - black) * (1 if preprocessing is UNIT_GREY else 255)
    np.testing.assert_allclose(x[0, :, 0], expected, rtol=1e-6)


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


# ---- bad files


def fails(source, message, *, preprocessing=GREY, **options):
    """Expect ImageError with `message` in one line; return the text."""
    with pytest.raises(ImageError, match=message) as caught:
        prepare(source, (7, 5, len(preprocessing.channels)), preprocessing, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_directory_and_empty_file(tmp_path):
    fails(tmp_path / "no.jpg", r"no\.jpg: no such file$")
    fails(str(tmp_path / "no.npy"), r"no\.npy: no such file$")
    fails(tmp_path, r": a directory; expected an image file$")
    (tmp_path / "empty.png").touch()
    fails(tmp_path / "empty.png", r"empty\.png: the file is empty$")
    fails("x" * 5000, r"^x+: cannot be read \(File name too long\)$")


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"%PDF-1.7", "a PDF"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"<!DOCTYPE html>", "HTML, XML or SVG"),
        (b"\x93NUMPY\x01\x00", r"a NumPy array: name it \.npy"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\0\0\0\x18ftypheic", "a HEIC or AVIF photograph, or a film: save it as JPEG or PNG"),
        (b"\x89PNG\r\n\x1a\n", "a PNG with a damaged or cut-off header"),
        (b"hello", "begins with b'hell'"),
    ],
)
def test_not_an_image(tmp_path, start, what):
    (tmp_path / "robin.jpg").write_bytes(start + bytes(40))
    fails(
        tmp_path / "robin.jpg",
        rf"robin\.jpg: not an image \({what}\); expected PNG, JPEG, GIF, BMP, TIFF, WEBP, PPM$",
    )


def test_formats_that_are_not_in_the_list_stay_closed(tmp_path):
    Image.fromarray(photo()).save(tmp_path / "a.ico")
    fails(tmp_path / "a.ico", r"a\.ico: not an image \(begins with ")


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg", "cut.gif", "cut.bmp", "cut.tiff", "cut.ppm"])
def test_truncated_image(tmp_path, name):
    Image.fromarray(photo(41, 43)).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 9 // 10])
    fails(tmp_path / name, rf"{name}: (its pixels cannot be read|cannot be opened) \(.+\)$")


def test_a_truncated_pil_image(tmp_path):
    Image.fromarray(photo(41, 43)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    with Image.open(tmp_path / "a.png") as image:
        fails(
            [photo(), image],
            r"^image 1 of the list, PIL image: its pixels cannot be read \(image file is trunc",
        )


@pytest.mark.parametrize("filters", ["ignore", "error"])
@pytest.mark.parametrize("size", [(17, 18), (40, 50)])  # above the limit; above twice the limit
def test_decompression_bomb(tmp_path, monkeypatch, size, filters):
    Image.new("L", size).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    with warnings.catch_warnings():
        warnings.simplefilter(filters)
        fails(tmp_path / "bomb.png", r"bomb\.png: too large \(.*decompression bomb")


def test_the_bomb_limit_is_pillows_own(tmp_path, monkeypatch):
    Image.new("L", (17, 18)).save(tmp_path / "a.png")
    for limit in (306, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert prepare(tmp_path / "a.png", (7, 5, 1), GREY).shape == (1, 7, 5, 1)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_tiny_file_that_claims_to_be_huge_is_not_decoded(tmp_path):
    header = struct.pack(">IIBBBBB", 100_000, 90_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))
    (tmp_path / "bomb.png").write_bytes(data + chunk(b"IEND", b""))
    fails(tmp_path / "bomb.png", r"bomb\.png: too large \(Image size \(9000000000 pixels\) exceeds limit")


def test_a_picture_too_thin_to_crop(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    thin = np.zeros((3, 900), np.uint8)
    fails(thin, r"^a picture of 3x900 \(height x width\) scaled to cover 7x5 would be 7x2100, .*fit='stretch'")
    assert prepare(thin, (7, 5, 1), GREY, fit="stretch").shape == (1, 7, 5, 1)


def test_bad_npy(tmp_path):
    np.save(tmp_path / "pickled.npy", np.array([[{}]], object), allow_pickle=True)
    fails(tmp_path / "pickled.npy", r"pickled\.npy: not a readable \.npy array of numbers \(.*Python objects")
    (tmp_path / "text.npy").write_bytes(b"hello, world")
    fails(tmp_path / "text.npy", r"text\.npy: not a readable \.npy array of numbers \(.*magic string")
    np.save(tmp_path / "cut.npy", photo())
    data = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(data[:-9])
    fails(tmp_path / "cut.npy", r"cut\.npy: not a readable \.npy array of numbers \(mmap length")
    claim = b"(50000000, 50000000), }"
    (tmp_path / "huge.npy").write_bytes(data.replace(b"(11, 13, 3), }".ljust(len(claim)), claim))
    fails(tmp_path / "huge.npy", r"huge\.npy: not a readable \.npy array of numbers \(mmap length")
    np.save(tmp_path / "c.npy", np.zeros((3, 4), complex))
    fails(tmp_path / "c.npy", r"c\.npy: values of type complex128; expected real numbers$")


# ---- bad arrays, bad words


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (3, 224, 226),
            r"^array \(3, 224, 226\): 226 channels .*; looks like channels first: move the channel axis",
        ),
        ((2, 3, 24, 26), r"26 channels on the last axis; .*np\.moveaxis\(a, 1, -1\)$"),
        (
            (10, 70, 71),
            r"71 channels on the last axis; expected 1, 3 or 4 \(a batch of matrices: a\[\.\.\., None\]\)",
        ),
        ((8, 9, 2), r"2 channels on the last axis; expected 1, 3 or 4"),
        ((9,), r"^array \(9,\): 1 axes; expected \(H, W\), \(H, W, C\) or \(N, H, W, C\)$"),
        ((2, 2, 8, 9, 3), r"5 axes; expected"),
        ((0, 9), r"^array \(0, 9\): shape \(0, 9\) holds no pixels$"),
        ((0, 8, 9, 3), r"holds no pixels"),
    ],
)
def test_wrong_shapes(shape, message):
    fails(np.zeros(shape, np.uint8), message)


def test_zero_sized_pil_image():
    fails(Image.new("L", (0, 5)), r"^PIL image: shape \(5, 0\) holds no pixels$")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((3, 4), complex), r"^array \(3, 4\): values of type complex128; expected real numbers$"),
        (np.array([[None, 1]]), r"values of type object; expected real numbers"),
        (np.array([["a", "b"]]), r"values of type <U1; expected real numbers"),
        ([[10**30, 1]], r"values of type object"),
        ([], r"^an empty list; expected at least one image$"),
        ([[1, 2], [3]], r"^list: cannot be made an array \(.*inhomogeneous"),
        (
            [photo(), None],
            r"^image 1 of the list, NoneType: not an image; expected a path, PIL image, array or list",
        ),
        (b"png", r"^bytes: not an image"),
        (7, r"^int: not an image"),
        ({"a": 1}, r"^dict: not an image"),
    ],
)
def test_what_is_no_picture(source, message):
    fails(source, message)


def test_the_reason_of_another_library_stays_in_one_line():
    class Frame:
        def __init__(self, error):
            self.error = error

        def __array__(self, dtype=None, copy=None):
            raise self.error

    fails(Frame(ValueError("lost\n  on the way")), r"^Frame: cannot be made an array \(lost on the way\)$")
    fails(Frame(TypeError()), r"^Frame: cannot be made an array \(TypeError\)$")


def test_nan_and_infinity_are_counted(tmp_path):
    values = np.zeros((8, 9))
    values[1, 2], values[3, 4], values[5, 6] = np.nan, np.inf, -np.inf
    fails(values, r"^array \(8, 9\): 3 of 72 values are NaN or infinite; replace them first$")
    Image.fromarray(values.astype(np.float32)).save(tmp_path / "nan.tiff")
    fails(tmp_path / "nan.tiff", r"nan\.tiff: 3 of 72 values are NaN or infinite")


def test_wrong_words():
    fails(photo(), r"^fit='pad'; expected one of crop, stretch$", fit="pad")
    names = "nearest, bilinear, bicubic, lanczos, box, hamming"
    fails(photo(), rf"^resample='cubic'; expected one of {names}$", resample="cubic")
    for span in ((1, 1), (0, np.inf), (0, 1, 2), (np.nan, 1)):
        fails(photo(), r"^span=.*; expected two different numbers", span=span)


def test_words_are_checked_before_files():
    fails("no.png", "^fit=", fit="pad")


def test_a_network_of_other_channels():
    with pytest.raises(ImageError, match=r"^the network takes 5 channels, preprocessing vgg-caffe makes 3; build"):
        prepare(photo(), (7, 5, 5), VGG)
