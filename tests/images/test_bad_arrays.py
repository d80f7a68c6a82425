"""Arrays that are no picture, and options that are none: each is one line that says what was expected."""

import numpy as np
import pytest
from PIL import Image

from convlab.errors import ImageError
from convlab.images.preprocessing import VGG
from convlab.images.reading import prepare
from support.files.pictures import fails, photo


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


# options


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
