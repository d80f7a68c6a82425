"""Each channel by itself on the GPU: multipliers, every walk of the window, parts, NaN, and what it refuses."""

import numpy as np
import pytest

from convlab_kernels.cuda import convolution
from convlab_kernels.cuda.depthwise import Depthwise
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, sum_bound

# in the simulator NumPy computes, which warns where a GPU does not
CASES = [  # image, kernels for each channel, kernel, options
    ((2, 5, 7, 3), 1, (3, 4), {"padding": ((1, 2), (3, 0))}),
    ((2, 9, 6, 5), 2, (3, 2), {"stride": (2, 1), "padding": "same"}),
    ((1, 8, 11, 4), 3, (2, 3), {"stride": (1, 2), "dilation": (3, 2)}),
    ((3, 4, 5, 67), 1, (1, 1), {}),
    ((2, 3, 7, 1), 5, (3, 5), {"padding": 2}),
    ((1, 2, 3, 4), 2, (2, 3), {"padding": ((5, 7), (6, 9)), "dilation": (1, 2)}),  # windows in the padding alone
]


def arrays(case):
    """Return x, w, b and the options of a case."""
    image, multiplier, kernel, options = case
    random = np.random.default_rng([*image, multiplier])
    shapes = image, (*kernel, 1, image[3] * multiplier), (image[3] * multiplier,)
    return (*(random.standard_normal(shape).astype(np.float32) for shape in shapes), options)


def check(gpu, x, w, b, options, relu=False, ceiling=np.inf):
    """Assert that the kernel's answer is the oracle's."""
    with np.errstate(invalid="ignore"):
        total, magnitude = oracle.conv2d(x, w, groups=x.shape[3], **options)
    out = gpu.take(np.full(total.shape, np.nan, np.float32))
    kernel = Depthwise(gpu.take(w), Window.parse(w.shape[:2], **options), x.shape[3])
    kernel(gpu.take(x), out, None if b is None else gpu.take(b), relu, ceiling)
    if b is not None:
        total, magnitude = total + b, magnitude + np.abs(b)
    if relu:
        total = total.clip(0, ceiling)
    assert_close(gpu.give(out), total, sum_bound(w.shape[0] * w.shape[1] + 1, magnitude, np.float32))
    return total


@pytest.mark.parametrize("case", CASES, ids=str)
def test_any_convolution(case, gpu):
    x, w, b, options = arrays(case)
    check(gpu, x, w, b, options)


def test_relu_ceiling_and_no_bias(gpu):
    x, w, b, options = arrays(CASES[0])
    check(gpu, x, w, b, options, relu=True)
    check(gpu, x, w, b, options, relu=True, ceiling=0.5)
    check(gpu, x, w, None, options)


@pytest.mark.parametrize("case", CASES[:3], ids=str)
def test_nan_and_infinity_stay_where_they_are_seen(case, gpu):
    x, w, b, options = arrays(case)
    x[0, 1, 2, 0], x[-1, -1, 0, 2], x[0, 0, -1, 1] = np.nan, np.inf, -np.inf
    w[0, 1, 0, -1] = 0  # times an infinity: NaN
    total = check(gpu, x, w, b, options)
    assert 0 < np.isnan(total).sum() < total.size / 2
    check(gpu, x, w, b, options, relu=True)


def test_as_many_images_at_a_time_as_an_int32_counts(gpu, monkeypatch):
    x, w, b, options = arrays(CASES[1])
    monkeypatch.setattr(convolution, "LARGEST", 9 * 6 * 5 + 5)  # x (N, 9, 6, 5) into (N, 5, 6, 10)
    with pytest.raises(
        UnsupportedError, match=r"depthwise: an image of 300 numbers, expected at most 275: use im2col"
    ):
        check(gpu, x, w, b, options)
    monkeypatch.setattr(convolution, "LARGEST", 599)
    launched = []
    launch = Depthwise.launch
    monkeypatch.setattr(Depthwise, "launch", lambda *args: (launched.append(len(args[1])), launch(*args)))
    check(gpu, x, w, b, options)
    assert launched == [1, 1]


def test_what_it_refuses(gpu):
    w = gpu.take(np.ones((3, 2, 2, 4), np.float32))
    with pytest.raises(UnsupportedError, match=r"depthwise: kernel \(3, 2, 2, 4\) in 2 group\(s\) sees 2 channels"):
        Depthwise(w, Window((3, 2)), 2)
    with pytest.raises(UnsupportedError, match=r"depthwise: an array of float64, expected float32: use im2col"):
        Depthwise(gpu.take(np.ones((3, 2, 1, 4))), Window((3, 2)), 4)
