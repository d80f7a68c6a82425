"""What every convolution kernel owes: the sweep, its arguments left alone, NaN and infinity in place, threads."""

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import convlab
from convlab_kernels.cpu import METHODS, elementwise, set_threads, threads
from convlab_kernels.cpu.activation import FUNCTIONS, activation
from convlab_kernels.errors import ShapeError, UnsupportedError
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, sum_bound
from support.kernels.sweep import CORNERS, CROSSED, Case, exact, sweep

# Those that add up the products of the definition, so that its rounding and its NaN are theirs (winograd does not),
# and how many cases of the sweep each takes, lest it refuse some unnoticed: write 438, and the failure counts.
SUMMING = {
    "direct": 438,
    "im2col": 438,
    "indirect_gemm": 438,
    "toeplitz": 117,
    "widened": 117,
    "pointwise": 43,
    "shifted": 214,
    "depthwise": 214,
}
SPREADS_NAN = {"widened"}  # which multiplies what is not finite by zeros
OF_BLAS = {"im2col", "toeplitz"}  # which may sum in another order where the matrices lie otherwise
SIZE = (11, 17)
DEPTHWISE = [
    Case((2, 3), (1, 2), ((1, 2), (3, 0)), (2, 1), "depthwise with multiplier", size=SIZE),
    Case((3, 4), (1, 2), "same", (2, 3), "depthwise", size=SIZE),
]
TAKES = {  # what each kernel is checked with beside the sweep: a case for each way through its code
    "direct": [
        Case((2, 3), (1, 2), ((1, 2), (3, 0)), (2, 1), "2 groups", size=SIZE),
        Case((4, 5), (1, 2), "same", size=SIZE),
    ],
    "pointwise": [Case((1, 1), (3, 2), size=SIZE), Case((1, 1), (1, 2), channels="2 groups", size=SIZE)],
    "depthwise": DEPTHWISE,
    "shifted": DEPTHWISE,
}
TAKES["indirect_gemm"] = TAKES["im2col"] = TAKES["direct"]
TAKES["direct"].append(Case((3, 2), (2, 1), ((2, 0), (1, 3)), (1, 3), size=SIZE))
TAKES["toeplitz"] = TAKES["widened"] = [
    Case((2, 3), (1, 1), ((1, 2), (2, 1)), (2, 1), size=SIZE),
    *TAKES["direct"][1:],
]
EACH = [
    pytest.param(method, case, id=f"{method}-{i}")
    for method in SUMMING
    for i, case in enumerate(TAKES.get(method, []))
]
each = pytest.mark.parametrize(("method", "case"), EACH)


@pytest.fixture
def some_threads():
    before = threads()
    yield set_threads
    set_threads(before)


def prepared(method, case):
    """Return the case's kernel."""
    attributes = case.attributes
    groups = attributes.pop("groups")
    return METHODS[method](case.arrays[1], Window.parse(case.kernel, **attributes), groups)


def filled(method, case, x=None, **finish):
    """Return what the kernel writes over NaN, with the case's x unless another is given."""
    out = np.full(exact(case)[0].shape, np.nan, np.float32)
    prepared(method, case)(case.arrays[0] if x is None else x, out, **finish)
    return out


def test_all_methods_are_here():
    assert set(METHODS) == {*SUMMING, "winograd", "winograd2x2"}, "SUMMING; or a file of its own"
    assert TAKES.keys() == SUMMING.keys(), "TAKES"


@pytest.mark.parametrize(("old", "new"), [("banded", "toeplitz"), ("indirect", "indirect_gemm")])
def test_the_old_name_of_a_method_works_and_says_the_new_one(old, new):
    told = rf"^method '{old}' is now called '{new}'; the old name goes with the next release$"
    with pytest.warns(DeprecationWarning, match=told):
        assert METHODS[old] is METHODS[new]
    x, w = TAKES["toeplitz"][0].arrays[:2]
    with pytest.warns(DeprecationWarning, match=told) as warned:
        y = convlab.conv2d(x, w, method=old)
    assert [warning.filename for warning in warned] == [__file__], "once, at the line that says the old name"
    np.testing.assert_array_equal(y, convlab.conv2d(x, w, method=new))


@pytest.mark.parametrize("method", SUMMING)
def test_each_over_all_that_it_takes_of_the_sweep(method):
    taken = 0
    for case in (*CROSSED, *CORNERS):
        try:
            prepared(method, case)
        except UnsupportedError as error:
            assert str(error).startswith(f"{method}: ")
        else:
            taken += 1
            sweep(partial(convlab.conv2d, method=method), [case])
    assert taken == SUMMING[method]


@each
def test_out_is_not_read_and_x_not_written(method, case):
    x, _, b = case.arrays
    before = x.copy()
    x.flags.writeable = False
    out = filled(method, case, x, bias=b)
    total, magnitude = exact(case)
    assert_close(out, total + b, sum_bound(case.terms, magnitude + np.abs(b), np.float32))
    assert np.array_equal(x, before)


def misaligned(array):
    """Return the same numbers one byte off."""
    room = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    room[...] = array
    assert not room.flags.aligned
    return room


