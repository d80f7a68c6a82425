"""`convlab.conv2d`: the corners of the sweep, layouts, kinds of numbers, errors. Each kernel: see test_methods."""

import itertools
from functools import partial

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError
from convlab_kernels.cpu import Im2col
from convlab_kernels.cpu.direct import Direct
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, gamma, sum_bound
from support.kernels.sweep import CORNERS, CROSSED, Case, check, exact, sweep

direct = partial(convlab.conv2d, method="direct")
SMALL = Case((2, 3), (3, 2), ((1, 2), (3, 0)), (1, 2), "2 groups")


@pytest.mark.parametrize("case", CORNERS, ids=str)
@pytest.mark.parametrize("method", ["auto", "im2col", "direct"])
def test_the_corners(case, method):
    sweep(partial(convlab.conv2d, method=method), [case])


def test_direct_sums_in_float64():
    case = Case((4, 5), (3, 2), "same", (1, 2))
    x, w, _ = case.arrays
    expected, magnitude = exact(case)
    rounding = gamma(1, np.float32) * np.abs(expected) + 2 * gamma(case.terms, np.float64) * magnitude
    assert_close(direct(x, w, **case.attributes), expected, rounding, "direct")


def test_the_sweep_pairs_every_value_with_every_other():
    fields = ("kernel", "stride", "padding", "dilation", "channels")
    for one, other in itertools.combinations(fields, 2):
        met = {(getattr(case, one), getattr(case, other)) for case in CROSSED}
        values = ({getattr(case, field) for case in CROSSED} for field in (one, other))
        assert met == set(itertools.product(*values)), (one, other)


def test_no_two_dimensions_in_the_sweep_are_equal():
    for case in CROSSED:
        x, w, _ = case.arrays
        assert len(set(x.shape)) == 4, case
        assert len({*w.shape} - {1}) == sum(cells != 1 for cells in w.shape), case


def test_the_oracle_on_paper():
    x = np.arange(1.0, 13).reshape(1, 3, 4, 1)  # rows 1-4, 5-8, 9-12
    w = np.array([[1.0, 10, 100]]).reshape(1, 3, 1, 1)
    total, magnitude = oracle.conv2d(x, -w, (2, 1), ((0, 0), (1, 0)))
    assert total[0, ..., 0].tolist() == [[-210, -321, -432], [-1090, -1209, -1320]]
    assert (magnitude == -total).all()


def _variants(array):
    """Yield the same numbers in other layouts; what lies between them in memory is NaN."""
    spaced = np.full([2 * n + 1 for n in array.shape], np.nan, array.dtype)
    inner = spaced[tuple(slice(1, 2 * n, 2) for n in array.shape)]
    inner[...] = array
    framed = np.full([n + 2 for n in array.shape], np.nan, array.dtype)
    middle = framed[(slice(1, -1),) * array.ndim]
    middle[...] = array
    fixed = array.copy()
    fixed.flags.writeable = False
    reverse = (slice(None, None, -1),) * array.ndim
    yield from {
        "Fortran order": np.asfortranarray(array),
        "negative strides": array[reverse].copy()[reverse],
        "every second": inner,
        "a slice": middle,
        "read-only": fixed,
        "big-endian": array.astype(array.dtype.newbyteorder(">")),
    }.items()


@pytest.mark.parametrize("method", ["im2col", "direct"])
@pytest.mark.parametrize("which", [0, 1, 2], ids=["x", "w", "b"])
def test_memory_layout_makes_no_difference(which, method):
    arrays = list(SMALL.arrays)
    total, magnitude = exact(SMALL)
    b = arrays[2]
    for name, variant in _variants(arrays[which]):
        before = variant.copy()
        given = [*arrays[:which], variant, *arrays[which + 1 :]]
        actual = convlab.conv2d(*given, **SMALL.attributes, method=method)
        assert actual.dtype == np.float32
        assert_close(actual, total + b, sum_bound(SMALL.terms, magnitude + np.abs(b), np.float32), name)
        assert np.array_equal(variant, before), f"{name}: input was written to"
        assert not np.may_share_memory(actual, variant)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.int64, np.uint16, np.bool_])
@pytest.mark.parametrize("method", ["im2col", "direct"])
def test_other_numbers_become_float32(dtype, method):
    x, w, b = (np.round(3 * array).astype(np.int8).astype(dtype) for array in SMALL.arrays)
    actual = convlab.conv2d(x, w, b, **SMALL.attributes, method=method)
    assert actual.dtype == np.float32
    floats = [array.astype(np.float32) for array in (x, w, b)]
    assert np.array_equal(actual, convlab.conv2d(*floats, **SMALL.attributes, method=method))


def test_lists_become_float32():
    x, w, b = SMALL.arrays
    actual = convlab.conv2d(x.tolist(), w.tolist(), b.tolist(), **SMALL.attributes)
    assert actual.dtype == np.float32
    assert np.array_equal(actual, convlab.conv2d(x, w, b, **SMALL.attributes))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_float64_array_makes_the_result_float64(which):
    arrays = list(SMALL.arrays)
    arrays[which] = arrays[which].astype(np.float64)
    total, magnitude = exact(SMALL)
    actual = convlab.conv2d(*arrays, **SMALL.attributes)
    assert actual.dtype == np.float64
    b = SMALL.arrays[2]
    assert_close(actual, total + b, sum_bound(SMALL.terms, magnitude + np.abs(b), np.float64), "mixed")


