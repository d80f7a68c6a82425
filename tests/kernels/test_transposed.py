"""Transposed convolution against its definition, number by number, and as the adjoint of `conv2d`."""

from itertools import product

import numpy as np
import pytest

import convlab
from convlab import ops
from convlab.errors import ShapeError
from convlab_kernels.cpu import Transposed
from convlab_kernels.transposed_window import TransposedWindow
from support import oracle
from support.closeness import assert_close, sum_bound

KERNELS = [(2, 3), (4, 5), (1, 1), (3, 2)]
STRIDES = [(1, 1), (1, 2), (2, 1), (3, 2), (5, 4)]
PADDINGS = ["valid", "same", 0, (1, 0), ((0, 1), (1, 0))]
DILATIONS = [(1, 1), (2, 1), (1, 3)]
EXTRAS = [None, (0, 0), "largest"]


def scattered(x, w, stride, sides, dilation, extra):
    """Return the sums and the sums of magnitudes: every input alone is added to every cell under its window.

    Sides are cells taken off; fewer than none are zeros added.
    """
    (n, height, width, _), (kh, kw, filters, _) = x.shape, w.shape
    (top, bottom), (left, right) = sides
    rows = (height - 1) * stride[0] + (kh - 1) * dilation[0] + 1 - top - bottom + extra[0]
    columns = (width - 1) * stride[1] + (kw - 1) * dilation[1] + 1 - left - right + extra[1]
    total = np.zeros((n, max(rows, 0), max(columns, 0), filters))
    magnitude = total.copy()
    for i, j, ky, kx in product(range(height), range(width), range(kh), range(kw)):
        y, x_ = i * stride[0] + ky * dilation[0] - top, j * stride[1] + kx * dilation[1] - left
        if 0 <= y < rows and 0 <= x_ < columns:
            products = x[:, i, j, None].astype(np.float64) * w[ky, kx]  # (N, O, C)
            total[:, y, x_] += products.sum(axis=2)
            magnitude[:, y, x_] += np.abs(products).sum(axis=2)
    return total, magnitude


def keras_sides(padding, kernel, stride, dilation, extra):
    """Return what Keras takes off each side, and what it adds, as its documentation says of the output's size."""
    sides, added = [], []
    for k, s, d, e in zip(kernel, stride, dilation, extra or (None, None), strict=True):
        extent = d * (k - 1) + 1
        if padding == "valid":
            sides.append((0, 0))
            added.append(max(s - extent, 0) if e is None else e)
        else:  # (size - 1) * stride + wanted cells come out; what is too much goes from both ends, the odd cell below
            wanted = s if e is None else extent % 2 + e
            surplus = max(extent - wanted, 0)
            sides.append((surplus // 2, surplus - surplus // 2))
            added.append(max(wanted - extent, 0))
    return sides, added


def cases():
    for kernel, stride, padding, dilation, extra in product(KERNELS, STRIDES, PADDINGS, DILATIONS, EXTRAS):
        yield kernel, stride, padding, dilation, tuple(s - 1 for s in stride) if extra == "largest" else extra


CASES = list(cases())[::2]  # each value still meets each other list's, as a test below says


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("padding", PADDINGS, ids=str)
def test_conv2d_transpose_over_the_sweep(padding, dtype):
    random = np.random.default_rng(0)
    b = random.standard_normal(7).astype(np.float32)
    for kernel, stride, _, dilation, extra in (case for case in CASES if case[2] == padding):
        x = random.standard_normal((2, 4, 5, 6)).astype(np.float32)
        w = random.standard_normal((*kernel, 7, 6)).astype(np.float32)
        if isinstance(padding, str):
            sides, added = keras_sides(padding, kernel, stride, dilation, extra)
        else:
            sides, added = oracle.four_sides(padding, (), kernel), extra or (0, 0)
        total, magnitude = scattered(x, w, stride, sides, dilation, added)
        label = f"{kernel} {stride} {padding} {dilation} {extra}"
        actual = convlab.ops.conv2d_transpose(*(a.astype(dtype) for a in (x, w, b)), stride, padding, dilation, extra)
        assert actual.dtype == dtype, label
        bound = sum_bound(kernel[0] * kernel[1] * 6 + 1, magnitude + np.abs(b), dtype)
        assert_close(actual, total + b, bound, label)


def test_the_sweep_meets_every_value_with_every_other():
    for one, other in ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (2, 3), (2, 4), (3, 4)):
        met = {(case[one], case[other]) for case in CASES}
        everything = list(cases())
        assert met == {(case[one], case[other]) for case in everything}, (one, other)


@pytest.mark.parametrize("padding", ["valid", "same", (1, 0), ((0, 1), (1, 0))], ids=str)
def test_it_is_the_adjoint_of_conv2d(padding):
    random = np.random.default_rng(1)
    for kernel, stride, dilation in product(KERNELS, STRIDES[:-1], DILATIONS):
        w = random.standard_normal((*kernel, 8, 6))  # from 8 channels to 6, and back
        window = TransposedWindow.parse(kernel, stride, padding, dilation)
        u = random.standard_normal((2, 7, 5, 6))
        x = random.standard_normal((2, *window.output_size((7, 5)), 8))
        forward = convlab.conv2d(x, w, None, stride, padding, dilation)
        assert forward.shape == u.shape, (kernel, stride, dilation)
        back = ops.conv2d_transpose(u, w, None, stride, padding, dilation)
        magnitude = (convlab.conv2d(np.abs(x), np.abs(w), None, stride, padding, dilation) * np.abs(u)).sum()
        terms = forward.size * kernel[0] * kernel[1] * 8 + u.size
        assert abs((forward * u).sum() - (x * back).sum()) <= sum_bound(terms, magnitude, np.float64)


def test_on_paper():
    x = np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1)
    w = np.array([[1.0, 10, 100]]).reshape(1, 3, 1, 1)
    plain = ops.conv2d_transpose(x, w, None, (2, 1))
    assert plain[0, ..., 0].tolist() == [[1, 12, 120, 200], [0, 0, 0, 0], [3, 34, 340, 400]]
    same = ops.conv2d_transpose(x, w, None, (2, 1), "same")
    assert same[0, ..., 0].tolist() == [[12, 120], [0, 0], [34, 340], [0, 0]]


