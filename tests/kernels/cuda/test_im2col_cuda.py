"""Rung 6: any convolution, of either type, in groups, in blocks of rows and of images."""

import numpy as np
import pytest

from convlab_kernels.cuda import im2col
from convlab_kernels.cuda.im2col import Im2col
from convlab_kernels.errors import ShapeError
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, sum_bound
from support.cuda.rungs import ANY, Case, check

GROUPED = [  # image, filters, groups, kernel, options
    ((2, 5, 7, 6), 4, 2, (2, 3), {"padding": ((1, 2), (3, 0))}),
    ((3, 9, 6, 4), 8, 4, (3, 2), {"stride": (2, 1), "padding": "same"}),
    ((2, 8, 11, 9), 3, 3, (2, 3), {"stride": (1, 2), "dilation": (3, 2)}),
    ((1, 4, 5, 2), 6, 2, (1, 1), {}),
]

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def check_grouped(device, case, dtype, special=False):
    """Assert that a convolution in groups is the oracle's; with `special`, that NaN and infinities stay in place."""
    image, filters, groups, kernel, options = case
    random = np.random.default_rng([*image, filters])
    shapes = image, (*kernel, image[3] // groups, filters)
    x, w = (random.standard_normal(shape).astype(np.float32) for shape in shapes)
    if special:
        x[0, 1, 2, 0], x[0, -1, -1, -1] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        total, magnitude = oracle.conv2d(x, w, groups=groups, **options)
    out = device.take(np.full(total.shape, np.nan, dtype))
    window = Window.parse(kernel, **options)
    Im2col(device.take(w.astype(dtype)), window, groups)(device.take(x.astype(dtype)), out)
    terms = kernel[0] * kernel[1] * w.shape[2]
    assert_close(device.give(out), total, sum_bound(terms, magnitude, dtype), str(case))


@pytest.mark.parametrize("case", ANY, ids=str)
def test_any_convolution(case, device):
    check(device, Im2col, case)
    check(device, Im2col, case, relu=True, ceiling=1.5)
    check(device, Im2col, case, bias=False)


@dtypes
@pytest.mark.parametrize("case", GROUPED, ids=str)
def test_groups(case, dtype, device):
    check_grouped(device, case, dtype)


@pytest.mark.parametrize("case", GROUPED, ids=str)
def test_nan_and_infinity_stay_where_they_are_seen(case, device):
    check_grouped(device, case, np.float32, special=True)


@pytest.mark.parametrize(
    ("rows", "blocks"),
    [
        (1, [(1, 1)] * 15),
        (2, [(1, 2), (1, 2), (1, 1)] * 3),
        (5, [(1, 5)] * 3),
        (11, [(2, 5), (1, 5)]),
        (15, [(3, 5)]),
    ],
)
def test_blocks_of_rows_and_of_images_stay_under_the_budget(rows, blocks, device, monkeypatch):
    seen, block = [], Im2col._block

    def record(kernel, views, out):
        seen.append(views.shape[1:3])
        block(kernel, views, out)

    monkeypatch.setattr(Im2col, "_block", record)
    case = Case((3, 4, 6, 2), 7, (3, 5), padding=((2, 1), (0, 3)))
    row_bytes = 5 * 3 * 5 * 2 * 4
    monkeypatch.setattr(im2col, "COLUMN_BYTES", (rows + 1) * row_bytes - 1)
    check(device, Im2col, case)
    assert seen == blocks


def test_float64_columns_count_twice(device, monkeypatch):
    seen, block = [], Im2col._block
    monkeypatch.setattr(Im2col, "_block", lambda *args: (seen.append(args[1].size), block(*args)))
    monkeypatch.setattr(im2col, "COLUMN_BYTES", 10_000)
    counts = []
    for dtype in (np.float32, np.float64):
        seen.clear()
        check_grouped(device, GROUPED[1], dtype)
        counts.append(len(seen))
        assert max(seen) * np.dtype(dtype).itemsize <= 10_000
    assert counts == [1, 3]


def test_one_by_one_copies_nothing(device):
    case = Case((2, 3, 5, 7), 4, (1, 1))
    x, w, *_ = map(device.take, case.arrays())
    kernel = Im2col(w, case.window)
    views = kernel._windows(kernel._padded(x), (3, 5))
    assert views.flags.c_contiguous
    check(device, Im2col, case)


def test_no_images(device):
    out = device.take(np.empty((0, 4, 6, 3), np.float32))
    Im2col(device.take(np.ones((2, 2, 1, 3), np.float32)), Window((2, 2)))(
        device.take(np.empty((0, 5, 7, 1), np.float32)), out
    )
    assert out.shape == (0, 4, 6, 3)


def test_an_out_that_is_not_contiguous_is_refused(device):
    x, w = device.take(np.ones((1, 4, 6, 2), np.float32)), device.take(np.ones((1, 1, 2, 3), np.float32))
    with pytest.raises(ShapeError, match=r"^im2col: out is not contiguous in C order; give a whole array"):
        Im2col(w, Window((1, 1)))(x, device.take(np.ones((1, 4, 6, 6), np.float32))[..., ::2])


@dtypes
def test_the_same_code_takes_arrays_of_numpy(dtype):
    x, w, b, expected, magnitude = ANY[0].arrays()
    out = np.empty(expected.shape, dtype)
    Im2col(w.astype(dtype), ANY[0].window)(x.astype(dtype), out, b.astype(dtype))
    assert_close(out, expected, sum_bound(ANY[0].terms, magnitude, dtype))
