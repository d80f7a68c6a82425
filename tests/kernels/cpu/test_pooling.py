"""Max and average pooling over their sweep, and where the frameworks are known to go wrong."""

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import pooling, set_threads, threads
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, sum_bound
from support.kernels.pool_sweep import (
    CASES,
    CHANNELS,
    PADDINGS,
    SIZES,
    STRIDES,
    Pool,
    sweep_avg_pool2d,
    sweep_max_pool2d,
)

POOLS = [convlab.max_pool2d, convlab.avg_pool2d]


@pytest.fixture(autouse=True, params=[False, True], ids=["NumPy", "compiled"])
def _compiled(request):
    """Run every test here both ways."""
    with using_policy(request.param):
        yield request.param


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


WALKS = {  # image, window, stride, padding
    "side by side": ((6, 11), (2, 3), None, 0),
    "overlapping": ((5, 8), (3, 2), (2, 1), "same"),
    "one cell": ((1, 1), (2, 3), None, "same"),
    "over the border": ((4, 7), (4, 5), (1, 2), ((2, 1), (0, 2))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_any_number_of_channels(walk, dtype):
    image, size, stride, padding = walk
    for c in (*range(1, 19), 31, 32, 33, 67):
        x = (np.random.default_rng(c).standard_normal((3, *image, c)) - 1).astype(np.float32)
        arguments = x, size, stride or size, padding
        largest = oracle.pool2d(oracle.largest, *arguments)
        assert_close(convlab.max_pool2d(x.astype(dtype), size, stride, padding), largest, 0.0, f"max, {c}")
        mean, magnitude = (
            oracle.pool2d(oracle.mean, *arguments),
            oracle.pool2d(oracle.mean, np.abs(x), *arguments[1:]),
        )
        bound = sum_bound(size[0] * size[1] + 1, magnitude, dtype)
        actual = convlab.avg_pool2d(x.astype(dtype), size, stride, padding)
        assert_close(actual, mean, bound, f"mean, {c}")
        assert actual.dtype == dtype


@pytest.mark.parametrize("channels", [5, 37])
def test_nan_wins_wherever_it_stands_in_a_window(channels):
    for y, x_, other in [(0, 0, 9.0), (0, 1, -9.0), (1, 2, np.inf)]:
        x = np.full((2, 2, 3, channels), other, np.float32)
        x[1, y, x_, channels - 2] = np.nan
        actual = convlab.max_pool2d(x, (2, 3))
        assert np.isnan(actual[1, 0, 0, channels - 2]) and np.isnan(actual).sum() == 1
        assert np.isnan(convlab.global_max_pool2d(x)).sum() == 1
        assert np.isnan(convlab.avg_pool2d(x, (2, 3))[1, 0, 0, channels - 2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 7, 67, 259, 600])
def test_global_pools(channels, dtype):
    x = np.random.default_rng(channels).standard_normal((3, 4, 5, channels)).astype(dtype)
    mean = np.array([[oracle.mean(x[n, :, :, c].ravel().tolist()) for c in range(channels)] for n in range(3)])
    magnitude = np.abs(x).mean(axis=(1, 2), dtype=np.float64)
    actual = convlab.global_avg_pool2d(x)
    # summed in float64, so that float32 rounds once only
    assert_close(actual, mean, sum_bound(1, np.abs(mean), dtype) + sum_bound(21, magnitude, np.float64))
    assert actual.dtype == dtype
    assert_close(convlab.global_max_pool2d(x), x.astype(np.float64).max(axis=(1, 2)), 0.0)
    assert convlab.global_max_pool2d(x[:0]).shape == convlab.global_avg_pool2d(x[:0]).shape == (0, channels)


def test_a_mean_of_many_cells_is_not_added_up_one_by_one():
    x = np.full((1, 3000, 4100, 1), 0.1, np.float32)  # in float32 the sum would stop growing at 2^21
    assert convlab.global_avg_pool2d(x)[0, 0] == np.float32(0.1)


@pytest.mark.parametrize("n", [1, 3, 50])
def test_any_number_of_threads_gives_the_same_to_the_bit(n):
    x = np.random.default_rng(4).standard_normal((3, 7, 10, 300), np.float32)
    pools = [*(lambda x, pool=pool: pool(x, (2, 3)) for pool in POOLS)]
    pools += [convlab.global_max_pool2d, convlab.global_avg_pool2d]
    expected = [pool(x) for pool in pools]
    before = threads()
    try:
        set_threads(n)
        actual = [pool(x) for pool in pools]
    finally:
        set_threads(before)
    for one, other in zip(actual, expected, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("kernel", [pooling.max_pool, pooling.avg_pool])
def test_an_out_that_is_not_contiguous_is_refused(kernel):
    with pytest.raises(ShapeError, match=r"^pooling: out is not contiguous in C order; give a whole array"):
        kernel(np.ones((2, 4, 6, 3), np.float32), np.ones((2, 2, 3, 6), np.float32)[..., ::2], Window((2, 2), (2, 2)))


def test_the_compiled_kernels_are_what_is_tested(_compiled, monkeypatch):
    called = []
    for name in ("max_pool", "avg_pool", "global_max_pool", "global_avg_pool"):
        kernel = getattr(pooling, name)
        monkeypatch.setattr(
            pooling, name, lambda *args, name=name, kernel=kernel: (called.append(name), kernel(*args))
        )
    x = np.ones((2, 4, 6, 3), np.float32)
    for pool in POOLS:
        pool(x, 2)
    convlab.global_max_pool2d(x), convlab.global_avg_pool2d(x)
    assert called == (["max_pool", "avg_pool", "global_max_pool", "global_avg_pool"] if _compiled else [])
