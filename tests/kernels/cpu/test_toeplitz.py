"""Convolutions that take a row's places together: the definition, NaN, images of any width, threads; the choice."""

from threading import Barrier, Thread

import numpy as np
import pytest

import convlab
from convlab_kernels.cpu import METHODS, choice, toeplitz
from convlab_kernels.cpu.toeplitz import widened
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, sum_bound
from support.kernels.sweep import Case, exact

both = pytest.mark.parametrize("method", ["toeplitz", "widened"])


def convolved(kernel, x, w, b, **attributes):
    """Return what a kernel computes, over NaN."""
    window = Window.parse(w.shape[:2], **attributes)
    out = np.full((len(x), *window.output_size(x.shape[1:3]), w.shape[3]), np.nan, np.float32)
    kernel(x, out, b)
    return out


def arrays(size, kernel, channels, filters, batch=2):
    random = np.random.default_rng([*size, *kernel, channels, filters])
    shapes = (batch, *size, channels), (*kernel, channels, filters), (filters,)
    return tuple(random.standard_normal(shape).astype(np.float32) for shape in shapes)


def test_the_banded_matrix_of_two_places():
    w = np.arange(1, 13, dtype=np.float32).reshape(1, 3, 2, 2)
    wide, window = widened(w, Window.parse((1, 3), (5, 2), dilation=(4, 1)), 2)
    assert window == Window((1, 5), (5, 4), dilation=(4, 1))
    assert wide.shape == (1, 5, 2, 4)
    assert np.array_equal(wide[0, :, 0], [[1, 2, 0, 0], [5, 6, 0, 0], [9, 10, 1, 2], [0, 0, 5, 6], [0, 0, 9, 10]])


@both
@pytest.mark.parametrize("padding", ["valid", "same", ((0, 2), (3, 1))])
@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 2), (3, 2))])
@pytest.mark.parametrize("width", [16, 17, 19, 24])
def test_against_the_definition(method, padding, stride, dilation, width):
    x, w, b = arrays((13, width), (3, 4), 2, 5)
    attributes = {"stride": stride, "padding": padding, "dilation": dilation}
    out = convlab.conv2d(x, w, b, **attributes, method=method)
    total, magnitude = oracle.conv2d(x, w, **attributes)
    assert_close(out, total + b, sum_bound(3 * 4 * 2 + 1, magnitude + np.abs(b), np.float32))


@both
@pytest.mark.parametrize(("width", "places"), [(8, 1), (9, 2)])
def test_few_places_of_a_dilated_kernel(method, width, places):
    x, w, b = arrays((13, width), (3, 4), 2, 5)
    attributes = {"padding": ((0, 1), (0, 2)), "dilation": (1, 3)}
    total, magnitude = oracle.conv2d(x, w, **attributes)
    kernel = METHODS[method](w, Window.parse((3, 4), **attributes), 1)
    out = convolved(kernel, x, w, b, **attributes)
    assert out.shape[2] == places
    assert_close(out, total + b, sum_bound(3 * 4 * 2 + 1, magnitude + np.abs(b), np.float32))


@both
def test_one_kernel_for_images_of_any_width(method):
    _, w, b = arrays((9, 8), (3, 3), 2, 5)
    kernel = METHODS[method](w, Window.parse(3, padding="same"), 1)
    for width in (8, 12, 7, 8):
        x = arrays((9, width), (3, 3), 2, 5)[0]
        total, magnitude = oracle.conv2d(x, w, padding="same")
        out = convolved(kernel, x, w, b, padding="same")
        assert_close(out, total + b, sum_bound(3 * 3 * 2 + 1, magnitude + np.abs(b), np.float32))


@both
def test_places_are_taken_together(method):
    x, w, b = arrays((9, 12), (3, 3), 2, 5)
    kernel = METHODS[method](w, Window.parse(3, padding=1), 1)
    convolved(kernel, x, w, b, padding=1)
    if method == "toeplitz":
        assert kernel._bands[12].shape == (3 * 12 * 2, 12 * 5)
    else:
        ((t, _),) = kernel._kernels
        assert t > 1


def test_toeplitz_goes_place_by_place_where_a_number_is_infinite():
    x, w, b = arrays((9, 12), (3, 3), 2, 5)
    kernel = METHODS["toeplitz"](w, Window.parse(3, padding=1), 1)
    out = convolved(kernel, x, w, b, padding=1)
    x[1, 4, 5, 0] = np.inf
    assert np.isfinite(out).all()
    with np.errstate(invalid="ignore"):
        other = convolved(kernel, x, w, b, padding=1)
    assert np.isfinite(other).sum() == other.size - 3 * 3 * 5
    assert np.isinf(other).sum() == 3 * 3 * 5


