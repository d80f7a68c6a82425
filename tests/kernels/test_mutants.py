"""A test of the tests: convolutions and poolings with one mistake each, of which none may pass the sweeps."""

from functools import partial

import numpy as np
import pytest

import convlab
from convlab_kernels.window import Window
from support.kernels import winograd_cases
from support.kernels.pool_sweep import sweep_avg_pool2d, sweep_max_pool2d
from support.kernels.sweep import CHANNELS, DILATIONS, KERNELS, PADDINGS, STRIDES, sweep


def sides_of(x, w, attributes):
    window = Window.parse(w.shape[:2], attributes["stride"], attributes["padding"], attributes["dilation"])
    return window.pads(x.shape[1:3])


def kernel_flipped(x, w, b, **attributes):
    return convlab.conv2d(x, w[::-1, ::-1], b, **attributes)


def kernel_transposed(x, w, b, **attributes):
    return convlab.conv2d(x, w.transpose(1, 0, 2, 3).reshape(w.shape), b, **attributes)


def input_channels_reversed(x, w, b, **attributes):
    return convlab.conv2d(x[..., ::-1], w, b, **attributes)


def output_channels_reversed(x, w, b, **attributes):
    return convlab.conv2d(x, w, b, **attributes)[..., ::-1]


def kernel_reshaped_not_transposed(x, w, b, **attributes):
    kh, kw, c, o = w.shape
    return convlab.conv2d(x, w.reshape(o, c, kh, kw).transpose(2, 3, 1, 0), b, **attributes)


