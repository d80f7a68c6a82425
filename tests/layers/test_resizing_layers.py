"""Cropping, upsampling and resizing beside Keras in float64, and by exact fractions; what a cropped layer sees."""

from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest

from convlab import ops
from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import CenterCrop, Conv2D, Cropping2D, MaxPooling2D, Resizing, UpSampling2D
from convlab.model.model import Model
from support.closeness import assert_close, gamma, sum_bound
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

SHAPE = (7, 11, 4)
X = random(0, (3, *SHAPE))
SIZES = [(14, 33), (3, 5), (9, 4), (7, 13), (1, 2), (21, 11)]
ROUNDINGS = 2 * 4  # in each direction two weights, a product and a sum
CROPPINGS = [0, 1, 3, (2, 1), (0, 5), ((1, 0), (0, 2)), ((0, 4), (5, 1)), ((6, 0), (0, 10))]


def centre(i, cells, n):
    """Return where the middle of output cell i lies, in cells of the input, counted from its border."""
    return (i + Fraction(1, 2)) * n / cells


def matrix(cells, n, interpolation):
    """Return (cells, n): what each output takes of each input."""
    shares = np.zeros((cells, n))
    for i in range(cells):
        at = centre(i, cells, n)
        if interpolation == "nearest":
            shares[i, floor(at)] = 1
        else:
            first = floor(at - Fraction(1, 2))
            right = at - Fraction(1, 2) - first
            shares[i, max(first, 0)] += float(1 - right)
            shares[i, min(first + 1, n - 1)] += float(right)
    return shares


def resized(x, size, interpolation):
    """Return x in another size by two matrix products."""
    rows, columns = (matrix(cells, n, interpolation) for cells, n in zip(size, x.shape[1:3], strict=True))
    return np.einsum("ih,jw,nhwc->nijc", rows, columns, x)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_resizing_is_its_definition(size, interpolation):
    layer = built(Resizing("r", *size, interpolation), SHAPE)
    expected, magnitude = resized(X, size, interpolation), resized(np.abs(X), size, interpolation)
    for dtype in DTYPES:
        bound = 0.0 if interpolation == "nearest" else sum_bound(ROUNDINGS + 11, magnitude, dtype)
        assert_close(run(layer, X.astype(dtype)), expected, bound, str(size))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bilinear_resizing_is_keras(size):
    layer = built(Resizing("r", *size, "bilinear"), SHAPE)
    expected = keras_output(layer, X, height=size[0], width=size[1], interpolation="bilinear")
    bound = sum_bound(ROUNDINGS, resized(np.abs(X), size, "bilinear"), np.float64) + 64 * np.finfo(np.float64).eps
    assert_close(run(layer, X), expected, bound)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nearest_resizing_is_keras_where_no_centre_lies_on_a_border(size):
    layer = built(Resizing("r", *size, "nearest"), SHAPE)
    expected = keras_output(layer, X, height=size[0], width=size[1], interpolation="nearest")
    inside = np.ix_(
        range(3),
        *([i for i in range(m) if centre(i, m, n).denominator > 1] for m, n in zip(size, SHAPE[:2], strict=True)),
        range(4),
    )
    assert np.array_equal(run(layer, X)[inside], expected[inside])


@pytest.mark.parametrize("size", [1, 2, (3, 2), (1, 4)], ids=str)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_up_sampling(size, interpolation):
    layer = built(UpSampling2D("u", size, interpolation), SHAPE)
    expected = keras_output(layer, X, size=size, interpolation=interpolation)
    magnitude = resized(np.abs(X), layer.infer_shape(SHAPE)[:2], "bilinear")
    for dtype in DTYPES:
        bound = 0.0 if interpolation == "nearest" else sum_bound(ROUNDINGS, magnitude, dtype) + 64 * 2.0**-52
        assert_close(run(layer, X.astype(dtype)), expected, bound)


def test_on_paper():
    x = np.array([0.0, 4, 8]).reshape(1, 1, 3, 1)
    assert ops.resize2d(x, (1, 6)).ravel().tolist() == [0, 1, 3, 5, 7, 8]  # centres at -1/4, 1/4, 3/4, ...
    assert ops.resize2d(x, (1, 2)).ravel().tolist() == [1, 7]
    assert ops.resize2d(x, (1, 2), "nearest").ravel().tolist() == [0, 8]
    assert ops.resize2d(x, (2, 5), "nearest")[0, ..., 0].tolist() == [[0, 0, 4, 8, 8]] * 2


@pytest.mark.parametrize("size", [(7, 11), (4, 5), (3, 11), (6, 2), (9, 5), (7, 20), (20, 3)], ids=str)
def test_center_crop(size):
    layer = built(CenterCrop("c", *size), SHAPE)
    expected = keras_output(layer, X, height=size[0], width=size[1])
    whole = size[0] <= 7 and size[1] <= 11
    assert (layer.window_on(SHAPE) == "varies") is not whole
    bound = 0.0 if whole else gamma(ROUNDINGS, np.float64) + 64 * np.finfo(np.float64).eps
    for dtype in DTYPES:
        rounded = 0.0 if whole else gamma(ROUNDINGS, dtype)
        assert_close(run(layer, X.astype(dtype)), expected, bound + rounded)