@each
def test_x_w_and_b_may_lie_in_memory_anyhow(method, case):
    arrays = case.arrays
    expected = filled(method, case, bias=arrays[2])
    turned = (slice(None, None, -1),)
    for change in (
        misaligned,
        np.asfortranarray,
        lambda a: a[turned * a.ndim].copy()[turned * a.ndim],
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    ):
        x, w, b = map(change, arrays)
        attributes = case.attributes
        groups = attributes.pop("groups")
        out = np.full(expected.shape, np.nan, np.float32)
        METHODS[method](w, Window.parse(case.kernel, **attributes), groups)(x, out, b)
        if method in OF_BLAS:
            total, magnitude = exact(case)
            assert_close(out, total + b, sum_bound(case.terms, magnitude + np.abs(b), np.float32))
        else:
            assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_an_out_that_is_not_contiguous_is_filled_or_refused(method):
    case = TAKES[method][0] if method in TAKES else Case((3, 3), size=SIZE)
    whole = np.ones((*exact(case)[0].shape, 2), np.float32)
    try:
        prepared(method, case)(case.arrays[0], whole[..., 0])
    except ShapeError as error:
        assert re.search(r"^\w+: out is not contiguous in C order; give a whole array", str(error))
        assert (whole == 1).all()
    else:
        assert np.array_equal(whole[..., 0], filled(method, case)) and (whole[..., 1] == 1).all()


@each
def test_relu_clips_below_and_the_ceiling_above_and_nan_passes(method, case):
    x, b = case.arrays[0].copy(), case.arrays[2]
    x[0, 3, 4] = np.nan
    plain = filled(method, case, x, bias=b)
    assert 0 < np.isnan(plain).mean() < 1 and (plain < 0).any() and (plain > 1.5).any()
    clipped = filled(method, case, x, bias=b, relu=True)
    assert np.array_equal(clipped, np.maximum(plain, 0), equal_nan=True)
    both = filled(method, case, x, bias=b, relu=True, ceiling=1.5)
    assert np.array_equal(both, np.clip(plain, 0, 1.5), equal_nan=True)
    assert np.array_equal(filled(method, case, x, bias=b, ceiling=1.5), plain, equal_nan=True)  # no relu, no ceiling


@pytest.mark.parametrize(("method", "case"), [one for one in EACH if one.values[0] not in SPREADS_NAN])
def test_nan_and_infinity_stay_where_the_mathematics_puts_them(method, case):
    x = case.arrays[0].copy()
    x[0, 0, 0, 0], x[0, 3, 4, 1], x[0, 6, 8, 2], x[0, 6, 8, 0], x[0, 6, 10, 0] = (
        np.nan,
        np.inf,
        -np.inf,
        np.inf,
        -np.inf,
    )
    with np.errstate(invalid="ignore"):
        expected, magnitude = oracle.conv2d(x, case.arrays[1], **case.attributes)
    with np.errstate(invalid="ignore"):
        out = filled(method, case, x)
    bound = sum_bound(case.terms, np.where(np.isfinite(magnitude), magnitude, 0), np.float32)
    assert_close(out, expected, bound)
    assert np.isnan(out).any() and np.isinf(out).any() and np.isfinite(out).any()


ACTIVATING = [method for method in METHODS if getattr(METHODS[method], "activates", False)]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("method", ACTIVATING)
def test_an_activation_function_is_the_last_step(method, function, some_threads):
    some_threads(2)
    cases = TAKES.get(method, [Case((3, 3), size=SIZE)])
    for case in (*cases, replace(cases[0], size=(29, 37))):
        plain = filled(method, case, bias=case.arrays[2])
        expected = np.full_like(plain, np.nan)
        elementwise.apply(function, plain, expected, 0.3)
        out = filled(method, case, bias=case.arrays[2], activation=activation(function, 0.3))
        assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("method", ["winograd", "winograd2x2"])
def test_an_activation_function_where_threads_share_the_kernels(method, some_threads):
    some_threads(1)  # then two panels of kernels are enough
    random = np.random.default_rng(5)
    x, w = random.standard_normal((1, 6, 7, 5), np.float32), random.standard_normal((3, 3, 5, 70), np.float32)
    kernel, plain, out = METHODS[method](w, Window((3, 3)), 1), *np.full((2, 1, 4, 5, 70), np.nan, np.float32)
    kernel(x, plain)
    kernel(x, out, activation=activation("silu"))
    expected = np.empty_like(plain)
    elementwise.apply("silu", plain, expected)
    assert out.tobytes() == expected.tobytes()


def test_these_have_activation_functions():
    assert ACTIVATING == ["pointwise", "indirect_gemm", "widened", "depthwise", "winograd", "winograd2x2"]


@pytest.mark.parametrize("method", SUMMING)
def test_what_lies_beside_an_image_is_not_seen(method):
    for case in TAKES[method]:
        x = case.arrays[0]
        beside = np.full((len(x) + 2, *x.shape[1:]), np.nan, np.float32)
        beside[1:-1] = x
        assert np.isfinite(filled(method, case, beside[1:-1])).all()


@each
def test_denormal_numbers_are_numbers(method, case):
    tiny = np.finfo(np.float32).smallest_subnormal
    x = (case.arrays[0] * 1e-39).astype(np.float32)
    assert (np.abs(x[x != 0]) < np.finfo(np.float32).tiny).all()
    expected, magnitude = oracle.conv2d(x, case.arrays[1], **case.attributes)
    bound = sum_bound(case.terms, magnitude, np.float32) + case.terms * tiny / 2  # what each product loses below it
    out = filled(method, case, x)
    assert_close(out, expected, bound)
    assert (bound < np.abs(expected)).mean() > 0.5, "the test says nothing"


@pytest.mark.parametrize("method", SUMMING)
def test_any_number_of_threads_gives_the_same_bits(method, some_threads):
    for case in (*TAKES[method], replace(TAKES[method][0], size=(29, 37))):
        results = set()
        for n in (1, 2, 3, 5, 2):
            some_threads(n)
            results.add(filled(method, case, bias=case.arrays[2], relu=True).tobytes())
        assert len(results) == 1, case
