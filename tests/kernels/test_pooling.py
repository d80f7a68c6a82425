"""Max and average pooling over their sweep, and where the frameworks are known to go wrong."""

import numpy as np
import oracle
import pytest
from pool_sweep import CASES, CHANNELS, PADDINGS, SIZES, STRIDES, Pool, sweep_avg_pool2d, sweep_max_pool2d

import convlab
from convlab.errors import ShapeError

POOLS = [convlab.max_pool2d, convlab.avg_pool2d]


@pytest.mark.parametrize("size", [*SIZES, (1, 1)], ids=str)
def test_max_pool2d_over_the_sweep(size):
    sweep_max_pool2d(convlab.max_pool2d, [case for case in CASES if case.size == size])


@pytest.mark.parametrize("size", [*SIZES, (1, 1)], ids=str)
def test_avg_pool2d_over_the_sweep(size):
    sweep_avg_pool2d(convlab.avg_pool2d, [case for case in CASES if case.size == size])


def test_the_sweep_is_as_large_as_it_says():
    assert len(CASES) > len(SIZES) * len(STRIDES) * len(PADDINGS) / 2
    for case in CASES:
        assert len({*case.x.shape}) == 4, case
    met = {(case.stride, str(case.padding)) for case in CASES}
    assert len(met) >= len(STRIDES) * len(PADDINGS)


@pytest.mark.parametrize("pool", POOLS)
def test_padding_of_more_than_half_the_window_is_refused(pool):
    x = np.ones((2, 9, 13, 6), np.float32)
    cases = (Pool(size, None, padding) for size in SIZES for padding in [(0, 2), (2, 1), (3, 0)])
    refused = [case for case in cases if not case.allowed]
    assert len(refused) > 5
    for case in refused:
        with pytest.raises(ShapeError, match=r"padding \(\d, \d\) in (height|width) is more than half of the window"):
            pool(x, case.size, padding=case.padding)


@pytest.mark.parametrize("pool", POOLS)
def test_nan_reaches_the_windows_that_see_it_and_no_other(pool):
    x = Pool((2, 3), (1, 2), (1, 0)).x
    x[1, 3, 4, 5] = np.nan
    seen = oracle.pool2d(lambda cells: any(cell != cell for cell in cells), x, (2, 3), (1, 2), (1, 0))
    assert np.array_equal(np.isnan(pool(x, (2, 3), (1, 2), (1, 0))), seen == 1)
    assert 0 < seen.sum() < 10


def test_minus_infinity_is_a_number_to_max_pooling():
    x = np.full((1, 4, 6, 2), -np.inf, np.float32)
    x[0, 0, 0, 1] = -3e38
    actual = convlab.max_pool2d(x, (2, 3), 1, 1)
    assert np.array_equal(actual, oracle.pool2d(oracle.largest, x, (2, 3), (1, 1), 1))
    assert set(np.unique(actual)) == {-np.inf, np.float32(-3e38)}


def test_plus_infinity_passes_both_pools():
    x = np.zeros((1, 4, 6, 2), np.float32)
    x[0, 2, 3, 1] = np.inf
    for pool in POOLS:
        assert np.isinf(pool(x, (2, 3))).sum() == 1


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint16, np.bool_])
@pytest.mark.parametrize("pool", POOLS)
def test_other_numbers_become_float32(pool, dtype):
    x = Pool((2, 3), None, 1).x.astype(np.int8).astype(dtype)
    actual = pool(x, (2, 3), None, 1)
    assert actual.dtype == np.float32
    assert np.array_equal(actual, pool(x.astype(np.float32), (2, 3), None, 1))


@pytest.mark.parametrize("pool", POOLS)
def test_memory_layout_makes_no_difference(pool):
    case = Pool((2, 3), (2, 1), ((1, 0), (0, 1)))
    x = case.x
    expected = pool(x, case.size, case.stride, case.padding)
    framed = np.full((4, 11, 15, CHANNELS + 2), np.nan, np.float32)
    framed[1:-1, 1:-1, 1:-1, 1:-1] = x
    fixed = x.copy()
    fixed.flags.writeable = False
    backward = x[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1]
    for variant in (np.asfortranarray(x), backward, framed[1:-1, 1:-1, 1:-1, 1:-1], fixed):
        before = variant.copy()
        actual = pool(variant, case.size, case.stride, case.padding)
        assert np.array_equal(actual, expected)
        assert np.array_equal(variant, before)
        assert not np.may_share_memory(actual, variant)


@pytest.mark.parametrize("pool", POOLS)
def test_a_window_of_one_cell_copies(pool):
    x = Pool((1, 1), None, 0).x
    actual = pool(x, 1)
    assert np.array_equal(actual, x) and not np.may_share_memory(actual, x)


WRONG = [
    ({"x": (5, 7, 8)}, r"pool: input has shape \(5, 7, 8\), expected four dimensions \(N, H, W, C\)"),
    ({"x": (5, 0, 8, 6), "padding": 1}, r"pool: input has shape \(5, 0, 8, 6\), .*only N may be 0"),
    ({"size": 0}, r"kernel 0 is out of range: at least 1"),
    ({"size": (2, 3, 4)}, r"kernel \(2, 3, 4\) is neither an int nor a \(height, width\) pair"),
    ({"stride": 0}, r"stride 0 is out of range"),
    ({"stride": (1, -1)}, r"stride \(1, -1\) is out of range"),
    ({"padding": -1}, r"padding -1 is out of range"),
    ({"padding": 2}, r"padding \(2, 2\) in height is more than half of the window of 2"),
    ({"padding": ((0, 0), (0, 2))}, r"padding \(0, 2\) in width is more than half of the window of 3"),
    ({"padding": "full"}, r"padding 'full' is unknown"),
    ({"size": (8, 3)}, r"output height is not positive: floor\(\(7 \+ 0 \+ 0 - 8\) / 8\) \+ 1 = 0"),
]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(("change", "message"), WRONG, ids=[str(change) for change, _ in WRONG])
def test_errors_say_what_is_wrong(pool, change, message):
    arguments = {"x": (5, 7, 8, 6), "size": (2, 3)} | change
    with pytest.raises(ShapeError, match=message):
        pool(**(arguments | {"x": np.ones(arguments["x"], np.float32)}))