@pytest.mark.parametrize("method", ["im2col", "direct"])
def test_two_runs_give_the_same_bits(method):
    x, w, b = SMALL.arrays
    one, other = (convlab.conv2d(x, w, b, **SMALL.attributes, method=method) for _ in range(2))
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("method", ["im2col", "direct"])
def test_nan_reaches_the_windows_that_see_it_and_no_other(method):
    case = Case((2, 3), (1, 2), ((1, 0), (2, 1)), (2, 1), batch=2)
    x, w, _ = case.arrays
    x = x.copy()
    x[1, 3, 4, 5] = np.nan
    seen, _ = oracle.conv2d(np.isnan(x), np.ones_like(w), **case.attributes)
    actual = convlab.conv2d(x, w, **case.attributes, method=method)
    assert np.array_equal(np.isnan(actual), seen > 0)
    assert 0 < (seen > 0).sum() < seen.size / 4


@pytest.mark.parametrize("method", ["im2col", "depthwise", "direct"])
def test_infinite_cells_raise_no_warning(method):  # pytest makes errors of them
    case = Case((2, 3), (1, 2), ((1, 0), (2, 1)), (2, 1), "depthwise")
    x, w, _ = case.arrays
    x = np.where(np.abs(x) > 2, np.copysign(np.inf, x), x)
    with np.errstate(invalid="ignore"):
        expected, magnitude = oracle.conv2d(x, w, **case.attributes)
    actual = convlab.conv2d(x, w, **case.attributes, method=method)
    assert_close(actual, expected, sum_bound(case.terms, magnitude, np.float32), method)
    assert np.isnan(actual).any() and (actual == np.inf).any() and np.isfinite(actual).any()


def test_a_sum_beyond_float32_is_infinite_without_a_warning():
    x, w = np.full((1, 2, 3, 4), 3e38, np.float32), np.ones((2, 3, 4, 1), np.float32)
    for method in ("im2col", "direct"):
        assert convlab.conv2d(x, w, method=method).item() == np.inf
    assert convlab.conv2d(x, w.swapaxes(2, 3), groups=4).tolist() == [[[[np.inf] * 4]]]


@pytest.mark.parametrize("kernel", [Im2col, Direct])
def test_fused_bias_and_relu_are_the_separate_steps(kernel):
    case = Case((2, 3), (1, 2), (2, 1), (1, 2), "2 groups", batch=1)
    x, w, b = case.arrays
    total, _ = exact(case)
    run = kernel(w, Window.parse((2, 3), case.stride, case.padding, case.dilation), 2)
    plain, biased, clipped, both = (np.full(total.shape, np.nan, np.float32) for _ in range(4))
    run(x, plain)
    run(x, biased, b)
    run(x, clipped, relu=True)
    run(x, both, b, relu=True)
    assert np.array_equal(plain, convlab.conv2d(x, w, **case.attributes, method=kernel.__name__.lower()))
    assert np.array_equal(clipped, np.maximum(plain, 0))
    assert np.array_equal(both, np.maximum(biased, 0))
    if kernel is Im2col:  # Direct adds the bias before it rounds to float32
        assert np.array_equal(biased, plain + b)
    assert 0 < (both == 0).mean() < 1
    assert not np.array_equal(both, clipped)


@pytest.mark.parametrize("kernel", [Im2col, Direct])
def test_relu_in_a_kernel_lets_nan_through(kernel):
    case = Case((2, 3), channels="2 groups")
    x, w, _ = case.arrays
    out = np.zeros(exact(case)[0].shape, np.float32)
    kernel(w, Window.parse((2, 3)), 2)(np.full_like(x, np.nan), out, relu=True)
    assert np.isnan(out).all()


def test_a_prepared_kernel_serves_images_of_any_size():
    case, larger = Case((2, 3), (2, 1), "same"), Case((2, 3), (2, 1), "same", size=(11, 17))
    x, w, _ = case.arrays
    kernel = Im2col(w, Window.parse((2, 3), (2, 1), "same"))
    for images in (x, larger.arrays[0], x):
        out = np.empty((len(images), -(-images.shape[1] // 2), images.shape[2], w.shape[3]), np.float32)
        kernel(images, out)
        assert np.array_equal(out, convlab.conv2d(images, w, stride=(2, 1), padding="same"))


def test_an_out_that_cannot_be_filled_is_refused():
    x, w, _ = Case((2, 3)).arrays
    n, oh, ow, o = exact(Case((2, 3)))[0].shape
    part = np.zeros((n, oh, ow + 3, o), np.float32)[:, :, 2:-1]
    with pytest.raises(ShapeError, match=r"^im2col: out is not contiguous in C order"):
        Im2col(w, Window.parse((2, 3)))(x, part)


def test_numpy_whole_numbers_are_whole_numbers():
    x, w, _ = SMALL.arrays
    numbers = SMALL.attributes | {"groups": np.int64(2), "stride": (np.int32(3), np.uint8(2))}
    assert np.array_equal(convlab.conv2d(x, w, **numbers), convlab.conv2d(x, w, **SMALL.attributes))


def test_a_failure_names_the_case_the_worst_index_both_values_and_the_tolerance():
    def broken(*arguments, **attributes):
        out = convlab.conv2d(*arguments, **attributes)
        out[0, 1, 2, 3] += 0.5
        return out

    message = (
        r"Case\(kernel=\(2, 3\).*float32, bias True: 1 of \d+ values are off; the worst, at \(0, 1, 2, 3\), is"
        r" -?[\d.]+, expected -?[\d.]+: error 0\.5, tolerance 0\.000\d+"
    )
    with pytest.raises(AssertionError, match=message):
        check(broken, Case((2, 3)))
