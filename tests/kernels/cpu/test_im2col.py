"""The memory of im2col: blocks of output rows under a budget, and an output it can fill."""

import tracemalloc

import numpy as np
import pytest

import convlab
from convlab_kernels.cpu import Im2col, im2col
from support.kernels.sweep import Case, check


class Blocks:
    """The rows of the blocks that im2col makes, and the bytes of the buffer it makes them in."""

    def __init__(self, monkeypatch):
        self.rows, self.buffers, block = [], set(), Im2col._block

        def record(kernel, views, columns, *rest):
            self.rows.append(len(views))
            self.buffers.add(columns.nbytes)
            block(kernel, views, columns, *rest)

        monkeypatch.setattr(Im2col, "_block", record)


@pytest.mark.parametrize(
    ("budget", "rows"),
    [(1, [1] * 11), (52_000, [4, 4, 3]), (40_000, [3, 3, 3, 2]), (142_559, [10, 1]), (142_560, [11])],
)
def test_blocks_of_rows_stay_under_the_budget(budget, rows, monkeypatch):
    case = Case((4, 5), (1, 2), (2, 1), (1, 2), "2 groups", batch=1, size=(10, 23))
    seen = Blocks(monkeypatch)
    row_bytes = 9 * 4 * 5 * 18 * 4
    monkeypatch.setattr(im2col, "COLUMN_BYTES", budget)
    for bias in (True, False):
        check(convlab.conv2d, case, bias=bias)
    assert seen.rows == rows * 2
    assert max(seen.buffers) <= max(budget, row_bytes)


def test_blocks_of_several_images(monkeypatch):
    seen = Blocks(monkeypatch)
    monkeypatch.setattr(im2col, "COLUMN_BYTES", 6_000)
    case = Case((2, 3), (1, 1), ((1, 2), (3, 0)), batch=3)
    check(convlab.conv2d, case)
    assert seen.rows == [2, 2, 2, 1] * 3


def test_float64_columns_count_twice(monkeypatch):
    seen = Blocks(monkeypatch)
    monkeypatch.setattr(im2col, "COLUMN_BYTES", 50_000)
    check(convlab.conv2d, Case((4, 5), (1, 2), (2, 1), (1, 2), "2 groups", batch=1, size=(10, 23)), np.float64)
    assert max(seen.buffers) <= 50_000 and len(seen.rows) > 3


@pytest.mark.parametrize("images", [1, 7])
@pytest.mark.parametrize("groups", [1, 2, 16])
def test_peak_memory_is_the_budget_the_one_padded_image_and_the_result(groups, images, monkeypatch):
    monkeypatch.setattr(im2col, "COLUMN_BYTES", 100_000)
    random = np.random.default_rng(0)
    x = random.standard_normal((images, 61, 53, 16), np.float32)
    w = random.standard_normal((3, 4, 16 // groups, 32), np.float32)
    assert 61 * 53 * 3 * 4 * 16 * 4 > 20 * 100_000
    convlab.conv2d(x[:, :9, :9], w, padding=(2, 1), groups=groups, method="im2col")
    tracemalloc.start()
    try:
        out = convlab.conv2d(x, w, padding=(2, 1), groups=groups, method="im2col")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    padded = 65 * 55 * 16 * 4
    assert peak <= 100_000 + padded + out.nbytes + w.nbytes + 20_000
