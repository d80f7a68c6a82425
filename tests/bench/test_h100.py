"""What an H100 is predicted to take: by counts of our own, by hand, and with the grids that the rungs launch."""

from itertools import product
from math import prod

import numpy as np
import pytest

from convlab.bench import h100
from convlab.bench.convolutions import Case
from convlab_kernels.cuda import METHODS
from convlab_kernels.cuda.compiler.language import Kernel
from convlab_kernels.window import Window

LARGE = Case((56, 56, 256), 256, batch=32)
RAGGED = Case((9, 11, 20), 70, batch=3)
CASES = [
    LARGE,
    RAGGED,
    Case((224, 224, 3), 64),
    Case((14, 14, 512), 512),
    Case((12, 10, 32), 48, Window((5, 3), stride=(2, 1), padding="same")),
]


def seconds(case, method):
    return h100.predict(case, method).run.median


def test_each_rung_has_a_prediction():
    assert set(h100.RUNGS) == set(METHODS)


@pytest.mark.parametrize(
    ("loop", "clocks", "binds"),
    [
        ({"all": 400, "FFMA": 8}, 100, "issue slots"),
        ({"all": 40, "FFMA": 8, "LDS.32": 30, "STS.128": 5}, 50, "shared memory"),
        ({"all": 40, "FFMA": 3, "HMMA.TF32": 60}, 60 / 240, "tensor cores"),  # 1920 products a thread, not 8
    ],
)
def test_by_hand(loop, clocks, binds, monkeypatch):
    """Of 16 x 16 outputs in 200 blocks, the busiest of 132 multiprocessors has 2: 2 x 8 warps go round 18 times."""
    code = {"threads": 256, "code": {"all": 10**6}, "loop": loop}
    monkeypatch.setattr(h100, "_codes", lambda: {"tiled": code})
    monkeypatch.setattr(h100, "MEMORY", np.inf)
    monkeypatch.setattr(h100, "LAUNCH", 1e-9)
    found = h100.predict(Case((40, 40, 16), 32), "tiled")
    assert found.run.median == pytest.approx(1e-9 + 2 * 8 * (144 / 8) * clocks / 1.98e9)
    assert found.bound == binds
    assert not found.wrong


def test_what_moves_much_and_multiplies_little_waits_for_memory():
    case = Case((256, 256, 64), 64, Window((1, 1)), batch=8)
    found = h100.predict(case, "tensor_core")
    assert found.bound == "memory"
    assert found.run.median == pytest.approx(1e-6 + case.bytes / 3.35e12)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_is_faster_than_the_chip(case):
    """A float32 product takes an FP32 unit a clock; Winograd's F(4,3) takes a fourth of them, TF32 an eighth."""
    fewer = {"winograd": 4, "winograd2x2": 2.25, "tensor_core": 8, "tensor_core_3x": 8 / 3}
    for method in METHODS:
        found = h100.predict(case, method)
        if not found.skipped:
            inside = h100._cells(case) / prod(case.window.kernel)  # the naive rungs leave out what is padding
            products = case.flops / 2 / fewer.get(method, 1) * inside
            assert found.run.median > max(products / (132 * 128 * 1.98e9), case.bytes / 3.35e12), method


def test_each_rung_of_the_ladder_gains():
    ladder = "direct_strided", "direct", "tiled", "blocked", "implicit_gemm", "tensor_core_3x", "tensor_core"
    times = [seconds(LARGE, method) for method in ladder]
    assert times == sorted(times, reverse=True)
    assert seconds(LARGE, "winograd") < seconds(LARGE, "winograd2x2") < seconds(LARGE, "implicit_gemm")


GRIDS = [
    *product(
        [name for name in METHODS if name not in ("im2col", "depthwise")],
        [RAGGED, Case((14, 13, 96), 64), Case((30, 30, 8), 130, batch=2)],
    ),
    ("depthwise", Case((9, 11, 20), 40, groups=20, batch=3)),
]


@pytest.mark.parametrize(("method", "case"), GRIDS, ids=str)
def test_the_grids_are_those_that_the_rungs_launch(case, method, monkeypatch):
    launched, assumed = [], []
    monkeypatch.setattr(Kernel, "__call__", lambda kernel, grid, *_: launched.append((kernel.name, prod(grid))))
    x, w, _ = (np.zeros(shape, np.float32) for shape in case.shapes)
    with np.errstate(all="ignore"):  # no kernel fills its memory: products are taken of whatever is there
        METHODS[method](w, case.window, case.groups)(x, np.zeros(case.output, np.float32))
    launch = h100._launch

    def noted(name, blocks, *rest, **others):
        assumed.append((name, blocks))
        return launch(name, blocks, *rest, **others)

    monkeypatch.setattr(h100, "_launch", noted)
    h100.predict(case, method)
    assert assumed == launched


def test_what_a_rung_does_not_take_is_skipped_in_its_words():
    assert h100.predict(Case((9, 9, 4), 4, Window((5, 5))), "winograd").skipped.startswith("kernel (5, 5), stride")
    assert h100.predict(Case((9, 9, 4), 4, groups=2), "direct").skipped == "2 groups, expected 1: use im2col"
    assert h100.predict(RAGGED, "torch").skipped == "not predicted: its machine code is not ours"


def test_copies_take_the_bus():
    there, back = h100.copies(RAGGED)
    assert (there, back) == pytest.approx((4 * 3 * 99 * 20 / 64e9, 4 * 3 * 99 * 70 / 64e9))
