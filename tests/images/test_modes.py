"""Grey, colour, palette, alpha, 16 bits and CMYK: every mode of pixel becomes the network's channels."""

import numpy as np
import pytest
from PIL import Image

from convlab.images.preprocessing import UNIT_GREY
from support.files.pictures import GREY, as_is, photo, stored


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


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_pil_modes(mode):
    image = Image.fromarray(photo()).convert(mode)
    np.testing.assert_array_equal(as_is(image), np.asarray(image.convert("RGB")))


def test_pil_mode_i_is_an_array_of_ints():
    values = photo(channels=0).astype(np.int32)
    np.testing.assert_array_equal(as_is(Image.fromarray(values), GREY)[..., 0], values)
