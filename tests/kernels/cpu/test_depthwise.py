"""The kernels for convolutions of each channel by itself: the sweep, channels, blocks, layouts, memory, threads."""

import tracemalloc
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import convlab
from convlab import ops
from convlab_kernels.cpu import Shifted, set_threads, shifted, threads
from convlab_kernels.cpu.depthwise import Depthwise
from convlab_kernels.cpu.depthwise_simd import WINDOWS
from convlab_kernels.errors import ShapeError, UnsupportedError
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, sum_bound
from support.kernels.sweep import CORNERS, CROSSED, KERNELS, Case, check, exact, sweep

METHODS = {"shifted": Shifted, "depthwise": Depthwise}
both = pytest.mark.parametrize("method", METHODS)
KINDS = ["depthwise", "depthwise with multiplier"]
SMALL = Case((2, 3), (3, 2), ((1, 2), (3, 0)), (1, 2), "depthwise with multiplier")


def conv2d(method):
    return partial(convlab.conv2d, method=method)


@both
@pytest.mark.parametrize("channels", KINDS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_depthwise_over_the_sweep(kernel, channels, method):
    cases = [case for case in CROSSED if (case.kernel, case.channels) == (kernel, channels)]
    assert len(cases) > 20
    sweep(conv2d(method), cases)


@both
@pytest.mark.parametrize("channels", KINDS)
def test_the_corners_of_the_sweep(channels, method):
    sweep(conv2d(method), [replace(case, channels=channels) for case in CORNERS])


WALKS = {  # (H, W), kernel, stride, padding, dilation
    "same": ((5, 17), (3, 2), (1, 1), "same", (1, 1)),
    "strided": ((6, 17), (2, 3), (2, 1), ((1, 2), (3, 0)), (2, 1)),
    "large windows": ((6, 18), (5, 6), (1, 1), "same", (1, 1)),
    "wide steps": ((4, 47), (1, 3), (1, 3), (0, 2), (1, 2)),
    "whole windows only": ((4, 21), (3, 4), (1, 1), "valid", (1, 1)),
    "one cell": ((1, 1), (3, 5), (1, 1), "same", (1, 1)),
    "windows in the padding alone": ((2, 3), (2, 3), (1, 1), ((5, 7), (6, 9)), (1, 2)),
    # rows of which are gone through once
    "three columns": ((4, 18), (2, 3), (1, 1), "same", (2, 1)),
    "three columns, two steps": ((5, 31), (3, 3), (1, 2), ((1, 0), (0, 1)), (1, 1)),
    "five columns": ((5, 19), (3, 5), (2, 1), "same", (1, 1)),
    "five columns, two steps": ((6, 37), (4, 5), (1, 2), ((2, 1), (4, 3)), (1, 1)),
    "three columns in the padding alone": ((2, 3), (2, 3), (1, 1), ((5, 7), (6, 9)), (1, 1)),
    "five columns in the padding alone": ((3, 2), (1, 5), (1, 2), ((0, 2), (9, 12)), (1, 1)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_any_number_of_channels(walk, dtype):
    size, kernel, stride, padding, dilation = walk
    random = np.random.default_rng([*size, *kernel])
    attributes = {"stride": stride, "padding": padding, "dilation": dilation}
    for c in (*range(1, 19), 31, 32, 33, 48, 67, 131):
        x, w, b = (random.standard_normal(shape, np.float32) for shape in ((2, *size, c), (*kernel, 1, c), (c,)))
        total, magnitude = oracle.conv2d(x, w, groups=c, **attributes)
        given = (array.astype(dtype) for array in (x, w, b))
        actual = convlab.conv2d(*given, groups=c, method="depthwise", **attributes)
        bound = sum_bound(kernel[0] * kernel[1] + 1, magnitude + np.abs(b), dtype)
        assert_close(actual, total + b, bound, f"{c} channels")
        assert actual.dtype == dtype
        assert actual.shape[2] > 2 * WINDOWS or size[1] < 4  # windows side by side, and what is left over


@pytest.mark.parametrize("channels", [5, 37])
def test_nan_and_infinity_stay_where_they_are_seen(channels):
    random = np.random.default_rng(1)
    x = random.standard_normal((2, 9, 14, channels), np.float32)
    w = random.standard_normal((3, 2, 1, channels), np.float32)
    at = (1, 4, 6, channels - 2), (0, 0, 13, 0), (0, 7, 3, channels - 1)
    for place, value in zip(at, (np.nan, np.inf, -np.inf), strict=True):
        x[place] = value
    with np.errstate(invalid="ignore"):
        total, magnitude = oracle.conv2d(x, w, padding=1, groups=channels)
    actual = convlab.conv2d(x, w, padding=1, groups=channels, method="depthwise")
    assert_close(actual, total, sum_bound(6, np.where(np.isfinite(total), magnitude, 0), np.float32))
    assert np.isnan(actual).sum() == 6 and np.isinf(actual).sum() == 4 + 6


@pytest.mark.parametrize("channels", [5, 37])
@pytest.mark.parametrize("n", [1, 3, 50])
def test_any_number_of_threads_gives_the_same(n, channels):
    random = np.random.default_rng(2)
    x, w = (random.standard_normal(s, np.float32) for s in ((3, 7, 10, channels), (3, 2, 1, 2 * channels)))
    before = threads()
    expected = convlab.conv2d(x, w, groups=channels, method="shifted")
    try:
        set_threads(n)
        actual = convlab.conv2d(x, w, groups=channels, method="depthwise")
    finally:
        set_threads(before)
    magnitude = convlab.conv2d(abs(x), abs(w), groups=channels, method="shifted")
    assert_close(actual, expected.astype(np.float64), 2 * sum_bound(6, 1.001 * magnitude, np.float32))


def test_depthwise_takes_a_whole_array_and_one_channel_a_group():
    w = np.ones((2, 3, 1, 6), np.float32)
    with pytest.raises(ShapeError, match=r"^depthwise: out is not contiguous in C order; give a whole array"):
        Depthwise(w, Window((2, 3)), 6)(
            np.ones((2, 4, 5, 6), np.float32), np.ones((2, 3, 4, 6), np.float32)[:, :, :3]
        )
    for name, kernel in METHODS.items():
        with pytest.raises(
            UnsupportedError, match=rf"^{name}: kernel \(2, 3, 2, 6\) in 3 group\(s\) sees 2 channels"
        ):
            kernel(np.ones((2, 3, 2, 6), np.float32), Window((2, 3)), 3)


@pytest.mark.parametrize("budget", [1, 1_500, 2_000])
def test_blocks_of_any_size_give_the_same(budget, monkeypatch):
    case = Case((4, 5), (2, 1), (2, 1), (1, 2), "depthwise", size=(10, 23))
    seen, block = [], Shifted._block
    monkeypatch.setattr(shifted, "BLOCK_BYTES", budget)

    def record(kernel, image, out, products):
        seen.append(out)
        block(kernel, image, out, products)

    monkeypatch.setattr(Shifted, "_block", record)
    check(conv2d("shifted"), case)
    assert len(seen) == 2 * -(-6 // max(1, budget // (17 * 9 * 4)))
    assert all(len(out) == 1 or out.nbytes <= budget for out in seen)


@both
@pytest.mark.parametrize("which", [0, 1, 2], ids=["x", "w", "b"])
def test_memory_layout_makes_no_difference(which, method):
    arrays = list(SMALL.arrays)
    total, magnitude = exact(SMALL)
    bound = sum_bound(SMALL.terms, magnitude + np.abs(arrays[2]), np.float32)
    for change in (np.asfortranarray, lambda a: a.repeat(2, axis=-1)[..., ::2], lambda a: a[::-1].copy()[::-1]):
        given = [*arrays[:which], change(arrays[which]), *arrays[which + 1 :]]
        before = given[which].copy()
        given[which].flags.writeable = False
        actual = conv2d(method)(*given, **SMALL.attributes)
        assert_close(actual, total + arrays[2], bound)
        assert np.array_equal(given[which], before)


@pytest.mark.parametrize("channels", [5, 37])
def test_relu_clips_below_and_the_ceiling_above_and_nan_passes(channels):
    random = np.random.default_rng(3)
    x, w, b = (random.standard_normal(s, np.float32) for s in ((2, 4, 7, channels), (3, 2, 1, channels), (channels,)))
    x[1, 2, 3, channels - 1] = np.nan
    run = Depthwise(w, Window((3, 2)), channels)
    plain, fused, below = (np.full((2, 2, 6, channels), 9, np.float32) for _ in range(3))
    run(x, plain, b)
    run(x, fused, b, relu=True)
    run(x, below, b, relu=True, ceiling=1.25)
    assert np.array_equal(fused, np.maximum(plain, 0), equal_nan=True) and (fused == 0).any()
    assert np.array_equal(below, np.minimum(fused, 1.25), equal_nan=True) and (below == 1.25).any()
    assert np.isnan(plain).sum() == 4


@both
def test_fused_bias_and_relu_are_the_separate_steps(method):
    x, w, b = SMALL.arrays
    run = METHODS[method](w, Window.parse(w.shape[:2], SMALL.stride, SMALL.padding, SMALL.dilation), 3)
    plain, fused, below = (np.full(exact(SMALL)[0].shape, np.nan, np.float32) for _ in range(3))
    run(x, plain, b)
    run(x, fused, b, relu=True)
    run(x, below, b, relu=True, ceiling=1.25)
    assert np.array_equal(fused, np.maximum(plain, 0)) and 0 < (fused == 0).mean() < 1
    assert np.array_equal(below, np.minimum(fused, 1.25)) and 0 < (below == 1.25).mean() < 1


def test_shifted_fills_a_part_of_an_array():
    x, w, _ = SMALL.arrays
    n, oh, ow, o = exact(SMALL)[0].shape
    part = np.zeros((n, oh, ow + 3, o), np.float32)[:, :, 2:-1]
    Shifted(w, Window.parse(w.shape[:2], SMALL.stride, SMALL.padding, SMALL.dilation), 3)(x, part)
    assert np.array_equal(part, conv2d("shifted")(x, w, **SMALL.attributes))


@pytest.mark.parametrize("images", [1, 6])
def test_peak_memory_is_one_padded_image_and_the_result(images):
    x = np.random.default_rng(0).standard_normal((images, 61, 53, 16), np.float32)
    w = np.ones((3, 4, 1, 16), np.float32)
    tracemalloc.start()
    try:
        out = conv2d("shifted")(x, w, padding=(2, 1), groups=16)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 65 * 55 * 16 * 4 + shifted.BLOCK_BYTES + out.nbytes + 20_000


@pytest.mark.parametrize(
    ("channels", "groups", "kernel"), [(9, 9, "shifted"), (9, 3, "im2col"), (1, 1, "im2col"), (9, 1, "im2col")]
)
def test_auto_chooses_it_where_each_of_several_groups_has_one_channel(channels, groups, kernel):
    x, w = np.empty((1, 30, 31, channels), np.float32), (2, 3, channels // groups, 18)
    assert ops.choose_conv2d(x, w, Window((2, 3)), groups) == kernel
