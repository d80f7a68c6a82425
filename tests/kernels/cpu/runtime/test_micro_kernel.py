"""The micro-kernel: rows from anywhere, taps, depths, bias, clipping, and no number written beside its block."""

from itertools import product

import numba
import numpy as np
import pytest

from convlab_kernels.cpu.runtime import micro_kernel
from convlab_kernels.cpu.runtime.jit import address
from convlab_kernels.cpu.runtime.micro_kernel import (
    AHEAD,
    HALF,
    ROWS,
    multiply_half,
    multiply_narrow,
    multiply_one,
    multiply_rows,
    panel_of,
    panels,
    panels_of,
)
from support.closeness import assert_close, sum_bound


def _calling(multiply):
    @numba.njit
    def call(x, rows, taps, depth, right, bias, addend, out, begin, row, columns, clip, ceiling):
        places = np.zeros(len(rows) + AHEAD, np.int64)
        for i in range(len(rows)):
            places[i] = address(x, rows[i])
        multiply(
            address(places, 0), address(taps, 0), len(taps), depth, address(right, 0), address(places, len(rows)), 0,
            address(out, 0), address(bias, 0), address(addend, begin) if len(addend) else 0, address(out, begin),
            row, columns, clip, ceiling,
        )  # fmt: skip
        return places[0]  # the addresses are alive until here

    return call


KERNELS = {  # name -> how it is called, its rows, and its part of a panel's columns
    "rows": (_calling(multiply_rows), ROWS, 1),
    "half": (_calling(multiply_half), HALF, 1),
    "narrow": (_calling(multiply_narrow), ROWS, 2),
    "one": (_calling(multiply_one), 1, 1),
}
each = pytest.mark.parametrize(
    ("kernel", "dtype"),
    list(product(KERNELS, (np.float32, np.float64))),
    ids=lambda v: v if v in KERNELS else v.__name__,
)


def multiply(kernel, dtype, taps=(0, 40, 7), depth=5, clip=False, ceiling=np.inf, lost=0, adds=False, less=0):
    """Return what the kernel writes into NaN (rows, panel), and the exact result and magnitude.

    The rows begin at random places of x, the taps lie so many numbers further; the first `lost` rows begin with NaN,
    `less` columns are left out.
    """
    call, count, part = KERNELS[kernel]
    random = np.random.default_rng([count, depth, len(taps)])
    width = panel_of(np.dtype(dtype).itemsize)
    x = random.standard_normal(300).astype(dtype)
    rows = random.integers(0, 250, count)
    x[rows[:lost]] = np.nan
    right = random.standard_normal((len(taps), depth, width)).astype(dtype)
    bias = random.standard_normal(width).astype(dtype)
    wide = width // part - less
    out = np.full((count + 2, width + 3), np.nan, dtype)
    addend = random.standard_normal(out.shape).astype(dtype) if adds else out[:0]
    offsets = np.array(taps, np.int64) * x.itemsize
    call(x, rows, offsets, depth, right, bias, addend, out, width + 3 + 1, width + 3, wide, clip, dtype(ceiling))
    inside = slice(1, 1 + count), slice(1, 1 + wide)
    block = out[inside].copy()
    out[inside] = np.nan
    assert np.isnan(out).all(), "numbers beside the block were written"
    left = x[rows[:, None, None] + np.array(taps)[:, None] + np.arange(depth)].astype(np.float64)
    products = left[..., None] * right[..., :wide].astype(np.float64)  # (rows, taps, depth, columns)
    products = products.reshape(count, len(taps) * depth, wide)
    more = addend[inside].astype(np.float64) if adds else np.zeros((count, wide))
    terms = np.concatenate([products, np.broadcast_to(bias[:wide], (count, 1, wide)), more[:, None]], axis=1)
    return block, terms.sum(axis=1), np.abs(terms).sum(axis=1)


@each
@pytest.mark.parametrize(("taps", "depth"), [((0,), 1), ((0, 40, 7), 5), ((9, 0), 8), ((3,), 0), ((0,) * 9, 1)])
def test_a_block_is_bias_and_the_products_of_all_taps(kernel, dtype, taps, depth):
    block, expected, magnitude = multiply(kernel, dtype, taps, depth)
    assert_close(block, expected, sum_bound(len(taps) * depth + 1, magnitude, dtype))


@each
@pytest.mark.parametrize("adds", [False, True])
def test_columns_beside_the_last_one_are_not_touched(kernel, dtype, adds):
    for less in (1, 3, panel_of(np.dtype(dtype).itemsize) // KERNELS[kernel][2] - 1):
        block, expected, magnitude = multiply(kernel, dtype, adds=adds, less=less)
        assert_close(block, expected, sum_bound(3 * 5 + 2, magnitude, dtype), f"{less} columns less")


@each
def test_a_block_is_added_last(kernel, dtype):
    block, expected, magnitude = multiply(kernel, dtype, adds=True)
    assert_close(block, expected, sum_bound(3 * 5 + 2, magnitude, dtype))
    clipped, _, _ = multiply(kernel, dtype, adds=True, clip=True, ceiling=1.5)
    assert np.array_equal(clipped, np.clip(block, 0, 1.5))
    assert (block < 0).any() and (block > 1.5).any()


@each
def test_clipping(kernel, dtype):
    lost = int(KERNELS[kernel][1] > 1)  # of several rows, whose number is the processor's
    plain, _, _ = multiply(kernel, dtype, lost=lost)
    clipped, _, _ = multiply(kernel, dtype, clip=True, ceiling=1.5, lost=lost)
    assert np.isnan(plain).any() == lost and (plain < 0).any() and (plain > 1.5).any()
    assert np.array_equal(clipped, np.clip(plain, 0, 1.5), equal_nan=True)
    relu, _, _ = multiply(kernel, dtype, clip=True, lost=lost)
    assert np.array_equal(relu, np.maximum(plain, 0), equal_nan=True)
    unclipped, _, _ = multiply(kernel, dtype, clip=False, ceiling=1.5, lost=lost)
    assert np.array_equal(unclipped, plain, equal_nan=True)


def test_sums_fit_into_the_registers():
    assert micro_kernel.registers() > ROWS * micro_kernel.VECTORS + micro_kernel.VECTORS + 1
    assert 0 < HALF <= ROWS / 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_panels_hold_the_columns_and_zeros(dtype):
    width = panel_of(np.dtype(dtype).itemsize)
    for columns in (1, width - 1, width, width + 1, 3 * width):
        matrix = np.arange(1, 2 * 5 * columns + 1, dtype=dtype).reshape(2, 5, columns)
        packed = panels(matrix)
        count = panels_of(columns, matrix.itemsize)
        assert packed.shape == (2, count, 5, width) and packed.dtype == dtype and packed.flags.c_contiguous
        whole = packed.swapaxes(1, 2).reshape(2, 5, count * width)
        assert np.array_equal(whole[..., :columns], matrix) and not whole[..., columns:].any()