def groups_interleaved(x, w, b, **attributes):
    n, height, width, c = x.shape
    groups = attributes["groups"]
    x = x.reshape(n, height, width, c // groups, groups).swapaxes(3, 4).reshape(x.shape)
    return convlab.conv2d(x, w, b, **attributes)


def dilation_ignored(x, w, b, **attributes):
    rows, columns = convlab.conv2d(x, w, b, **attributes).shape[1:3]
    sides = sides_of(x, w, attributes)
    undilated = attributes | {"dilation": (1, 1), "padding": sides}
    return convlab.conv2d(x, w, b, **undilated)[:, :rows, :columns]


def strides_swapped(x, w, b, **attributes):
    return convlab.conv2d(x, w, b, **attributes | {"stride": attributes["stride"][::-1]})


def pads_swapped(x, w, b, **attributes):
    return convlab.conv2d(x, w, b, **attributes | {"padding": sides_of(x, w, attributes)[::-1]})


def padding_at_the_end(x, w, b, **attributes):
    sides = tuple((0, before + after) for before, after in sides_of(x, w, attributes))
    return convlab.conv2d(x, w, b, **attributes | {"padding": sides})


def bias_dropped(x, w, b, **attributes):
    return convlab.conv2d(x, w, **attributes)


def first_image_for_all(x, w, b, **attributes):
    out = convlab.conv2d(x, w, b, **attributes)
    out[1:] = out[:1]
    return out


def size_rounded_up(x, w, b, **attributes):
    (top, bottom), (left, right) = sides_of(x, w, attributes)
    down, along = attributes["stride"]
    sides = (top, bottom + down - 1), (left, right + along - 1)
    return convlab.conv2d(x, w, b, **attributes | {"padding": sides})


def same_begins_with_the_odd_cell(x, w, b, **attributes):
    sides = sides_of(x, w, attributes)
    if attributes["padding"] == "same":
        sides = tuple((after, before) for before, after in sides)
    return convlab.conv2d(x, w, b, **attributes | {"padding": sides})


def strides_beyond_the_kernel_ignored(x, w, b, **attributes):
    stride = tuple(min(step, cells) for step, cells in zip(attributes["stride"], w.shape[:2], strict=True))
    return convlab.conv2d(x, w, b, **attributes | {"stride": stride})


def inputs_of_half_precision(x, w, b, **attributes):
    return convlab.conv2d(x.astype(np.float16).astype(x.dtype), w, b, **attributes)


def products_of_float32_for_float64(x, w, b, **attributes):
    floats = (a if a is None else a.astype(np.float32) for a in (x, w, b))
    return convlab.conv2d(*floats, **attributes).astype(x.dtype)


MUTANTS = [
    kernel_flipped,
    kernel_transposed,
    input_channels_reversed,
    output_channels_reversed,
    kernel_reshaped_not_transposed,
    groups_interleaved,
    dilation_ignored,
    strides_swapped,
    pads_swapped,
    padding_at_the_end,
    bias_dropped,
    first_image_for_all,
    size_rounded_up,
    same_begins_with_the_odd_cell,
    strides_beyond_the_kernel_ignored,
    inputs_of_half_precision,
    products_of_float32_for_float64,
]

WINOGRAD_MUTANTS = [
    mutant
    for mutant in MUTANTS
    if mutant  # those that speak of what Winograd's convolution does not take, and of float64, are none here
    not in (
        groups_interleaved,
        dilation_ignored,
        strides_swapped,
        size_rounded_up,
        same_begins_with_the_odd_cell,
        strides_beyond_the_kernel_ignored,
        products_of_float32_for_float64,
    )
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_sweep_kills(mutant):
    with pytest.raises(AssertionError, match=r"^Case\("):
        sweep(mutant)


@pytest.mark.parametrize("mutant", WINOGRAD_MUTANTS)
@pytest.mark.parametrize("method", ["winograd", "winograd2x2"])
def test_the_cases_of_winograd_kill(method, mutant, monkeypatch):
    def prepare(w, window, groups):
        plain = {"stride": (1, 1), "padding": window.padding, "dilation": (1, 1), "groups": groups}
        return lambda x, out, bias: np.copyto(out, mutant(x, w, bias, **plain))

    monkeypatch.setattr(winograd_cases, "METHODS", {method: prepare})
    with pytest.raises((AssertionError, convlab.ShapeError), match=r"^Case\(|is not positive"):
        for case in winograd_cases.CASES[:16]:
            winograd_cases.check(method, case, np.float32, bias=True)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_symmetric_test_kills_none(mutant):
    # one image, one channel, ones, no padding: what several frameworks' first convolution tests look like
    x, w = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1), np.ones((3, 3, 1, 1), np.float32)
    plain = {"stride": (1, 1), "padding": "valid", "dilation": (1, 1), "groups": 1}
    assert np.array_equal(mutant(x, w, None, **plain), convlab.conv2d(x, w))


def test_the_mutants_speak_of_attributes_the_sweep_has():
    assert len(MUTANTS) == len(set(MUTANTS)) == 13 + 4
    assert all(len(values) >= 4 for values in (KERNELS, STRIDES, PADDINGS, DILATIONS, CHANNELS))


def zeros_around(pool, x, size, stride, padding):
    sides = Window.parse(size, stride or size, padding).pads(x.shape[1:3])
    return pool(convlab.zero_pad2d(x, sides), size, stride)


def mean_over_the_full_window(x, size, stride, padding):
    return zeros_around(convlab.avg_pool2d, x, size, stride, padding)


def window_swapped(pool, x, size, stride, padding):
    return pool(x, size[::-1], stride or size, padding)


def stride_swapped(pool, x, size, stride, padding):
    return pool(x, size, stride and stride[::-1], padding)


def stride_of_one(pool, x, size, stride, padding):
    return pool(x, size, stride or 1, padding)


def pool_padding_swapped(pool, x, size, stride, padding):
    return pool(x, size, stride, Window.parse(size, stride or size, padding).pads(x.shape[1:3])[::-1])


def pool_padding_at_the_end(pool, x, size, stride, padding):
    sides = Window.parse(size, stride or size, padding).pads(x.shape[1:3])
    return pool(x, size, stride, tuple((0, before + after) for before, after in sides))


def channels_mixed(pool, x, size, stride, padding):
    return pool(x[..., ::-1], size, stride, padding)


POOL_MUTANTS = [
    window_swapped,
    stride_swapped,
    stride_of_one,
    pool_padding_swapped,
    pool_padding_at_the_end,
    channels_mixed,
]
POOLS = [(convlab.max_pool2d, sweep_max_pool2d), (convlab.avg_pool2d, sweep_avg_pool2d)]


@pytest.mark.parametrize("mutant", POOL_MUTANTS)
@pytest.mark.parametrize(("pool", "sweep_pool"), POOLS, ids=["max", "avg"])
def test_the_sweep_of_pools_kills(pool, sweep_pool, mutant):
    with pytest.raises((AssertionError, convlab.ShapeError), match=r"^Pool\(|more than half of the window"):
        sweep_pool(partial(mutant, pool))


def test_the_sweep_of_pools_kills_zeros_as_padding():
    with pytest.raises(AssertionError, match=r"^Pool\("):
        sweep_max_pool2d(partial(zeros_around, convlab.max_pool2d))
    with pytest.raises(AssertionError, match=r"^Pool\("):
        sweep_avg_pool2d(mean_over_the_full_window)


def test_the_sweeps_of_pools_tell_one_pool_from_the_other():
    with pytest.raises(AssertionError, match=r"^Pool\("):
        sweep_max_pool2d(convlab.avg_pool2d)
    with pytest.raises(AssertionError, match=r"^Pool\("):
        sweep_avg_pool2d(convlab.max_pool2d)
