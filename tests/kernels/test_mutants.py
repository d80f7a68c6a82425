"""A test of the tests: convolutions and poolings with one mistake each, of which none may pass the sweeps."""

from functools import partial

import numpy as np
import pytest

import convlab
from convlab_kernels.window import Window
from support.kernels import mutants, winograd_cases
from support.kernels.mutants import MUTANTS
from support.kernels.pool_sweep import sweep_avg_pool2d, sweep_max_pool2d
from support.kernels.sweep import CHANNELS, DILATIONS, KERNELS, PADDINGS, STRIDES, sweep

WINOGRAD_MUTANTS = [
    mutant
    for mutant in MUTANTS
    if mutant  # those that speak of what Winograd's convolution does not take, and of float64, are none here
    not in (
        mutants.groups_interleaved,
        mutants.dilation_ignored,
        mutants.strides_swapped,
        mutants.size_rounded_up,
        mutants.same_begins_with_the_odd_cell,
        mutants.strides_beyond_the_kernel_ignored,
        mutants.products_of_float32_for_float64,
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
