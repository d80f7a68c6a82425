"""The compiled transposed convolution: beside sums in float64, NaN in place, its last step, threads, many images."""

import numpy as np
import pytest

import convlab
from convlab.layers import Conv2DTranspose
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise, transposed_gemm
from convlab_kernels.cpu.activation import activation
from convlab_kernels.cpu.transposed_gemm import TransposedGemm
from convlab_kernels.transposed_window import TransposedWindow
from support.closeness import assert_close, sum_bound

WINDOWS = [  # kernel, stride, padding, dilation, output padding
    ((2, 2), 2, "same", 1, None),  # a U-Net's
    ((2, 2), 2, ((1, 0), (0, 1)), 1, 1),  # as large as the stride, and moved
    ((3, 3), 2, "same", 1, None),
    ((4, 4), 2, 1, 1, None),
    ((3, 2), (1, 3), ((1, 0), (0, 1)), (2, 1), None),
    ((3, 3), 2, 1, 1, 1),
    ((2, 2), 5, 0, 1, 4),  # cells that no input reaches
    ((5, 5), 1, 2, 1, None),
    ((1, 1), 1, 0, 1, None),
]
windows = pytest.mark.parametrize("window", WINDOWS, ids=str)


pytestmark = pytest.mark.usefixtures("some_threads")


def arrays(kernel, images=2, dtype=np.float32):
    random = np.random.default_rng([*kernel, images])
    shapes = (images, 5, 6, 3), (*kernel, 4, 3), (4,)
    return tuple(random.standard_normal(shape).astype(dtype) for shape in shapes)


def scattered(window, x, w):
    """Return what the definition makes, each input's products added where they fall, in float64; and magnitudes."""
    (sy, sx), (dy, dx) = window.stride, window.dilation
    oh, ow = window.output_size(x.shape[1:3])
    total = np.zeros((2, len(x), oh, ow, w.shape[2]))
    for n, y, column, ky, kx in np.ndindex(*x.shape[:3], *w.shape[:2]):
        row, place = y * sy + ky * dy - window.cut[0], column * sx + kx * dx - window.cut[1]
        if 0 <= row < oh and 0 <= place < ow:
            products = w[ky, kx].astype(np.float64) * x[n, y, column].astype(np.float64)
            total[:, n, row, place] += products.sum(axis=1), np.abs(products).sum(axis=1)
    return total


def computed(window, x, w, b=None, **finish):
    out = np.full((len(x), *window.output_size(x.shape[1:3]), w.shape[2]), np.nan, x.dtype)
    TransposedGemm(w, window)(x, out, b, **finish)
    return out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@windows
def test_against_the_definition(window, dtype):
    x, w, b = arrays(window[0], dtype=dtype)
    window = TransposedWindow.parse(*window)
    total, magnitude = scattered(window, x, w)
    bound = sum_bound(w.size // 4 + 1, magnitude + np.abs(b), dtype)
    assert_close(computed(window, x, w, b), total + b, bound)
    assert_close(computed(window, x, w), total, bound)
    assert_close(computed(window, x, w, b, relu=True, ceiling=1.5), (total + b).clip(0, 1.5), bound)


@windows
def test_nan_reaches_what_its_window_covers_and_nothing_else(window):
    x, w, b = arrays(window[0])
    window = TransposedWindow.parse(*window)
    before = computed(window, x, w, b)
    x[1, 2, 3, 0] = np.nan
    _, reached = scattered(window, x, w)
    after = computed(window, x, w, b)
    assert np.array_equal(np.isnan(after), np.isnan(reached)) and np.isnan(after).any()
    assert np.array_equal(after[~np.isnan(reached)], before[~np.isnan(reached)])


def test_an_activation_function_is_the_last_step():
    x, w, b = arrays((2, 2))
    window = TransposedWindow.parse((2, 2), 2)
    plain = computed(window, x, w, b)
    expected = np.empty_like(plain)
    elementwise.apply("silu", plain, expected)
    assert computed(window, x, w, b, activation=activation("silu")).tobytes() == expected.tobytes()


@pytest.mark.parametrize("images", [0, 1, 5])
def test_images_are_computed_some_at_a_time(images, monkeypatch):
    x, w, b = arrays((3, 3), images)
    window = TransposedWindow.parse((3, 3), 2, "same")
    expected = computed(window, x, w, b)
    monkeypatch.setattr(transposed_gemm, "PRODUCT_BYTES", 2 * 5 * 6 * w.size // 3 * 4)
    assert computed(window, x, w, b).tobytes() == expected.tobytes()


def test_the_operation_and_the_layer_use_it(monkeypatch):
    used, kernel = [], TransposedGemm.__call__
    monkeypatch.setattr(TransposedGemm, "__call__", lambda *args, **named: (used.append(1), kernel(*args, **named)))
    x, w, b = arrays((2, 2))
    layer = Conv2DTranspose("up", 4, 2, 2, activation="relu")
    layer.build((5, 6, 3))
    layer.set_weights(kernel=w, bias=b)
    with using_policy(False):
        expected, rectified = convlab.conv2d_transpose(x, w, b, 2), layer(x)
    assert not used
    with using_policy(True):
        np.testing.assert_allclose(convlab.conv2d_transpose(x, w, b, 2), expected, atol=1e-5)
        np.testing.assert_allclose(layer(x), rectified, atol=1e-5)
    assert used == [1, 1]
