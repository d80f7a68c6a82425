"""Code for narrower vectors than this processor's, run on it: AVX2's and SSE2's where there is AVX-512."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from functools import partial
from itertools import product
import numpy as np
import convlab
from convlab.ops import nonlinear, piecewise
from convlab.ops.elementwise import merged
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise
from convlab_kernels.cpu.activation_simd import FUNCTIONS
from convlab_kernels.cpu.winograd import FEW
from convlab_kernels.cpu.runtime import micro_kernel, simd
from support.kernels import sweep, winograd_cases

expected = {expected}
got = simd.register_bytes(), simd.registers(), micro_kernel.ROWS
assert got == expected, got
for method, cases in (("indirect_gemm", sweep.CROSSED[::9]), ("pointwise", [sweep.Case((1, 1), (3, 2))])):
    for case in cases:
        sweep.check(partial(convlab.conv2d, method=method), case)
for c, side, stride in product((5, 21), (3, 5), (1, 2)):
    x, w = np.random.default_rng(0).random((2, 9, 19, c), np.float32), np.full((2, side, 1, c), 0.75, np.float32)
    found, expected = (
        convlab.conv2d(x, w, stride=stride, padding=2, groups=c, method=method) for method in ("depthwise", "shifted")
    )
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)
few = [case for case in winograd_cases.CASES if case.tiles(4) <= FEW and case.filters < 99]
assert len(few) > 8
for case in few:
    winograd_cases.check("winograd", case, np.float32, bias=True)
    if case.tiles(2) <= FEW:
        winograd_cases.check("winograd2x2", case, np.float32, bias=True)
x = np.r_[np.linspace(-20, 20, 1003), np.nan, np.inf, -np.inf].astype(np.float32)
for function in FUNCTIONS:
    with np.errstate(all="ignore"):
        expected = (getattr(nonlinear, function, None) or getattr(piecewise, function))(x)
    with using_policy(True):
        found = (getattr(nonlinear, function, None) or getattr(piecewise, function))(x)
        parts = [elementwise.apply(function, x[i:], out := np.empty_like(x[i:]), 1.0) or out for i in range(9)]
    np.testing.assert_allclose(found, expected, rtol=1e-4 if "gelu" in function else 2e-6, atol=1e-30)
    for i, part in enumerate(parts):
        np.testing.assert_array_equal(part, parts[0][i:])
a, b = x.reshape(2, 503)[:, None] * np.ones((2, 5, 1), np.float32), x[:503]
for function in ("add", "subtract", "multiply", "divide", "maximum", "minimum"):
    with using_policy(True):
        for left, right in ((a, b), (a, a[:, :1]), (a, a[..., :1])):
            np.testing.assert_array_equal(merged(function, left, right), getattr(np, function)(left, right))
for columns in (503, 7):
    cells, numbers = x[:1006 // columns * columns].reshape(-1, columns), x[100 : 100 + columns]
    elementwise.normalise(cells, numbers, numbers, numbers, out := np.empty_like(cells))
    np.testing.assert_array_equal(out, (cells - numbers) * numbers + numbers)
    elementwise.rectify(cells, out, 6.0)
    np.testing.assert_array_equal(out, np.clip(cells, 0, np.float32(6)))
print("right")
"""
AVX2 = "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+avx,+avx2,+fma"
PROCESSORS = {"AVX2": ("haswell", AVX2, (32, 16, 6)), "SSE2": ("generic", "", (16, 16, 6))}


def _has(feature):
    try:
        return feature in Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the code is for x86")
@pytest.mark.parametrize("name", PROCESSORS)
def test_kernels_for(name):
    processor, features, expected = PROCESSORS[name]
    if name == "AVX2" and not (_has("avx2") and _has("fma")):
        pytest.skip("this processor has no AVX2, or does not say so")
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": features,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(expected=expected)],
        capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr
