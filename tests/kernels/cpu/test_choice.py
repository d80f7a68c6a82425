"""The rule behind `method="auto"`: as it was measured, never what a kernel refuses, and each of its boundaries."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.choice.report import WITHIN
from benchmarks.choice.shapes import case_of
from convlab_kernels.cpu import METHODS
from convlab_kernels.cpu.choice import fastest
from convlab_kernels.window import Window

RECORD = Path(__file__).parents[3] / "benchmarks/results/choice.json"
SAME = Window((3, 3), padding="same")


def test_what_was_measured_is_what_is_chosen():
    rows = json.loads(RECORD.read_text())["rows"]
    costs = []
    for row in rows:
        case, times = case_of(row), row["milliseconds"]
        x, w, _ = case.shapes
        name = fastest(x, w, case.window, case.groups, True)
        assert name == row["chosen"], f"{case}: benchmarks.choice measures what the rule chooses"
        costs.append(times[name] / min(times.values()))
    assert len(costs) == 200 and np.mean([cost <= WITHIN[0] for cost in costs]) > 0.9


KERNELS, STRIDES, DILATIONS = ((1, 1), (3, 3), (2, 3), (5, 1)), ((1, 1), (2, 1)), ((1, 1), (1, 2))
PADDINGS = (((0, 0), (0, 0)), "same", ((1, 2), (0, 3)), ((-1, 0), (0, -2)))
CHANNELS = ((1, 4, 2), (2, 4, 2), (1, 34, 36), (2, 34, 36), (2, 6, 4), (6, 6, 12), (34, 34, 68))  # groups, C, O


@pytest.mark.parametrize(("compiled", "propagate_nan"), [(False, False), (False, True), (True, False), (True, True)])
def test_a_kernel_that_is_chosen_takes_what_it_is_chosen_for(compiled, propagate_nan):
    asked = set()
    for kernel, stride, dilation, padding, (groups, c, o) in product(KERNELS, STRIDES, DILATIONS, PADDINGS, CHANNELS):
        w, window = np.zeros((*kernel, c // groups, o), np.float32), Window(kernel, stride, padding, dilation)
        for n, size in product((1, 5), ((9, 11), (58, 43))):
            name = fastest((n, *size, c), w.shape, window, groups, compiled, propagate_nan)
            if (name, window, groups) not in asked:
                METHODS[name](w, window, groups)  # UnsupportedError where it does not take them
                asked.add((name, window, groups))
    slow = {"im2col", "shifted", "toeplitz"}
    definite = {"pointwise", "depthwise", "indirect_gemm"}  # which leave infinities where they are
    assert {name for name, *_ in asked} == (
        slow if not compiled else definite if propagate_nan else definite | {"widened", "winograd", "winograd2x2"}
    )


@pytest.mark.parametrize(
    ("x", "w", "window", "expected"),
    [
        ((1, 20, 32, 16), (3, 3, 16, 17), SAME, "winograd"),  # 40 tiles of 4 x 4
        ((1, 20, 28, 16), (3, 3, 16, 17), SAME, "winograd2x2"),  # 35, and 140 of 2 x 2
        ((1, 17, 29, 16), (3, 3, 16, 17), SAME, "winograd"),  # 5 * 8 tiles, some cut
        ((3, 14, 14, 16), (3, 3, 16, 17), SAME, "winograd"),  # 48 tiles of three images
        ((1, 14, 14, 16), (3, 3, 16, 17), SAME, "winograd2x2"),  # 49 tiles of 2 x 2
        ((1, 12, 13, 16), (3, 3, 16, 17), SAME, "winograd2x2"),  # 42
        ((1, 12, 12, 16), (3, 3, 16, 17), SAME, "indirect_gemm"),  # 36
        ((1, 8, 8, 256), (3, 3, 256, 256), SAME, "winograd2x2"),  # 16, and much to read
        ((1, 8, 8, 256), (3, 3, 256, 255), SAME, "indirect_gemm"),
        ((1, 8, 6, 256), (3, 3, 256, 256), SAME, "indirect_gemm"),
        ((1, 58, 46, 15), (3, 3, 15, 17), SAME, "indirect_gemm"),  # few channels
        ((1, 58, 45, 17), (3, 3, 17, 15), SAME, "indirect_gemm"),  # few kernels, but an odd number of places
        ((1, 58, 46, 17), (3, 3, 17, 15), SAME, "widened"),
        ((1, 58, 46, 17), (3, 3, 17, 18), Window((3, 3), dilation=(2, 2)), "indirect_gemm"),
        ((1, 58, 46, 17), (1, 1, 17, 18), Window((1, 1), padding=((0, 0), (1, 0))), "indirect_gemm"),
        ((1, 58, 46, 17), (1, 1, 17, 18), Window((1, 1), (2, 2), "same"), "pointwise"),
        ((1, 58, 46, 17), (3, 3, 1, 17), SAME, "depthwise"),
    ],
)
def test_the_boundaries_of_the_rule(x, w, window, expected):
    assert fastest(x, w, window, x[3] // w[2], True) == expected
