"""Rungs 8 and 9: matrix instructions, in factors of 11 bits and in float32's; what their errors may be, and why.

An instruction adds 8 products to a number: nine addends, each cut to 24 bits of the largest, and a sum cut to 24.
With magnitudes that sum to m this errs by at most INSTRUCTION m, INSTRUCTION = 10 2^-23. Newer GPUs keep more bits
(Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores", PeerJ Computer Science 7:e330, 2021).
"""

import numpy as np
import pytest

from convlab.simulator.machine import Machine
from convlab_kernels.cuda import tensor_core, tensor_core_kernel
from convlab_kernels.cuda.compiler.intrinsics import multiply_tf32, wait_group
from convlab_kernels.cuda.tensor_core import (
    TF32,
    TF32_3X,
    TensorCore,
    TensorCore3x,
    kernels_for,
    multiply_rounded,
    multiply_split,
    tile_for,
)
from convlab_kernels.cuda.tensor_core_kernel import Tile
from convlab_kernels.window import Window
from support.closeness import gamma
from support.cuda.rungs import ANY, Case, check

INSTRUCTION = 10 * 2.0**-23
UNIT = 2.0**-24  # of float32
SMALL = Tile(32, 32, 16, 32, depth=16, stages=3, blocks=1)  # two warps: fast to simulate
WIDE = Case((2, 5, 4, 20), 38, (3, 1), padding=((0, 1), (2, 1)))  # 4 blocks: 56 pixels, 38 channels; 3.75 steps
DEEP = Case((2, 3, 4, 20), 7, (3, 2), padding=((1, 0), (0, 0)))  # 12 pixels; 7.5 steps


class Small(TensorCore):
    kernels = kernels_for(multiply_rounded, "small", SMALL)


class Small3x(TensorCore3x):
    kernels = kernels_for(multiply_split, "small_3x", SMALL)


