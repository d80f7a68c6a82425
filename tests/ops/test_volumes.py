"""The operations on volumes beside loops in float64; no two sides are equal."""

from itertools import product

import numpy as np
import pytest

from convlab import ops
from convlab.errors import ShapeError
from convlab_kernels.cpu import im2col3d
from convlab_kernels.transposed_window import TransposedWindow3D
from convlab_kernels.window3d import Window3D
from support import oracle, oracle3d
from support.closeness import assert_close, sum_bound

DTYPES = (np.float32, np.float64)
SHAPE = (2, 5, 7, 6, 4)
KERNELS = ((2, 3, 1), (1, 2, 4), (3, 1, 2))
STRIDES = ((1, 1, 1), (2, 1, 3), (1, 3, 2))
ODD_SIDES = ((0, 2), (3, 1), (1, 0))


def numbers(seed, shape):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32).astype(np.float64)


X = numbers(0, SHAPE)


@pytest.mark.parametrize(("kernel", "groups"), [*product(KERNELS, (1, 2))])
def test_convolution(kernel, groups):
    w, b = numbers(1, (*kernel, 4 // groups, 6)), numbers(2, (6,))
    for stride, dilation, padding in product(
        STRIDES, ((1, 1, 1), (2, 1, 1), (1, 2, 1)), ("valid", "same", ODD_SIDES)
    ):
        exact, magnitude = oracle3d.conv3d(X, w, stride, padding, dilation, groups)
        for dtype in DTYPES:
            y = ops.conv3d(X.astype(dtype), w.astype(dtype), b.astype(dtype), stride, padding, dilation, groups)
            bound = sum_bound(w[..., 0].size + 1, magnitude + abs(b), dtype)
            assert y.dtype == dtype
            assert_close(y, exact + b, bound, f"{kernel} {stride} {dilation} {padding} {groups}")


@pytest.mark.parametrize("budget", [1, 700, 3000, 20_000])
def test_slabs_of_any_size_give_the_same(budget, monkeypatch):
    w = numbers(3, (3, 2, 2, 2, 6))
    exact, magnitude = oracle3d.conv3d(X, w, (1, 2, 1), "same", groups=2)
    monkeypatch.setattr(im2col3d, "COLUMN_BYTES", budget)
    assert_close(ops.conv3d(X, w, None, (1, 2, 1), "same", groups=2), exact, sum_bound(24, magnitude, np.float64))


def test_no_slab_takes_more_than_its_budget(monkeypatch):
    taken = []
    columns = im2col3d.Im2col3D._columns

    def counted(*arguments):
        made = columns(*arguments)
        taken.append(made.nbytes)
        return made

    monkeypatch.setattr(im2col3d.Im2col3D, "_columns", counted)
    x, w = np.ones((1, 40, 41, 42, 8), np.float32), np.ones((3, 3, 3, 8, 2), np.float32)
    assert ops.conv3d(x, w, padding="same")[0, 20, 20, 20, 0] == 216
    assert len(taken) > 1
    assert max(taken) <= im2col3d.COLUMN_BYTES < sum(taken)


@pytest.mark.parametrize("kernel", KERNELS)
def test_transposed_convolution(kernel):
    x, w, b = numbers(4, (2, 3, 2, 4, 3)), numbers(5, (*kernel, 5, 3)), numbers(6, (5,))
    for stride, dilation, padding in product(STRIDES, ((1, 1, 1), (1, 2, 3)), ("valid", "same")):
        if padding == "same" and dilation != (1, 1, 1):
            continue
        window = TransposedWindow3D.parse(kernel, stride, padding, dilation)
        size, grid = window.output_size(x.shape[1:4]), oracle3d.conv3d_transpose(x, w, stride, dilation)
        exact, magnitude = (framed(array, window.cut, size) for array in grid)
        for dtype in DTYPES:
            given = (array.astype(dtype) for array in (x, w, b))
            y = ops.conv3d_transpose(*given, stride, padding, dilation)
            assert_close(y, exact + b, sum_bound(w[..., 0, :].size + 1, magnitude + abs(b), dtype))


def framed(grid, cut, size):
    """Return a part of a grid (N, D, H, W, O) of that size, from `cut` on; zero beyond the grid."""
    out = np.zeros((len(grid), *size, grid.shape[-1]))
    part = grid[(slice(None), *(slice(c, c + n) for c, n in zip(cut, size, strict=True)))]
    out[tuple(map(slice, part.shape))] = part
    return out


@pytest.mark.parametrize("kernel", KERNELS)
def test_pooling(kernel):
    for stride, padding in product((None, *STRIDES), ("valid", "same")):
        walk = stride or kernel
        largest = oracle3d.pool3d(oracle.largest, X, kernel, walk, padding)
        mean = oracle3d.pool3d(oracle.mean, X, kernel, walk, padding)
        magnitude = oracle3d.pool3d(oracle.mean, abs(X), kernel, walk, padding)
        for dtype in DTYPES:
            x = X.astype(dtype)
            assert_close(ops.max_pool3d(x, kernel, stride, padding), largest, 0.0)
            bound = sum_bound(np.prod(kernel) + 1, magnitude, dtype)
            assert_close(ops.avg_pool3d(x, kernel, stride, padding), mean, bound)


def test_a_nan_wins_over_any_number_and_padding_over_none():
    x = np.full((1, 2, 3, 4, 1), -5.0)
    x[0, 1, 2, 3] = np.nan
    pooled = ops.max_pool3d(x, 2, 1, "same")[0, :, :, :, 0]
    assert np.argwhere(np.isnan(pooled)).tolist() == [[i, j, k] for i in (0, 1) for j in (1, 2) for k in (2, 3)]
    assert set(pooled[~np.isnan(pooled)]) == {-5.0}


def test_global_pooling():
    x = X.astype(np.float32)
    assert np.array_equal(ops.global_max_pool3d(x), X.max(axis=(1, 2, 3)))
    exact = X.mean(axis=(1, 2, 3))
    assert_close(ops.global_avg_pool3d(x), exact, np.spacing(abs(exact).astype(np.float32)))


def test_borders():
    padded = ops.zero_pad3d(X, ODD_SIDES)
    assert padded.shape == (2, 7, 11, 7, 4)
    assert np.array_equal(padded[:, :5, 3:10, 1:], X)
    assert np.count_nonzero(padded) == np.count_nonzero(X)
    assert np.array_equal(ops.crop3d(padded, ODD_SIDES), X)
    assert np.array_equal(ops.crop3d(X, (1, 2, 0)), X[:, 1:-1, 2:-2])


def test_cells_are_repeated():
    y = ops.upsample3d(X, (2, 1, 3))
    assert y.shape == (2, 10, 7, 18, 4)
    assert all(np.array_equal(y[:, i::2, :, j::3], X) for i in range(2) for j in range(3))


WRONG = [
    (
        lambda: ops.conv3d(X[0], np.ones((1, 1, 1, 4, 2))),
        r"conv3d: input has shape \(5, 7, 6, 4\), expected five dim",
    ),
    (
        lambda: ops.conv3d(X, np.ones((1, 1, 4, 2))),
        r"conv3d: kernel has shape .*expected \(KD, KH, KW, C/groups, O\)",
    ),
    (
        lambda: ops.conv3d(X, np.ones((1, 1, 1, 5, 2))),
        r"has 4 channels, but kernel .* takes 5 \* 1 = 5.*channels first",
    ),
    (
        lambda: ops.conv3d(X, np.ones((6, 1, 1, 4, 2))),
        r"output depth is not positive: floor\(\(5 \+ 0 \+ 0 - 6\) / 1\)",
    ),
    (
        lambda: ops.conv3d(X, np.ones((1, 1, 1, 4, 2)), stride=(1, 2)),
        r"stride \(1, 2\) is neither an int nor a \(depth",
    ),
    (lambda: ops.conv3d(X, np.ones((1, 1, 1, 4, 2)), padding="full"), r"padding 'full' is unknown"),
    (lambda: ops.conv3d_transpose(X, np.ones((1, 1, 1, 4, 2))), r"conv3d_transpose: input .* has 4 channels"),
    (lambda: ops.max_pool3d(X, 2, padding=(2, 0, 0)), r"pool: padding \(2, 2\) in depth is more than half"),
    (lambda: ops.crop3d(X, (2, 4, 0)), r"cropping \(4, 4\) leaves nothing of a height of 7"),
    (lambda: ops.crop3d(X, -1), r"cropping -1 is out of range"),
    (lambda: ops.zero_pad3d(X, "same"), r"zero_pad3d: padding 'same' means nothing"),
    (lambda: ops.upsample3d(X, (1, 0, 1)), r"size \(1, 0, 1\) is out of range"),
    (lambda: ops.global_max_pool3d(X[:, 0]), r"global_max_pool3d: input has shape"),
    (lambda: TransposedWindow3D.parse(2, 2, output_padding=2), r"output padding \(2, 2, 2\) is out of range"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_what_has_no_meaning_is_refused_with_the_numbers(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


def test_spellings_of_padding():
    assert Window3D.parse(2, padding=(1, 2, 3)).padding == ((1, 1), (2, 2), (3, 3))
    assert Window3D.parse(2, padding=[[1, 2], [3, 4], (5, 6)]).padding == ((1, 2), (3, 4), (5, 6))
    assert Window3D.parse(2, padding="valid").padding == Window3D.parse(2).padding == ((0, 0),) * 3
