"""Winograd's convolution against the definition, within what its transforms allow; its limits with NaN."""

from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convlab
from convlab_kernels.cpu import METHODS, set_threads, threads, winograd
from convlab_kernels.cpu.runtime.micro_kernel import ROWS, panel_of
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, gamma
from support.kernels.winograd_bound import magnitudes, matrix, winograd_bound
from support.kernels.winograd_cases import CASES, KERNELS, Case, allowed, check, exact, filled

both = pytest.mark.parametrize("method", KERNELS)


@both
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_the_convolution(case, method):
    for dtype, bias in product((np.float32, np.float64), (True, False)):
        check(method, case, dtype, bias)


def test_the_cases_are_of_all_kinds():
    for m in (2, 4):
        tiles = [case.tiles(m) for case in CASES]
        for strategy in ([n for n in tiles if 0 < n <= winograd.FEW], [n for n in tiles if n > winograd.FEW]):
            assert len(strategy) >= 5
            assert any(n % ROWS for n in strategy), "no block of rows is cut"
            assert any(0 < n % ROWS <= ROWS // 2 for n in strategy) and any(n % ROWS > ROWS // 2 for n in strategy)
        assert any(case.output[0] % m for case in CASES) and any(case.output[0] % m == 0 for case in CASES)
    for dtype in (np.float32, np.float64):
        assert {case.filters % panel_of(np.dtype(dtype).itemsize) == 0 for case in CASES} == {True, False}
    assert all(case.channels != case.filters for case in CASES)
    assert {case.batch for case in CASES} == {0, 1, 2, 3}


@both
def test_in_float64_it_agrees_with_the_definition_by_loops(method):
    case = Case(2, (19, 23), 13, 21, ((1, 2), (0, 3)))
    x, w, b = (array.astype(np.float64) for array in case.arrays)
    expected = convlab.conv2d(x, w, b, padding=case.padding, method="direct")
    bound = allowed(case, method, np.float64) + (gamma(1, np.float64) + gamma(118, np.float64)) * np.abs(expected)
    assert_close(convlab.conv2d(x, w, b, padding=case.padding, method=method), expected, bound)


@both
def test_float32_loses_less_than_a_network_may(method):
    # no layer of VGG16 may be further from float64 than 1e-5 in the L2 norm; half precision would be far beyond
    for case in CASES:
        if case.batch and case.channels >= 16:
            error = filled(method, case) - exact(case)
            assert np.linalg.norm(error) <= 1e-5 * np.linalg.norm(exact(case)), case


sides = st.tuples(*[st.tuples(st.integers(0, 5), st.integers(0, 5))] * 2)
cases = st.builds(
    Case, st.integers(1, 3), st.tuples(*[st.integers(1, 17)] * 2), st.integers(1, 19), st.integers(1, 35), sides
).filter(lambda case: min(case.output) > 0)


@both
@settings(deadline=None, max_examples=40)
@given(case=cases)
def test_random_shapes(case, method):
    x, w, _ = case.arrays
    total, magnitude = oracle.conv2d(x, w, padding=case.padding)
    for dtype in (np.float32, np.float64):
        bound = winograd_bound(KERNELS[method], x, w, case.sides, dtype)
        assert_close(filled(method, case, dtype), total, bound + gamma(9 * case.channels, np.float64) * magnitude)


@both
@pytest.mark.parametrize("case", [CASES[6], CASES[19]], ids=["few tiles", "many tiles"])
def test_any_number_of_threads_gives_the_same_bits(case, method):
    before, results = threads(), set()
    try:
        for n in (1, 2, 3, 5, 2):
            set_threads(n)
            results.add(filled(method, case, bias=case.arrays[2], relu=True).tobytes())
    finally:
        set_threads(before)
    assert len(results) == 1


@both
@pytest.mark.parametrize("case", [CASES[6], CASES[19]], ids=["few tiles", "many tiles"])
def test_both_ways_to_share_the_work_give_the_same_bits(case, method, monkeypatch):
    results = set()
    for few in (0, 10**6):
        monkeypatch.setattr(winograd, "FEW", few)
        results.add(filled(method, case, bias=case.arrays[2]).tobytes())
    assert len(results) == 1


@both
def test_blocks_of_any_size_give_the_same_bits(method, monkeypatch):
    case, results = CASES[19], set()
    for most in (1, winograd.MOST_BYTES):
        monkeypatch.setattr(winograd, "MOST_BYTES", most)
        results.add(filled(method, case, bias=case.arrays[2]).tobytes())
    assert len(results) == 1


@both
def test_relu_clips_below_and_the_ceiling_above_and_nan_passes(method):
    for case in (CASES[6], CASES[15], CASES[19]):
        x, _, b = case.arrays
        x[0, 1, 2, 0] = np.nan
        plain = filled(method, case, bias=b, x=x)
        assert np.isnan(plain).any() and (plain < 0).any() and (plain > 1.5).any()
        clip = partial(filled, method, case, bias=b, x=x)
        assert np.array_equal(clip(relu=True), np.maximum(plain, 0), equal_nan=True)
        assert np.array_equal(clip(relu=True, ceiling=1.5), np.clip(plain, 0, 1.5), equal_nan=True)
        assert np.array_equal(clip(ceiling=1.5), plain, equal_nan=True)


def misaligned(array):
    """Return the same numbers one byte off."""
    room = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    room[...] = array
    return room


@both
def test_x_and_w_may_lie_in_memory_anyhow_and_are_not_written(method):
    case = Case(2, (9, 13), 16, 32)
    x, w, b = case.arrays
    expected = filled(method, case, bias=b)
    back = (slice(None, None, -1),) * 4
    for change in (
        misaligned,
        np.asfortranarray,
        lambda a: a[back].copy()[back],
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    ):
        given_x, given_w = change(x), change(w)
        given_x.flags.writeable = given_w.flags.writeable = False
        out = np.full(expected.shape, np.nan, np.float32)
        METHODS[method](given_w, Window.parse(3, padding=1), 1)(given_x, out, b)
        assert out.tobytes() == expected.tobytes()
        assert np.array_equal(given_x, x) and np.array_equal(given_w, w)


@both
def test_what_lies_beside_an_image_is_not_seen(method):
    for case in (CASES[6], CASES[10], CASES[20]):
        beside = np.full((case.batch + 2, *case.size, case.channels), np.nan, np.float32)
        beside[1:-1] = case.arrays[0]
        assert np.array_equal(filled(method, case, x=beside[1:-1]), filled(method, case))


def spoiled(minimal, nan, sides, output):
    """Return which outputs (OH, OW) are NaN: in each tile, those to which a transform carries one of `nan` (H, W)."""
    m, t = minimal.outputs, minimal.outputs + 2
    reach = (matrix(minimal.output, t) != 0).astype(int) @ (matrix(minimal.input, t) != 0)  # (m, t)
    ends = [after + -cells % m for (_, after), cells in zip(sides, output, strict=True)]
    padded = np.pad(nan, [(before, end) for (before, _), end in zip(sides, ends, strict=True)])
    result = np.zeros([-(-cells // m) * m for cells in output], bool)
    for y, x in product(range(0, len(result), m), range(0, result.shape[1], m)):
        result[y : y + m, x : x + m] = reach @ padded[y : y + t, x : x + t] @ reach.T > 0
    return result[: output[0], : output[1]]


@both
@pytest.mark.parametrize("case", [CASES[6], CASES[19]], ids=["few tiles", "many tiles"])
def test_nan_spoils_the_tiles_that_see_it_and_nothing_else(case, method):
    cells = list(product(range(case.size[0]), range(case.size[1])))
    one_filter = np.ones((3, 3, case.channels, 1))
    for cell in cells[:: max(1, len(cells) // 20)]:
        x = case.arrays[0]
        x[(1, *cell, case.channels - 1)] = np.nan
        out = filled(method, case, x=x)
        nan = np.isnan(x[1]).any(axis=2)
        expected = np.zeros(out.shape, bool)
        expected[1] = spoiled(KERNELS[method], nan, case.sides, case.output)[..., None]
        assert np.array_equal(np.isnan(out), expected), cell
        seen = oracle.conv2d(np.isnan(x), one_filter, padding=case.padding)[0] > 0
        assert seen.any() and (expected | ~seen).all(), "a NaN got lost"


@both
def test_infinity_spoils_the_same_outputs(method):
    case = CASES[19]
    x = case.arrays[0]
    x[1, 7, 9, 3] = np.inf
    out = filled(method, case, x=x)
    assert np.isfinite(out[[0, 2]]).all()
    carried = spoiled(KERNELS[method], np.isinf(x[1]).any(axis=2), case.sides, case.output)
    assert np.isfinite(out[1, ~carried]).all() and not np.isfinite(out[1, carried]).any()
    seen = oracle.conv2d(np.isinf(x), np.ones((3, 3, case.channels, 1)), padding=case.padding)[0] > 0
    assert seen.any() and not np.isfinite(out[seen[..., 0]]).any()


@both
def test_denormal_numbers_are_numbers(method):
    case = CASES[15]
    x = case.arrays[0] * np.float32(1e-39)
    total = oracle.conv2d(x, case.arrays[1], padding=case.padding)[0]
    bound = winograd_bound(KERNELS[method], x, case.arrays[1], case.sides, np.float32)
    tiny = np.finfo(np.float32).smallest_subnormal
    # each of the products and sums may lose half of the smallest number, carried on by |A.T|
    lost = np.abs(matrix(KERNELS[method].output, KERNELS[method].outputs + 2)).sum(axis=1).max() ** 2
    out = filled(method, case, x=x)
    bound += case.channels * tiny / 2 * lost
    assert_close(out, total, bound)
    assert (bound < np.abs(total)).mean() > 0.5, "the test says nothing"


@both
def test_the_transforms_are_minimal_filters(method):
    minimal, random = KERNELS[method], np.random.default_rng(0)
    m = minimal.outputs
    inputs, _ = magnitudes(minimal.input, m + 2)
    assert inputs.shape == (m + 2, m + 2) and minimal.filter.shape == (m + 2, 3)
    d, g = random.integers(-9, 9, m + 2), random.integers(-9, 9, 3) * 24.0
    outputs = minimal.output(list((minimal.filter @ g) * minimal.input(list(d))))
    expected = [d[i : i + 3] @ g for i in range(m)]
    assert np.allclose(outputs, expected, rtol=0, atol=gamma(20, np.float64) * 100 * 24 * 9 * 9)


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
    w = np.ones((*window.kernel, 4, 6), np.float32)
    message = (
        rf"^winograd: kernel \({window.kernel[0]}, {window.kernel[1]}\), stride .*, dilation .*, {groups} group\(s\):"
        " it takes 3 x 3 kernels at stride 1 without dilation or groups; use indirect_gemm$"
    )
    with pytest.raises(UnsupportedError, match=message):
        METHODS[method](w, window, groups)