def instructions(case):
    """Return how many add products to an output; others add zeros."""
    return case.kernel[0] * case.kernel[1] * -(-case.image[3] // 4) * 4 / 8 + 1


def bound(case):
    """Return what TF32 may err by: two factors rounded to 11 bits, then the instructions one after the other."""
    factors = (1 + 2.0**-11) ** 2
    errors = factors * (1 + INSTRUCTION) ** instructions(case) * (1 + UNIT) - 1
    return (errors + gamma(case.terms, np.float64)) * case.arrays()[4]


def bound_3x(case):
    """Return what 3xTF32 may err by.

    A product loses what is small times what is small, (2^-10)^2, and twice two bits, 3 2^-23. Three instructions add
    8 products, and what the first two add is below 2^-9 of the rest. float32 adds those sums.
    """
    product = 2.0**-20 + 6 * 2.0**-23
    errors = (1 + product) * (1 + (1 + 2.0**-7) * INSTRUCTION) * (1 + UNIT) ** (instructions(case) + 1) - 1
    return (errors + gamma(case.terms, np.float64)) * case.arrays()[4]


BOTH = pytest.mark.parametrize(("rung", "allowed"), [(Small, bound), (Small3x, bound_3x)])


@BOTH
@pytest.mark.parametrize("case", [*ANY, WIDE, DEEP], ids=str)
def test_any_convolution(rung, allowed, case, gpu):
    check(gpu, rung, case, allowed)


@BOTH
def test_relu_ceiling_and_no_bias(rung, allowed, gpu):
    check(gpu, rung, ANY[0], allowed, relu=True, ceiling=1.5)
    check(gpu, rung, ANY[1], allowed, bias=False)


@pytest.mark.parametrize("tile", TF32, ids=str)
def test_tiles_of_tf32(tile, gpu):
    class Rung(TensorCore):
        kernels = {tile: TF32[tile]}  # noqa: RUF012

    check(gpu, Rung, Case((1, 9, 6, 5), tile.channels - 5, (2, 1)), bound)


@pytest.mark.parametrize("tile", TF32_3X, ids=str)
def test_tiles_of_3xtf32(tile, gpu):
    class Rung(TensorCore3x):
        kernels = {tile: TF32_3X[tile]}  # noqa: RUF012

    check(gpu, Rung, Case((1, 9, 6, 5), tile.channels - 5, (2, 1)), bound_3x)


def convolved(gpu, rung, x, w):
    """Return w (O, C) at each number of x (P, C)."""
    out = gpu.take(np.full((1, len(x), 1, len(w)), np.nan, np.float32))
    rung(gpu.take(w.T[None, None].copy()), Window.parse(1))(gpu.take(x[None, :, None]), out)
    return gpu.give(out)[0, :, 0]


class Cut(TensorCore):
    """What rounds no activation."""

    kernels = kernels_for(multiply_tf32, "small_cut", SMALL)


def test_factors_are_rounded_not_cut(gpu):
    """All of them lie as far above a number of TF32 as below the next, but for the last bit: cut, all err one way."""
    x, w = np.full((3, 8), 1 + 2.0**-10 - 2.0**-23, np.float32), np.full((2, 8), 1 + 2.0**-10 - 2.0**-23, np.float32)
    exact = 8 * x[0, 0].astype(np.float64) ** 2
    assert np.abs(convolved(gpu, Small, x, w) - exact).max() < 2.0**-21 * exact
    assert np.abs(convolved(gpu, Cut, x, w) - exact).min() > 0.99 * 2.0**-10 * exact
    ties = np.array([[1 + 2.0**-11], [-1 - 2.0**-11], [2 - 2.0**-11], [2.0**-149], [0]], np.float32)
    rounded = np.array([[1 + 2.0**-10], [-1 - 2.0**-10], [2], [0], [0]], np.float32)
    np.testing.assert_array_equal(convolved(gpu, Small, ties, np.ones((1, 1), np.float32)), rounded)
    np.testing.assert_array_equal(convolved(gpu, Small, np.ones((1, 1), np.float32), ties), rounded.T)


@pytest.mark.filterwarnings("ignore:invalid value")  # NumPy's, of a weight that is a signalling NaN
@pytest.mark.parametrize("bits", [0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001])
@pytest.mark.parametrize("rung", [Small, Small3x])
def test_nan_stays_nan_whatever_its_bits(rung, bits, gpu):
    """GPUs make 0x7FFFFFFF, to which an integer cannot be added; the last, if cut, would be infinity."""
    x, w = np.ones((3, 4), np.float32), np.ones((2, 4), np.float32)
    x.view(np.uint32)[1, 2] = bits
    np.testing.assert_array_equal(convolved(gpu, rung, x, w), [[4, 4], [np.nan, np.nan], [4, 4]])
    np.testing.assert_array_equal(convolved(gpu, rung, w, x), [[4, np.nan, 4], [4, np.nan, 4]])


@pytest.mark.parametrize(("rung", "infinity"), [(Small, np.inf), (Small3x, np.nan)])
def test_infinite_factors(rung, infinity, gpu):
    x, w = np.ones((3, 4), np.float32), np.ones((2, 4), np.float32)
    x[1, 2] = np.inf
    np.testing.assert_array_equal(convolved(gpu, rung, x, w), [[4, 4], [infinity, infinity], [4, 4]])
    np.testing.assert_array_equal(convolved(gpu, rung, w, x), [[4, infinity, 4], [4, infinity, 4]])


def spoiled(monkeypatch, name):
    """Return the small rung, its kernel made anew without one of the things that order its threads."""
    if name == "syncthreads":
        monkeypatch.setattr(Machine, "syncthreads", lambda machine: None)
    elif name == "commit_group":
        monkeypatch.setattr(tensor_core_kernel, "commit_group", lambda: None)
    else:
        monkeypatch.setattr(tensor_core_kernel, "wait_group", lambda groups: wait_group(groups + 1))
    made = kernels_for(tensor_core.multiply_rounded, "spoiled", SMALL)
    return type("Spoiled", (TensorCore,), {"kernels": made})


@pytest.mark.parametrize("name", ["syncthreads", "commit_group", "wait_group"])
def test_nothing_that_orders_threads_can_be_left_out(name, gpu, monkeypatch):
    if gpu.take is not np.array:
        pytest.skip("a GPU may be right by luck")
    with pytest.raises(AssertionError, match="values are off"):
        check(gpu, spoiled(monkeypatch, name), DEEP, bound)


def test_the_tile_is_the_largest_that_fills_the_chip():
    tiles = tuple(TF32)
    chosen = {
        (batch, size, o): tile_for(tiles, batch * size**2, o, 132)
        for batch, size, o in [(32, 14, 512), (32, 224, 64), (1, 14, 512), (1, 56, 256), (8, 7, 96), (1, 112, 65)]
    }
    assert [(tile.pixels, tile.channels) for tile in chosen.values()] == [
        (128, 128),  # 196 tiles
        (128, 64),  # half of a wider one would be empty
        (64, 64),  # 8 tiles of the largest, 16 of the next
        (64, 64),  # 50, 100
        (64, 64),
        (128, 64),  # 98, 196
    ]