def test_widened_spoils_the_places_that_are_taken_together_with_one_that_sees_infinity_and_no_other():
    x, w, b = arrays((9, 12), (3, 3), 2, 5)
    kernel = METHODS["widened"](w, Window.parse(3, padding=1), 1)
    out = convolved(kernel, x, w, b, padding=1)
    ((t, _),) = kernel._kernels
    x[1, 4, 1, 0] = np.inf
    other = convolved(kernel, x, w, b, padding=1)
    together = np.arange(12) // t
    spoilt = np.isin(together, together[:3])  # the places of the windows that see column 1
    expected = np.zeros(other.shape, np.bool_)
    expected[1, 3:6, spoilt] = True
    assert np.array_equal(~np.isfinite(other), expected) and 3 <= spoilt.sum() < 12
    assert np.array_equal(other[~expected], out[~expected])


def test_a_batch_larger_than_the_budget_goes_in_parts(monkeypatch):
    x, w, b = arrays((7, 8), (3, 2), 3, 4, batch=5)
    whole = convlab.conv2d(x, w, b, padding="same", method="toeplitz")
    monkeypatch.setattr(toeplitz, "COLUMN_BYTES", 2 * 7 * (3 * 8 * 3) * 4)  # two images
    made = []
    rows = toeplitz.Toeplitz._rows
    monkeypatch.setattr(toeplitz.Toeplitz, "_rows", lambda self, x, oh: made.append(len(x)) or rows(self, x, oh))
    parts = convlab.conv2d(x, w, b, padding="same", method="toeplitz")
    assert made == [2, 2, 1]
    _, magnitude = oracle.conv2d(x, w, padding="same")
    assert_close(parts, whole, 2 * sum_bound(3 * 2 * 3 + 1, magnitude + np.abs(b), np.float32))


def test_a_band_beyond_the_limit_is_not_made(monkeypatch):
    x, w, b = arrays((6, 9), (3, 3), 2, 4)
    kernel = METHODS["toeplitz"](w, Window.parse(3), 1)
    monkeypatch.setattr(toeplitz, "LARGEST", 3 * 9 * 2 * 7 * 4 - 1)
    expected = convlab.conv2d(x, w, b, method="im2col")
    assert np.array_equal(convolved(kernel, x, w, b), expected) and not kernel._bands
    monkeypatch.setattr(toeplitz, "LARGEST", 3 * 9 * 2 * 7 * 4)
    convolved(kernel, x, w, b)
    assert list(kernel._bands) == [9]


@both
def test_threads_that_ask_for_one_at_once_get_the_same(method):
    x, w, b = arrays((9, 12), (3, 3), 2, 5)
    kernel, gate, outs = METHODS[method](w, Window.parse(3), 1), Barrier(8), []

    def call():
        gate.wait()
        outs.append(convolved(kernel, x, w, b).tobytes())

    threads = [Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outs) == 8 and len(set(outs)) == 1


@both
def test_groups_are_refused(method):
    with pytest.raises(UnsupportedError, match=rf"^{method}: 2 groups, expected 1: use (im2col|indirect_gemm)$"):
        METHODS[method](np.ones((3, 3, 2, 4), np.float32), Window.parse(3), 2)


@pytest.mark.parametrize(
    ("x", "w", "attributes", "compiled", "expected"),
    [
        ((1, 28, 28, 1), (5, 5, 1, 6), {"padding": "same"}, False, "toeplitz"),  # LeNet-5's first, and its second
        ((1, 14, 14, 6), (5, 5, 6, 16), {}, False, "im2col"),
        ((1, 28, 28, 1), (5, 1, 1, 6), {}, False, "im2col"),  # one column is copied as it is
        ((1000, 28, 28, 1), (5, 5, 1, 6), {"padding": "same"}, True, "widened"),
        ((1000, 14, 14, 6), (5, 5, 6, 16), {}, True, "widened"),
        ((8, 14, 14, 6), (5, 5, 6, 17), {}, True, "indirect_gemm"),
        ((8, 13, 13, 6), (5, 5, 6, 16), {}, True, "indirect_gemm"),  # 9 places
        ((8, 28, 28, 16), (3, 3, 16, 8), {"stride": 2, "padding": "same"}, True, "indirect_gemm"),
        ((8, 28, 28, 16), (5, 5, 16, 8), {"stride": 2, "padding": "same"}, True, "widened"),
        ((8, 28, 28, 16), (5, 5, 16, 8), {"dilation": 2, "padding": "same"}, True, "indirect_gemm"),
        ((8, 28, 28, 16), (3, 3, 16, 8), {"padding": "same"}, True, "widened"),
        ((8, 28, 28, 16), (3, 3, 16, 16), {"padding": "same"}, True, "winograd"),
    ],
)
def test_where_they_are_chosen(x, w, attributes, compiled, expected):
    assert choice.fastest(x, w, Window.parse(w[:2], **attributes), 1, compiled) == expected


@both
def test_of_a_case_of_the_sweep_without_places_to_spare(method):
    case = Case((4, 5), (1, 2), "same", size=(11, 17))
    x, w, b = case.arrays
    out = convlab.conv2d(x, w, b, **{k: v for k, v in case.attributes.items() if k != "groups"}, method=method)
    total, magnitude = exact(case)
    assert_close(out, total + b, sum_bound(case.terms + 1, magnitude + np.abs(b), np.float32))