@pytest.mark.parametrize("option", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
@pytest.mark.parametrize("size", [(14, 33), (7, 11), (3, 11), (6, 2), (9, 4), (2, 1)], ids=str)
def test_resizing_that_keeps_the_aspect_ratio(size, option):
    options = {option: True, **({"fill_value": 0.5} if option.startswith("pad") else {})}
    layer = built(Resizing("r", *size, **options), SHAPE)
    expected = keras_output(layer, X, height=size[0], width=size[1], **options)
    assert_close(run(layer, X), expected, gamma(ROUNDINGS, np.float64) + 64 * np.finfo(np.float64).eps)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bicubic_resizing_is_keras_on_pytorch(size):
    layer = built(Resizing("r", *size, "bicubic_torch"), SHAPE)
    expected = keras_output(layer, X, height=size[0], width=size[1], interpolation="bicubic")
    assert_close(run(layer, X), expected, 4 * gamma(2 * 12, np.float64) + 64 * np.finfo(np.float64).eps)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "bicubic_torch"])
@pytest.mark.parametrize("size", [(3, 4), (5, 2), (7, 3)], ids=str)
def test_antialiased_resizing(size, interpolation):
    """PyTorch smooths as TensorFlow does, where every side gets smaller."""
    layer = built(Resizing("r", *size, interpolation, antialias=True), SHAPE)
    expected = keras_output(
        layer, X, height=size[0], width=size[1], interpolation=interpolation.removesuffix("_torch"), antialias=True
    )
    assert_close(run(layer, X), expected, 4 * gamma(2 * 40, np.float64))


@pytest.mark.parametrize("interpolation", ops.INTERPOLATIONS)
@pytest.mark.parametrize("antialias", [False, True])
def test_what_is_even_stays_even(interpolation, antialias):
    x = np.full((2, *SHAPE), 3.0, np.float32)
    for size in SIZES:
        assert_close(
            ops.resize2d(x, size, interpolation, antialias), 3.0 * np.ones((2, *size, 4)), 3 * gamma(60, np.float32)
        )


def test_infinite_cells_raise_no_warning():
    x = np.array([np.inf, 4, 8, -np.inf]).reshape(1, 1, 4, 1)
    with np.errstate(invalid="raise", over="raise"):
        out = ops.resize2d(x, (3, 8))
    assert np.isfinite(out).any() and (out == -np.inf).any()


@pytest.mark.parametrize("cropping", CROPPINGS, ids=str)
def test_cropping(cropping):
    layer = built(Cropping2D("c", cropping), SHAPE)
    (top, bottom), (left, right) = (-np.array(sides) for sides in layer.window.padding)
    y = run(layer, X.astype(np.float32))
    assert np.array_equal(y, X.astype(np.float32)[:, top : 7 - bottom, left : 11 - right])
    assert np.array_equal(y, keras_output(layer, X.astype(np.float32), cropping=cropping))


@pytest.mark.parametrize("cropping", [(1, 2), ((0, 2), (3, 1))], ids=str)
def test_what_a_layer_behind_a_cropping_sees(cropping):
    convs = [Conv2D("a", 2, (2, 3), (1, 2), use_bias=False), Conv2D("b", 3, (3, 2), use_bias=False)]
    model = Model.sequential(
        "m", (12, 21, 2), [convs[0], Cropping2D("crop", cropping), MaxPooling2D("p", 2), convs[1]]
    )
    for conv in convs:
        conv.set_weights(kernel=np.ones(conv.shapes["kernel"]))
    box = model.receptive_fields()["b"].box(1, 0)
    seen = np.zeros((12, 21), bool)
    for y, x in product(range(12), range(21)):
        image = np.zeros((1, 12, 21, 2), np.float32)
        image[0, y, x] = 1
        seen[y, x] = model.predict(image)[0, 1, 0, 0] != 0
    assert box == tuple((int(found.min()), int(found.max())) for found in np.nonzero(seen))


WRONG = [
    (lambda: Cropping2D("x", -1), ShapeError, "cropping -1 is out of range: at least 0"),
    (lambda: Cropping2D("x", "same"), ShapeError, "crop2d: cropping 'same' is unknown: use ints"),
    (
        lambda: Cropping2D("x", (1, 2, 3)),
        ShapeError,
        r"cropping \(1, 2, 3\) is neither an int nor a \(height, width\)",
    ),
    (lambda: UpSampling2D("x", 0), ShapeError, "size 0 is out of range: at least 1"),
    (
        lambda: UpSampling2D("x", 2, "cubic"),
        UnsupportedError,
        "no interpolation 'cubic'; did you mean 'bicubic'\\? available: nearest, area, bilinear, ",
    ),
    (lambda: Resizing("x", 0, 4), ShapeError, r"size \(0, 4\) is out of range"),
    (lambda: Resizing("x", 3, 4, "lanczos4"), UnsupportedError, "no interpolation 'lanczos4'"),
    (lambda: CenterCrop("x", 3, 0), ShapeError, r"size \(3, 0\) is out of range"),
    (
        lambda: Resizing("x", 3, 4, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
        UnsupportedError,
        "is to crop and to pad",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG)
def test_wrong_options_name_the_layer(make, error, message):
    with pytest.raises(error, match=f"^layer 'x':? {message}"):
        make()


@pytest.mark.parametrize(
    "layer", [Cropping2D("x", 1), UpSampling2D("x"), Resizing("x", 3, 4), CenterCrop("x", 3, 4)], ids=repr
)
def test_wrong_inputs_name_the_layer(layer):
    with pytest.raises(ShapeError, match=r"^layer 'x' on an input of \(7, 4\): expected \(H, W, C\)$"):
        layer.build((7, 4))


def test_a_cropping_that_leaves_nothing_is_refused():
    with pytest.raises(
        ShapeError, match=r"^layer 'x' on an input of \(7, 11, 4\): cropping \(4, 3\) leaves nothing of"
    ):
        Cropping2D("x", ((4, 3), (0, 0))).build(SHAPE)
    with pytest.raises(ShapeError, match=r"cropping \(5, 6\) leaves nothing of a width of 11$"):
        ops.crop2d(X, ((0, 0), (5, 6)))
