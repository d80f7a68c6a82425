"""Files of every format become the input they should, and stay as they are."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from convlab.images.preprocessing import UNIT_GREY, VGG
from convlab.images.reading import prepare
from support.files.pictures import COLOUR, GREY, as_is, photo, stored


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.ppm", "a.webp", "A.PNG"])
def test_lossless_colour_files(tmp_path, name):
    pixels = photo()
    Image.fromarray(pixels).save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    np.testing.assert_array_equal(as_is(tmp_path / name), pixels)
    np.testing.assert_array_equal(as_is(str(tmp_path / name)), pixels)


def test_jpeg_is_what_pillow_decodes(tmp_path):
    Image.fromarray(photo()).save(tmp_path / "a.jpg")
    np.testing.assert_array_equal(as_is(tmp_path / "a.jpg"), np.asarray(stored(tmp_path / "a.jpg")))


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


def test_a_real_photograph(shared):
    path = shared / "photos" / "chelsea.png"
    x = prepare(path, (224, 224, 3), VGG)
    with Image.open(path) as image:
        assert image.size == (451, 300)
        pixels = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(VGG.restore(x)[0], pixels)
    np.testing.assert_array_equal(x, VGG.apply(pixels[None]))
    VGG.check(x)


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


def test_the_engine_does_not_load_pillow_before_it_is_needed():
    code = "import sys, convlab.images.preprocessing; assert 'PIL' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