def test_no_images_and_bias_where_nothing_reaches():
    x, w, b = np.ones((0, 4, 5, 6)), np.ones((1, 1, 3, 6)), np.arange(3.0)
    assert ops.conv2d_transpose(x, w, b, (3, 2)).shape == (0, 10, 9, 3)
    some = ops.conv2d_transpose(np.ones((1, 4, 5, 6)), w, b, (3, 2), "valid")
    assert some.shape == (1, 12, 10, 3)
    assert some[0, 1, 1].tolist() == [0, 1, 2] and some[0, 3, 2].tolist() == [6, 7, 8]


def test_fused_bias_and_relu_into_any_array():
    random = np.random.default_rng(2)
    x, w, b = (random.standard_normal(s).astype(np.float32) for s in ((2, 4, 5, 6), (2, 3, 3, 6), 3))
    plain = ops.conv2d_transpose(x, w, None, (1, 2), 1)
    part = np.full((*plain.shape[:3], 6), np.nan, np.float32)[..., ::2]
    Transposed(w, TransposedWindow.parse((2, 3), (1, 2), 1))(x, part, b, relu=True)
    assert np.array_equal(part, np.maximum(plain + b, 0))


def test_infinite_cells_raise_no_warning():
    x = np.ones((1, 4, 5, 2), np.float32)
    x[0, 1, 1], x[0, 1, 2] = (np.inf, 1), (-np.inf, 1)
    out = ops.conv2d_transpose(x, np.ones((2, 3, 1, 2), np.float32))
    assert np.isnan(out).sum() == 4 and (out == np.inf).sum() == 2 and (out == -np.inf).sum() == 2


def test_layouts_and_inputs_that_stay_as_they_were():
    random = np.random.default_rng(3)
    x, w = random.standard_normal((2, 4, 5, 6)), random.standard_normal((2, 3, 3, 6))
    expected = ops.conv2d_transpose(x, w, None, (1, 2))
    for change in (np.asfortranarray, lambda a: a[::-1].copy()[::-1], lambda a: a.repeat(2, axis=2)[:, :, ::2]):
        given = change(x), change(w)
        before = [a.copy() for a in given]
        bound = 2 * sum_bound(36, ops.conv2d_transpose(np.abs(x), np.abs(w), None, (1, 2)), np.float64)
        assert_close(ops.conv2d_transpose(*given, None, (1, 2)), expected, bound)
        assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))


WRONG = [
    ({"x": (4, 5, 6)}, r"conv2d_transpose: input has shape \(4, 5, 6\), expected four dimensions"),
    ({"w": (2, 3, 6)}, r"conv2d_transpose: kernel has shape \(2, 3, 6\), expected \(KH, KW, O, C\), none of them 0"),
    (
        {"w": (2, 3, 6, 3)},
        r"conv2d_transpose: input \(2, 4, 5, 6\) has 6 channels, but kernel \(2, 3, 6, 3\) takes 3",
    ),
    ({"b": (6,)}, r"conv2d_transpose: bias has shape \(6,\), expected \(3,\), one number for each output"),
    ({"stride": 0}, r"stride 0 is out of range"),
    ({"padding": "full"}, r"padding 'full' is unknown"),
    ({"output_padding": 1}, r"output padding \(1, 1\) is out of range: less than the stride \(1, 1\)"),
    ({"output_padding": -1}, r"output padding -1 is out of range: at least 0"),
    ({"padding": ((0, 0), (4, 3))}, r"output width is not positive: \(5 - 1\) \* 1 \+ -4 = 0"),
    ({"padding": (3, 0)}, r"output height is not positive: \(4 - 1\) \* 1 \+ -4 = -1"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[str(change) for change, _ in WRONG])
def test_errors_say_what_is_wrong(change, message):
    arguments = {"x": (2, 4, 5, 6), "w": (2, 3, 3, 6), "b": (3,)} | change
    with pytest.raises(ShapeError, match=f"^{message}"):
        ops.conv2d_transpose(**(arguments | {name: np.ones(arguments[name]) for name in "xwb"}))
