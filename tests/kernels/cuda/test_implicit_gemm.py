"""Rung 5: all the ways in which its tiles are ragged, its depth is split and its channels come not in fours."""

import sys

import numpy as np
import pytest

from convlab.simulator.machine import Machine
from convlab_kernels.cuda import convolution, implicit_gemm
from convlab_kernels.cuda.implicit_gemm import ImplicitGemm
from convlab_kernels.cuda.tiles import TILES, Tile, Tiling
from support.cuda.rungs import ANY, Case, check

WARP = Tile(32, 64, 1)  # the least there is: fast to simulate
SMALL = TILES[-1]  # 64 x 64, two warps
RAGGED = Case((2, 6, 8, 12), 70, padding=((1, 0), (2, 1)))  # 100 pixels, 70 channels, 4.5 steps


def cut_into(monkeypatch, tile, parts):
    """Let every product be cut so, whatever the rule says."""

    def choose_tiling(pixels, channels, steps, multiprocessors):
        each = -(-steps // parts)
        return Tiling(tile, each, -(-steps // each))

    monkeypatch.setattr(implicit_gemm, "choose_tiling", choose_tiling)


@pytest.mark.parametrize("case", ANY, ids=str)
def test_any_convolution(case, gpu):
    check(gpu, ImplicitGemm, case)


@pytest.mark.parametrize("tile", TILES, ids=str)
def test_tiles_ragged_on_all_sides(tile, gpu, monkeypatch):
    cut_into(monkeypatch, tile, 1)
    check(gpu, ImplicitGemm, Case((3, 7, 9, 5), tile.channels + 6, (2, 1)))  # 162 pixels; 16 of depth


@pytest.mark.parametrize("parts", [1, 3, 5])
def test_the_depth_in_parts(parts, gpu, monkeypatch):
    cut_into(monkeypatch, SMALL, parts)
    check(gpu, ImplicitGemm, RAGGED, relu=True, ceiling=9.5)


@pytest.mark.parametrize("parts", [1, 2])
def test_no_bias(parts, gpu, monkeypatch):
    cut_into(monkeypatch, SMALL, parts)
    check(gpu, ImplicitGemm, ANY[1], bias=False)


@pytest.mark.parametrize("channels", range(1, 21))
def test_any_number_of_input_channels(channels, gpu, monkeypatch):
    cut_into(monkeypatch, WARP, 1)
    check(gpu, ImplicitGemm, Case((1, 3, 4, channels), 5, (2, 3)))


@pytest.mark.parametrize("filters", [1, 2, 3, 4, 63, 64, 65, 66, 67, 68])
def test_any_number_of_output_channels(filters, gpu, monkeypatch):
    cut_into(monkeypatch, WARP, 1)
    check(gpu, ImplicitGemm, Case((1, 3, 5, 6), filters, (2, 1)))


def test_strides_and_dilations_over_several_steps(gpu):
    check(gpu, ImplicitGemm, Case((2, 13, 11, 12), 9, (3, 2), (2, 3), ((2, 1), (0, 3)), (3, 2)))


@pytest.mark.parametrize("parts", [1, 2])
def test_a_nan_is_in_its_windows_and_nowhere_else(parts, gpu, monkeypatch):
    """The depth ends within a step: what lies behind the last tap is not read, or it would be NaN times zero."""
    cut_into(monkeypatch, SMALL, parts)
    case = Case((2, 7, 5, 4), 6, (2, 3))
    x, w, _, expected, _ = case.arrays()
    x = x.copy()
    x[0, -1] = np.nan
    out = gpu.take(np.zeros(expected.shape, np.float32))
    ImplicitGemm(gpu.take(w), case.window)(gpu.take(x), out, relu=True)
    spoiled = np.isnan(gpu.give(out))
    assert spoiled[0, -1].all()
    assert not spoiled[0, :-1].any() and not spoiled[1].any()


def test_images_are_counted_with_channels_in_fours(gpu, monkeypatch):
    case = ANY[0]  # three channels
    launched, launch = [], ImplicitGemm.launch
    monkeypatch.setattr(ImplicitGemm, "launch", lambda *args: launched.append(len(args[1])) or launch(*args))
    n, h, w, _ = case.image
    monkeypatch.setattr(convolution, "LARGEST", n * h * w * 4 - 1)
    check(gpu, ImplicitGemm, case)
    assert launched == [1, 1]


@pytest.mark.parametrize("removed", [0, 1])
def test_without_a_barrier_it_is_wrong(removed, monkeypatch, gpu):
    """The tests above would see a race: there are two barriers, and each is needed."""
    wait, places = Machine.syncthreads, []

    def skip(machine):
        place = sys._getframe(1).f_lasti
        if place not in places:
            places.append(place)
        if places.index(place) != removed:
            wait(machine)

    monkeypatch.setattr(Machine, "syncthreads", skip)
    with pytest.raises(AssertionError, match="values are off"):
        check(gpu, ImplicitGemm, RAGGED)
    assert len(places) == 2
