"""The kernel for convolutions of each channel by itself: the sweep, blocks, layouts, memory, and who chooses it."""

import tracemalloc
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from closeness import assert_close, sum_bound
from sweep import CORNERS, CROSSED, KERNELS, Case, check, exact, sweep

import convlab
from convlab import ops
from convlab_kernels.cpu import Depthwise, Im2col, depthwise
from convlab_kernels.window import Window

conv2d = partial(convlab.conv2d, method="depthwise")
KINDS = ["depthwise", "depthwise with multiplier"]
SMALL = Case((2, 3), (3, 2), ((1, 2), (3, 0)), (1, 2), "depthwise with multiplier")


@pytest.mark.parametrize("channels", KINDS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_depthwise_over_the_sweep(kernel, channels):
    sweep(conv2d, [case for case in CROSSED if (case.kernel, case.channels) == (kernel, channels)])


@pytest.mark.parametrize("channels", KINDS)
def test_the_corners_of_the_sweep(channels):
    sweep(conv2d, [replace(case, channels=channels) for case in CORNERS])


@pytest.mark.parametrize("budget", [1, 1_500, 2_000])
def test_blocks_of_any_size_give_the_same(budget, monkeypatch):
    case = Case((4, 5), (2, 1), (2, 1), (1, 2), "depthwise", size=(10, 23))
    seen, block = [], Depthwise._block
    monkeypatch.setattr(depthwise, "BLOCK_BYTES", budget)

    def record(kernel, image, out, products):
        seen.append(out)
        block(kernel, image, out, products)

    monkeypatch.setattr(Depthwise, "_block", record)
    check(conv2d, case)
    assert len(seen) == 2 * -(-6 // max(1, budget // (17 * 9 * 4)))
    assert all(len(out) == 1 or out.nbytes <= budget for out in seen)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["x", "w", "b"])
def test_memory_layout_makes_no_difference(which):
    arrays = list(SMALL.arrays)
    total, magnitude = exact(SMALL)
    bound = sum_bound(SMALL.terms, magnitude + np.abs(arrays[2]), np.float32)
    for change in (np.asfortranarray, lambda a: a.repeat(2, axis=-1)[..., ::2], lambda a: a[::-1].copy()[::-1]):
        given = [*arrays[:which], change(arrays[which]), *arrays[which + 1 :]]
        before = given[which].copy()
        actual = conv2d(*given, **SMALL.attributes)
        assert_close(actual, total + arrays[2], bound)
        assert np.array_equal(given[which], before)


def test_fused_bias_and_relu_are_the_separate_steps():
    x, w, b = SMALL.arrays
    run = Depthwise(w, Window.parse(w.shape[:2], SMALL.stride, SMALL.padding, SMALL.dilation), 3)
    plain, both = (np.full(exact(SMALL)[0].shape, np.nan, np.float32) for _ in range(2))
    run(x, plain)
    run(x, both, b, relu=True)
    assert np.array_equal(both, np.maximum(plain + b, 0)) and 0 < (both == 0).mean() < 1


def test_it_fills_a_part_of_an_array():
    x, w, _ = SMALL.arrays
    n, oh, ow, o = exact(SMALL)[0].shape
    part = np.zeros((n, oh, ow + 3, o), np.float32)[:, :, 2:-1]
    Depthwise(w, Window.parse(w.shape[:2], SMALL.stride, SMALL.padding, SMALL.dilation), 3)(x, part)
    assert np.array_equal(part, conv2d(x, w, **SMALL.attributes))


@pytest.mark.parametrize("images", [1, 6])
def test_peak_memory_is_one_padded_image_and_the_result(images):
    x = np.random.default_rng(0).standard_normal((images, 61, 53, 16), np.float32)
    w = np.ones((3, 4, 1, 16), np.float32)
    tracemalloc.start()
    try:
        out = conv2d(x, w, padding=(2, 1), groups=16)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 65 * 55 * 16 * 4 + depthwise.BLOCK_BYTES + out.nbytes + 20_000


@pytest.mark.parametrize(
    ("channels", "groups", "kernel"), [(9, 9, Depthwise), (9, 3, Im2col), (1, 1, Im2col), (9, 1, Im2col)]
)
def test_auto_chooses_it_where_each_of_several_groups_has_one_channel(channels, groups, kernel):
    w = np.ones((2, 3, channels // groups, 18), np.float32)
    assert type(ops.prepare_conv2d(w, Window((2, 3)), groups)) is kernel
