"""Winograd's convolution on a GPU against the definition, within what its transforms allow; its limits with NaN."""

from itertools import product

import numpy as np
import pytest

from convlab_kernels.cuda import METHODS, winograd
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.minimal_filters import F2, F4
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, gamma
from support.cuda.rungs import Case, check
from support.kernels.winograd_bound import winograd_bound

KERNELS = {"winograd": F4, "winograd2x2": F2}
both = pytest.mark.parametrize("method", KERNELS)

CASES = [
    Case((2, 7, 11, 5), 6, (3, 3), padding=((1, 3), (0, 4))),
    Case((1, 11, 7, 8), 12, (3, 3)),
    Case((4, 6, 5, 7), 33, (3, 3), padding="same"),
    Case((2, 1, 5, 4), 9, (3, 3), padding=((1, 1), (2, 0))),  # one row
    Case((3, 6, 4, 1), 2, (3, 3), padding=5),  # tiles that see padding alone
    Case((1, 8, 4, 10), 5, (3, 3)),  # whole tiles of 2 x 2
    Case((2, 10, 14, 3), 7, (3, 3)),  # whole tiles of 4 x 4
]


def sides(case):
    return oracle.four_sides(case.padding, case.image[1:3], case.kernel)


def allowed(method):
    """Return what the results of a case may err by: the sums, what a bias adds, and the exact answer's own error."""

    def bound(case):
        x, w, _, expected, magnitude = case.arrays()
        sums = winograd_bound(KERNELS[method], x, w, sides(case), np.float32)
        one = gamma(1, np.float32)
        return sums * (1 + one) + one * np.abs(expected) + gamma(case.terms, np.float64) * magnitude

    return bound


def filled(gpu, method, case, x):
    out = gpu.take(np.full(case.arrays()[3].shape, np.nan, np.float32))
    METHODS[method](gpu.take(case.arrays()[1]), case.window)(gpu.take(x), out)
    return gpu.give(out)


@both
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_the_convolution(case, method, gpu):
    check(gpu, METHODS[method], case, allowed(method))


@both
def test_relu_ceiling_and_no_bias(method, gpu):
    check(gpu, METHODS[method], CASES[0], allowed(method), relu=True, ceiling=1.5)
    check(gpu, METHODS[method], CASES[1], allowed(method), bias=False)


@both
@pytest.mark.parametrize(("rows", "together"), [(1, 2), (5, 5)])
def test_tiles_in_groups(rows, together, method, gpu, monkeypatch):
    monkeypatch.setattr(winograd, "TOGETHER", 0)
    monkeypatch.setattr(winograd, "ROWS", rows)
    case = CASES[0]
    assert METHODS[method](case.arrays()[1], case.window).at_once() == together
    check(gpu, METHODS[method], case, allowed(method))


@pytest.mark.parametrize(("c", "o", "tiles"), [(3, 64, 5120), (64, 64, 2688), (512, 256, 384)])
def test_how_many_tiles_go_together(c, o, tiles):
    w = np.zeros((3, 3, c, o), np.float32)
    assert METHODS["winograd"](w, Window((3, 3))).at_once() == tiles
    assert tiles * 36 * (c + o) * 4 <= 48 << 20 < (tiles + 128) * 36 * (c + o) * 4


@both
def test_the_weights_are_transformed_in_float64(method):
    w = CASES[0].arrays()[1]
    g = KERNELS[method].filter
    exact = np.einsum("ai,bj,ijco->abco", g, g, w.astype(np.float64)).reshape(-1, *w.shape[2:])
    magnitude = np.einsum("ai,bj,ijco->abco", abs(g), abs(g), np.abs(w.astype(np.float64))).reshape(exact.shape)
    half_a_step = np.finfo(np.float32).eps / 2 * np.abs(exact)
    u = METHODS[method](w, CASES[0].window).w
    assert u.dtype == np.float32
    assert_close(u, exact, half_a_step * (1 + 1e-7) + 2 * gamma(8, np.float64) * magnitude)


@both
def test_as_accurate_as_a_network_needs(method, gpu):
    case = Case((1, 8, 9, 512), 3, (3, 3))
    check(gpu, METHODS[method], case, lambda case: 1e-4 * case.arrays()[3].std())


def seen_by_tiles(cell, before, outputs, m):
    """Return which outputs along an axis lie in tiles of m that see a cell, `before` cells of padding before it."""
    begin = np.arange(outputs) // m * m - before
    return (begin <= cell) & (cell < begin + m + 2)


@both
def test_nan_spoils_what_sees_it_and_nothing_beyond_its_tiles(method, gpu):
    case, m = CASES[0], KERNELS[method].outputs
    n, h, w, c = case.image
    (top, _), (left, _) = sides(case)
    for i, j in list(product(range(h), range(w)))[::11]:
        x = case.arrays()[0].copy()
        x[n - 1, i, j, c - 1] = np.nan
        nan = np.isnan(filled(gpu, method, case, x))
        sees = oracle.conv2d(np.isnan(x), np.ones((3, 3, c, 1)), padding=case.padding)[0] > 0
        assert sees.any() and (nan | ~sees).all(), "a NaN got lost"
        rows, columns = (seen_by_tiles(*where, m) for where in ((i, top, nan.shape[1]), (j, left, nan.shape[2])))
        assert not nan[: n - 1].any() and not nan[n - 1, ~rows].any() and not nan[n - 1][:, ~columns].any()


REFUSED = [
    ({"kernel": (3, 1)}, 1),
    ({"kernel": (5, 5)}, 1),
    ({"kernel": 3, "stride": (1, 2)}, 1),
    ({"kernel": 3, "dilation": (2, 1)}, 1),
    ({"kernel": 3}, 2),
]


@both
@pytest.mark.parametrize(("window", "groups"), REFUSED, ids=str)
def test_what_it_does_not_take_is_refused(window, groups, method):
    window = Window.parse(**window)
    message = (
        rf"^{method}: kernel \({window.kernel[0]}, {window.kernel[1]}\), stride .*, dilation .*, {groups} group\(s\):"
        " it takes 3 x 3 kernels at stride 1 without dilation or groups; use im2col$"
    )
    with pytest.raises(UnsupportedError, match=message):
        METHODS[method](np.ones((*window.kernel, 4, 6), np.float32), window, groups)
    with pytest.raises(UnsupportedError, match=rf"^{method}: an array of float64, expected float32: use im2col$"):
        METHODS[method](np.ones((3, 3, 4, 6)), Window((3, 3)))
